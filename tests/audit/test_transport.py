"""Nothing is sent into our own network, whatever a name says when; and nobody drips an answer for ever."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2
import pytest

from audit.traces import traceparent
from audit.transport import AddressRefused, PublicTransport, is_public

PUBLIC = "93.184.216.34"


class Network:
    """A resolver whose answers follow one another, and connections that tell where they went."""

    def __init__(self) -> None:
        self.answers: list[list[str]] = []
        self.asked: list[str] = []
        self.connected: list[str] = []
        self.stream: httpcore2.NetworkStream | None = None

    def resolve(self, host: str, port: int, **_more: Any) -> list[Any]:
        self.asked.append(host)
        return [(None, None, None, "", (address, port)) for address in self.answers.pop(0)]

    def connect(self, host: str, *_more: Any) -> httpcore2.NetworkStream:
        self.connected.append(host)
        if self.stream is None:
            raise httpcore2.ConnectError("refused")
        return self.stream


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(socket, "getaddrinfo", network.resolve)
    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", network.connect)
    return network


def client(*allowed: str, seconds: float = 5) -> httpx2.Client:
    transport = PublicTransport(allowed=allowed, seconds=seconds)
    return httpx2.Client(transport=transport, timeout=5, trust_env=False)


def test_a_name_that_changes_its_mind_is_connected_where_it_was_checked(network: Network) -> None:
    network.answers = [[PUBLIC], ["127.0.0.1"]]
    with client() as sender, pytest.raises(httpx2.ConnectError):
        sender.post("https://shop.example/hook")
    assert (network.asked, network.connected) == (["shop.example"], [PUBLIC])


@pytest.mark.parametrize("answers", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["fd00::1"]])
def test_a_name_that_leads_home_is_not_connected_to(network: Network, answers: list[str]) -> None:
    network.answers = [answers]
    with client() as sender, pytest.raises(AddressRefused):
        sender.post("https://shop.example/hook")
    assert network.connected == []


def test_a_host_the_operator_allowed_by_name_and_port_is_reached(network: Network) -> None:
    network.answers = [["127.0.0.1"], ["127.0.0.1"]]
    with client("sandbox:8001") as sender:
        with pytest.raises(httpx2.ConnectError):
            sender.post("http://sandbox:8001/x")
        with pytest.raises(AddressRefused):
            sender.post("http://sandbox:8002/x")
    assert network.connected == ["127.0.0.1"]


def test_the_next_address_is_tried_when_the_first_does_not_answer(network: Network) -> None:
    network.answers = [[PUBLIC, "93.184.216.35"]]
    with client() as sender, pytest.raises(httpx2.ConnectError):
        sender.post("https://shop.example/hook")
    assert network.connected == [PUBLIC, "93.184.216.35"]


class _Stream(httpcore2.NetworkStream):
    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.written = b""

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, *_more: Any) -> Any:
        assert ssl_context.check_hostname
        self.names.append(server_hostname)
        return self

    def write(self, buffer: bytes, *_more: Any) -> None:
        self.written += buffer

    def read(self, *_more: Any) -> bytes:
        return b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"

    def close(self) -> None:
        pass


def test_the_name_stays_in_host_and_certificate_and_redirects_are_not_followed(network: Network) -> None:
    network.answers = [[PUBLIC]]
    network.stream = stream = _Stream()
    with client() as sender:
        assert sender.post("https://shop.example/hook").status_code == 302
    assert stream.names == ["shop.example"]
    assert b"Host: shop.example\r\n" in stream.written


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 -- an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:c0a8:101::",
    ],
)
def test_an_address_of_ours_is_known_in_every_spelling(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_the_internet_is_reached(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url", ["http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://localhost/"]
)
def test_odd_spellings_of_our_own_address_are_seen_through(url: str) -> None:
    with client() as sender, pytest.raises(AddressRefused):
        sender.post(url)


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that answers one byte at a time."""
    server = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000:
                if stopped.wait(0.05):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    stopped.set()
    thread.join()
    server.close()


def test_an_answer_that_drips_is_cut_off(dripping: str) -> None:
    with client(dripping, seconds=0.5) as sender, pytest.raises(httpx2.ReadTimeout):
        sender.post(f"http://{dripping}/")


def test_attempts_of_one_cause_share_a_trace_and_differ_in_their_span() -> None:
    first, second = (traceparent(trace="ORDER-1", span=f"T-1/{n}") for n in (1, 2))
    assert first.split("-")[1] == second.split("-")[1]
    assert first.split("-")[2] != second.split("-")[2]
    assert [len(part) for part in first.split("-")] == [2, 32, 16, 2]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
        ("0af76519-16cd-43dd-8448-eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
    ],
)
def test_a_trace_that_has_an_id_keeps_it(given: str, kept: str) -> None:
    assert traceparent(trace=given, span="x").split("-")[1] == kept
