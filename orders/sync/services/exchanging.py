"""How something is said to another system and its answer heard: what a delivery and a test of the connection share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx2
from django.conf import settings

from audit.transport import AddressRefused, PublicTransport
from orders.sync import signatures
from orders.sync.redaction import redacted

EXCHANGE_SECONDS = 15  # the longest an answer may drip
TIMEOUT_SECONDS = settings.DELIVERY_TIMEOUT_SECONDS
MOST_RESPONSE = 65_536
SHOWN_OF_RESPONSE = 300
Client = httpx2.Client


@dataclass(frozen=True)
class Answer:
    """What one attempt brought, and when: a status, or why there was none."""

    status: int | None
    error: str
    head: str
    duration_ms: int
    at: datetime

    @property
    def accepted(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's range of success

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants to be told nothing more, as Standard Webhooks lets it say."""
        return self.status == 410  # noqa: PLR2004 -- HTTP's Gone


def signed(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that prove a message with every secret in force (the receiver may still lack the newest); none without a secret."""
    newest, *older = secrets or [""]
    return signatures.sign(secret=newest, older=older, message_id=message_id, at=at, body=body) if newest else {}


def client() -> httpx2.Client:
    """For addresses of other systems: none of our own network, nowhere else than told, and not for long."""
    transport = PublicTransport(allowed=settings.ALLOWED_PRIVATE_HOSTS, seconds=EXCHANGE_SECONDS)
    return httpx2.Client(transport=transport, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)


def exchange(
    client: httpx2.Client, url: str, body: bytes, headers: Mapping[str, str], personal: frozenset[str] = frozenset()
) -> tuple[int | None, str, str]:
    """What came back: a status, why it is none or no good one, and how the answer begins, without what is `personal`."""
    try:
        with client.stream("POST", url, content=body, headers=dict(headers)) as response:
            error = "" if response.is_success else f"HTTP {response.status_code}"
            return response.status_code, error, _head(response, personal)
    except AddressRefused as refused:
        return None, str(refused), ""
    except httpx2.TimeoutException:
        return None, f"no answer in {TIMEOUT_SECONDS} s", ""
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as failure:
        return None, f"{type(failure).__name__}: not reachable", ""


def _head(response: httpx2.Response, personal: frozenset[str]) -> str:
    """How the answer begins, if it can be read as it came: nothing is unpacked for a stranger."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return ""
    raw = next(response.iter_raw(MOST_RESPONSE), b"")
    return redacted(raw.decode(errors="replace"), personal=personal, longest=SHOWN_OF_RESPONSE)
