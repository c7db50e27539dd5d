"""Every kind of problem the API answers with: what it means and how to go on. Each has a page at its `type` address."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class ProblemType:
    """One kind: `slug` is its page, `detail` an example of the sentence that comes with it."""

    slug: str
    status: int
    title: str
    meaning: str
    remedy: str
    detail: str

    @property
    def uri(self) -> str:
        """The `type` member of a problem document."""
        return f"/problems/{self.slug}/"


_ALL: Final = (
    ProblemType(
        "unparsable",
        400,
        "The request cannot be read",
        "The body is not JSON with one meaning: broken syntax, a key twice, a number no JSON reader agrees on, a character that cannot "
        "be stored, or nesting beyond 64 levels.",
        "Send UTF-8 JSON without a byte order mark. Numbers beyond 2^53 travel as text.",
        "The key “outcome” occurs twice in one object.",
    ),
    ProblemType(
        "unreadable",
        400,
        "The event cannot be read",
        "The body is no CloudEvent, or no message the system's connector understands. `code` says what is wrong.",
        "Send CloudEvents 1.0, structured, batched or binary, or what your connector was made for.",
        "The event has no “id”.",
    ),
    ProblemType(
        "bad-query",
        400,
        "The list cannot be asked for like this",
        "A filter, a value, a sort or a page does not exist. Nothing was searched: a bad filter never shows more than was asked for.",
        "Take the name that is suggested; each list names its filters in the reference.",
        "Type “adress” is not known. Did you mean “address”?",
    ),
    ProblemType(
        "idempotency-key-missing",
        400,
        "The request needs an Idempotency-Key",
        "Requests that create or act carry a key of your choice, so that sending them again acts once.",
        "Send an Idempotency-Key header of 16 to 128 printable characters, new for each act and the same for each repetition.",
        "Send an Idempotency-Key header of 16 to 128 printable characters.",
    ),
    ProblemType(
        "not-authenticated",
        401,
        "Who are you?",
        "The request has no session and no API token, or the token is unknown, expired or revoked.",
        "Send `Authorization: Bearer <token>`, or sign in.",
        "This API token is unknown, expired or revoked.",
    ),
    ProblemType(
        "signature-refused",
        401,
        "The sender is not proven",
        "The signature is missing, does not fit the body and a secret in force, or is older than 300 s.",
        "Sign id.timestamp.body with the shared secret (Standard Webhooks), and keep your clock right.",
        "The signature does not fit.",
    ),
    ProblemType(
        "not-permitted",
        403,
        "You may not do this",
        "You are known, and lack a permission, or may not do this to this record. The attempt is in the audit trail.",
        "`missing_permission` names the permission and `who_can` the roles that have it. Ask one of them.",
        "This needs the permission “exceptions.decide_waiver”. People who have it: ops lead, admin.",
    ),
    ProblemType(
        "not-found",
        404,
        "There is no such thing",
        "No such record or address, or a record of a client you do not work for; the two are not told apart.",
        "Check the key and your token's clients.",
        "There is no exception EX-99999, or it is not yours to see.",
    ),
    ProblemType(
        "method-not-allowed",
        405,
        "Not in this way",
        "The resource exists, and does not do this.",
        "The `Allow` header names what it does.",
        "Method “DELETE” not allowed.",
    ),
    ProblemType(
        "not-acceptable",
        406,
        "Only JSON is spoken here",
        "The `Accept` header excludes application/json.",
        "Accept application/json.",
        "Could not satisfy the request Accept header.",
    ),
    ProblemType(
        "conflict",
        409,
        "Somebody was faster, or something stands in the way",
        "The record's present state or another record forbids the act. `code` says which rule it was.",
        "Read the record again, then decide.",
        "Step 2 of EX-20418 was already done.",
    ),
    ProblemType(
        "id-conflict",
        409,
        "The same id with other content",
        "An event with this id came before, and said something else. The first one counts.",
        "Use a new id for a change.",
        "This id was sent before with other content; use a new id for a change.",
    ),
    ProblemType(
        "illegal-transition",
        409,
        "It is too late, or too early, for this",
        "The record's state does not allow this act.",
        "Ask `available-actions` what can be done now.",
        "EX-20418 is “resolved”, so it cannot be taken now.",
    ),
    ProblemType(
        "still-running",
        409,
        "The first request is still being worked on",
        "A request with the same Idempotency-Key has not been answered yet.",
        "Wait as long as `Retry-After` says and send the same request again: you then get the first one's answer.",
        "A request with this Idempotency-Key is still being worked on.",
    ),
    ProblemType(
        "stale-version",
        412,
        "It changed since you looked",
        "The version in If-Match is not the current one. Nothing was done.",
        "`current` is the record as it is now: look at it, and send its ETag.",
        "Lee Chan was faster: EX-20418 changed at 09:12 UTC and is now “taken” with Logistics.",
    ),
    ProblemType(
        "too-large",
        413,
        "That is too much at once",
        "The body is longer than is read (1 MB).",
        "Send less, or in several requests.",
        "The body is longer than 1048576 bytes.",
    ),
    ProblemType(
        "unsupported-media-type",
        415,
        "Only JSON is understood here",
        "The body is in another format, or compressed.",
        "Send `Content-Type: application/json`, uncompressed.",
        "Unsupported media type “text/xml” in request.",
    ),
    ProblemType(
        "invalid-input",
        422,
        "Something in it cannot be accepted",
        "The body can be read, and says something that cannot be: every such place is in `errors` with a JSON pointer.",
        "Correct the named fields and send it again.",
        "Choose one of: Address corrected, Order cancelled.",
    ),
    ProblemType(
        "contract-violation",
        422,
        "The contract is broken",
        "The event can be read, and does not say what its contract demands. It is kept as a dead letter: `dead_letter` is its key.",
        "Correct the named places and send it under a new id; or ask the contract's owner to replay it.",
        "/lines/0/quantity: 0 is less than the minimum of 1",
    ),
    ProblemType(
        "idempotency-key-reused",
        422,
        "This Idempotency-Key was used for something else",
        "The key belongs to a request with another body or address.",
        "Use a new key for a new act.",
        "This Idempotency-Key belongs to another request.",
    ),
    ProblemType(
        "version-missing",
        428,
        "Which version did you look at?",
        "An act on a record needs If-Match, so that nobody undoes what he has not seen.",
        "Read the record and send its ETag as If-Match.",
        "Send the ETag of what you looked at as If-Match.",
    ),
    ProblemType(
        "too-many-requests",
        429,
        "Slower, please",
        "The token's rate is used up.",
        "Wait as long as `Retry-After` says.",
        "Request was throttled. Expected available in 21 seconds.",
    ),
    ProblemType(
        "internal-error",
        500,
        "We made a mistake",
        "Something failed that is not your doing; nothing was changed.",
        "Try again; if it stays, tell support the `trace_id`.",
        "Something failed on our side. Nothing was changed.",
    ),
    ProblemType(
        "unavailable",
        503,
        "Not now",
        "The database is not there, or too busy; nothing was changed.",
        "Wait as long as `Retry-After` says and send the same request again.",
        "The database does not answer.",
    ),
)
PROBLEM_TYPES: Final[Mapping[str, ProblemType]] = MappingProxyType({one.slug: one for one in _ALL})
