"""How a notice leaves the product by chat (apprise) and by pager (Events API v2): one try, and what came of it. No database here.

Nothing is sent into our own network. A pager's address is checked where the connection is made. Apprise makes its own connections, so
only services we know are used: those of vendors, whose hosts are theirs, and those of one's own servers, whose host is checked before
every message, has to prove itself by its certificate and may not send us elsewhere; so a name that changes its mind gains nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from django.conf import settings
from django.utils.translation import gettext_noop as noop

from audit.transport import AddressRefused, PublicTransport, addresses_of
from audit.words import Said, said

logger = logging.getLogger(__name__)

VENDORS: Final = frozenset({"slack", "discord", "gchat", "tgram", "wxteams", "opsgenie", "pover"})
OWN_SERVERS: Final = frozenset(
    {"json", "jsons", "gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets", "workflow", "workflows"}
)
EVENTS_V2: Final = "https://events.pagerduty.com/v2/enqueue"
TIMEOUT_SECONDS: Final = 10
EXCHANGE_SECONDS: Final = 15
MOST_SUMMARY: Final = 1_024
MOST_KEY: Final = 255
# As RFC 9110 has them: these do not get better by asking again.
REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
PAGE_SEVERITIES: Final = {"P1": "critical", "P2": "error", "P3": "warning"}


@dataclass(frozen=True)
class Tried:
    """What one try brought: nothing to say, or why it was not taken; `refused` says that trying again will not help."""

    error: str = ""
    refused: bool = False

    @property
    def taken(self) -> bool:
        """Whether the other side has it."""
        return not self.error


class ChannelRefused(ValueError):
    """No such way out: not a service we know, or an address inside our own network; `why` says it in words for the reader."""

    def __init__(self, why: Said) -> None:
        super().__init__(why)
        self.why = why


def check_chat(url: str) -> str:
    """What people may see of an apprise URL. Raises `ChannelRefused` saying what is wrong with it; asks the resolver."""
    service = _service(url)
    _refuse_inside(service, urlsplit(url).scheme.lower())
    host = f" {service.host}" if urlsplit(url).scheme.lower() in OWN_SERVERS else ""
    return f"{urlsplit(url).scheme.lower()}{host} …{url.rstrip('/')[-4:]}"


def send_chat(url: str, *, title: str, body: str) -> Tried:
    """One message through an apprise URL."""
    try:
        service = _service(url)
        _refuse_inside(service, urlsplit(url).scheme.lower())
    except ChannelRefused as refused:
        return Tried(str(refused), refused=True)
    except OSError:
        return Tried(noop("the name of the server is not known now"))
    taken = service.notify(body=body, title=title)
    return Tried() if taken else Tried(noop("the chat did not take it"))


def _service(url: str) -> Any:
    import apprise  # noqa: PLC0415 -- slow import

    if urlsplit(url).scheme.lower() not in VENDORS | OWN_SERVERS:
        raise ChannelRefused(
            said("Use one of these services: %(names)s.", names=", ".join(sorted(VENDORS | OWN_SERVERS)))
        )
    asset = apprise.AppriseAsset(http_redirects=False, async_mode=False)
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        raise ChannelRefused(said("This is no address apprise understands."))
    # What the address itself may say about these two is not asked.
    service.redirects, service.verify_certificate = False, True
    return service


def _refuse_inside(service: Any, scheme: str) -> None:
    if scheme in VENDORS:
        return
    secure = service.secure_protocol
    is_secure = scheme in ((secure,) if isinstance(secure, str) else secure)
    port = service.port or (443 if is_secure else 80)
    if not is_secure and f"{service.host}:{port}" not in settings.ALLOWED_PRIVATE_HOSTS:
        raise ChannelRefused(said("Use the encrypted form of this service: %(scheme)s.", scheme=f"{scheme}s"))
    try:
        addresses_of(service.host.strip("[]"), port, allowed=settings.ALLOWED_PRIVATE_HOSTS)
    except AddressRefused as refused:
        raise ChannelRefused(said("Messages are not sent there: %(why)s.", why=said(str(refused)))) from None


def check_endpoint(url: str) -> None:
    """Raises `ChannelRefused` for an address pages cannot be sent to."""
    parts = urlsplit(url)
    allowed = parts.netloc in settings.ALLOWED_PRIVATE_HOSTS
    if parts.username is not None or not parts.hostname or (parts.scheme != "https" and not allowed):
        raise ChannelRefused(said("Pages are sent by https, to an address without name and password."))


def page_event(
    action: str,
    *,
    key: str,
    routing_key: str,
    payload: Mapping[str, Any] | None = None,
    url: str = "",
    runbook: str = "",
) -> dict[str, Any]:
    """A document of the Events API v2; `action` is trigger, acknowledge or resolve, and only a trigger says what happened."""
    event: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": key}
    if payload is not None:
        page = url.partition("#")[0]
        links = [{"href": page, "text": "Open in Handrail"}, {"href": f"{page}#playbook", "text": "What to do"}]
        links += [{"href": runbook, "text": "Runbook"}] if runbook else []
        event |= {"client": "Handrail", "client_url": page, "links": links, "payload": dict(payload)}
    return event


def send_page(endpoint: str, event: Mapping[str, Any]) -> Tried:
    """Hand one event over."""
    transport = PublicTransport(allowed=settings.ALLOWED_PRIVATE_HOSTS, seconds=EXCHANGE_SECONDS)
    client = httpx2.Client(transport=transport, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
    try:
        with client:
            status = client.post(endpoint, json=dict(event)).status_code
    except AddressRefused as refused:
        return Tried(str(refused), refused=True)
    except httpx2.TimeoutException:
        return Tried(f"no answer in {TIMEOUT_SECONDS} s")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as failure:
        return Tried(f"{type(failure).__name__}: not reachable")
    taken = 200 <= status < 300  # noqa: PLR2004 -- HTTP's range of success
    return Tried() if taken else Tried(f"HTTP {status}", refused=status in REFUSALS)
