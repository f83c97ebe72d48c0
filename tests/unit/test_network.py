import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from craftkit.network import (
    BlockedTargetError,
    FetchError,
    Network,
    Policy,
    Upload,
    fetch,
)
from craftkit.public_addresses import is_public
from testkit.internet import PUBLIC, Internet, answering

ANY = Policy(schemes=frozenset({"http", "https"}), max_bytes=100, deadline_seconds=5)


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_is_public__public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("169.254.169.254", "169.254.170.2", "100.64.0.1", "0.0.0.0", "255.255.255.255"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "192.0.2.1", "198.18.0.1", "192.88.99.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::127.0.0.1"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::", "2002:808:808::", "2001:0:4136:e378::3fff:fdd2"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:db8::1", "100::1"),
        *("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "", "example.com", "1"),
    ],
)
def test_is_public__other_addresses_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "0", "[::1]"]
)
def test_fetch__loopback_in_any_notation_is_blocked(host: str) -> None:
    with pytest.raises(BlockedTargetError):
        fetch(f"http://{host}/", ANY, network=Network(resolve=_numeric, connect=_no_connection))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::ffff:169.254.169.254]/latest/meta-data",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://169.254.169.254/",
    ],
)
def test_fetch__private_literal_is_blocked_before_any_connection(url: str) -> None:
    with pytest.raises(BlockedTargetError):
        fetch(url, ANY, network=Network(resolve=_numeric, connect=_no_connection))


def test_fetch__a_host_with_one_private_address_is_blocked(internet: Internet) -> None:
    internet.host("mixed.dev", addresses=(PUBLIC, "10.0.0.7"))
    with pytest.raises(BlockedTargetError):
        fetch("http://mixed.dev/", ANY, network=internet.network)
    assert internet.calls == []


def test_fetch__connects_to_the_checked_address_and_sends_the_host_name(internet: Internet) -> None:
    internet.host("a.dev", answering(b"hello"))
    answer = fetch("http://a.dev:8080/x/ü?q=1 2".replace(" ", "%20"), ANY, network=internet.network)
    assert (answer.status, answer.body) == (200, b"hello")
    assert internet.calls == [(PUBLIC, 8080)]
    assert internet.heads[0].startswith(b"GET /x/%C3%BC?q=1%202 HTTP/1.1\r\nhost: a.dev:8080\r\n")


def test_fetch__resolves_once(internet: Internet) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    internet.host("rebind.dev")
    network = Network(resolve=lambda _host, _port: next(answers), connect=internet.network.connect)
    fetch("http://rebind.dev/", ANY, network=network)
    assert internet.calls == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a.dev/", "file:///etc/passwd", "gopher://a.dev/", "//a.dev/", "a.dev", ""),
        *("http://user@a.dev/", "http://user:pass@a.dev/", "http://@a.dev/", "http://:@a.dev/"),
        *("http:///x", "http://a.dev:99999/", "http://a.dev:x/", "http://[::1/", "http://a dev/"),
        *(
            "http://a.dev\\@10.0.0.1/",
            "http://a.dev\r\nHost: b/",
            "http://a.dev/\t",
            "http://%61.dev/",
        ),
        *("http://a..dev/", "http://" + "a" * 64 + ".dev/", "http://a.dev/" + "x" * 9000),
    ],
)
def test_fetch__url_that_is_not_plain_http_is_blocked(internet: Internet, url: str) -> None:
    internet.host("a.dev")
    with pytest.raises(BlockedTargetError):
        fetch(url, ANY, network=internet.network)
    assert internet.calls == []


def test_fetch__scheme_outside_the_policy_is_blocked(internet: Internet) -> None:
    internet.host("a.dev")
    policy = Policy(schemes=frozenset({"https"}), max_bytes=10, deadline_seconds=5)
    with pytest.raises(BlockedTargetError, match="not https"):
        fetch("http://a.dev/", policy, network=internet.network)


def test_fetch__private_addresses_are_reached_where_the_policy_says_so(internet: Internet) -> None:
    internet.host("localhost", answering(b"ok"), addresses=("127.0.0.1",))
    policy = Policy(frozenset({"http"}), 100, 5, allow_private=True)
    assert fetch("http://localhost:9000/", policy, network=internet.network).body == b"ok"


def test_fetch__redirects_are_followed_only_if_the_policy_allows(internet: Internet) -> None:
    internet.host("a.dev", answering(status="302 Found", headers=["Location: http://b.dev/"]))
    answer = fetch("http://a.dev/", ANY, network=internet.network)
    assert (answer.status, answer.headers["location"]) == (302, "http://b.dev/")


def test_fetch__every_redirect_is_checked(internet: Internet) -> None:
    redirect = answering(status="302 Found", headers=["Location: http://inside.dev/"])
    internet.host("a.dev", redirect)
    internet.host("inside.dev", addresses=("169.254.169.254",))
    policy = Policy(ANY.schemes, 100, 5, redirects=3)
    with pytest.raises(BlockedTargetError):
        fetch("http://a.dev/", policy, network=internet.network)
    assert internet.calls == [(PUBLIC, 80)]


@pytest.mark.parametrize("location", ["http://[", "//[::1", "http://a.dev:99999/"])
def test_fetch__a_redirect_without_a_valid_url_is_refused(
    internet: Internet, location: str
) -> None:
    headers = [f"Location: {location}"]
    internet.host("a.dev", answering(status="302 Found", headers=headers))
    policy = Policy(ANY.schemes, 100, 5, redirects=3)
    with pytest.raises(BlockedTargetError):
        fetch("http://a.dev/", policy, network=internet.network)


def test_fetch__a_negative_chunk_size_is_refused(internet: Internet) -> None:
    taken: list[int] = []

    def serve(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        for _ in range(100):
            connection.sendall(b"x" * 1_000_000)
            taken.append(1_000_000)

    internet.host("a.dev", serve)
    with pytest.raises(FetchError, match="not valid HTTP"):
        fetch("http://a.dev/", ANY, network=internet.network)
    assert sum(taken) < 10_000_000


def test_fetch__follows_at_most_the_allowed_number_of_redirects(internet: Internet) -> None:
    internet.host("a.dev", answering(status="301 Moved", headers=["Location: //b.dev/x"]))
    internet.host("b.dev", answering(b"there"), addresses=("93.184.216.35",))
    policy = Policy(ANY.schemes, 100, 5, redirects=1)
    assert fetch("http://a.dev/", policy, network=internet.network).body == b"there"
    internet.host("loop.dev", answering(status="302 Found", headers=["Location: /again"]))
    with pytest.raises(FetchError, match="more than 1 redirects"):
        fetch("http://loop.dev/", policy, network=internet.network)


def test_fetch__too_large_a_body_is_refused_or_cut(internet: Internet) -> None:
    internet.host("a.dev", answering(b"x" * 101))
    with pytest.raises(FetchError, match="larger than 100 bytes"):
        fetch("http://a.dev/", ANY, network=internet.network)
    cut = Policy(ANY.schemes, 100, 5, truncate=True)
    assert fetch("http://a.dev/", cut, network=internet.network).body == b"x" * 100


def test_fetch__an_endless_body_is_stopped_at_the_limit(internet: Internet) -> None:
    def serve(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")

    internet.host("a.dev", serve)
    with pytest.raises(FetchError, match="larger than"):
        fetch("http://a.dev/", ANY, network=internet.network)


def test_fetch__an_incomplete_body_is_an_error(internet: Internet) -> None:
    internet.host("a.dev", answering(b"half", length=80))
    with pytest.raises(FetchError, match="not valid HTTP"):
        fetch("http://a.dev/", ANY, network=internet.network)


def test_fetch__slow_servers_are_stopped_at_the_deadline(internet: Internet) -> None:
    done = Event()

    def drip(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not done.wait(0.01):
            connection.sendall(b"X-Drip: 1\r\n")

    internet.host("drip.dev", drip)
    internet.host("mute.dev", lambda _socket, _head: done.wait() and None, ("93.184.216.35",))
    policy = Policy(ANY.schemes, 100, 0.15)
    try:
        for host in ("drip.dev", "mute.dev"):
            with pytest.raises(FetchError, match=r"no answer within 0\.15 seconds"):
                fetch(f"http://{host}/", policy, network=internet.network)
    finally:
        done.set()


def test_fetch__a_slow_resolver_is_stopped_at_the_deadline() -> None:
    done = Event()
    network = Network(resolve=lambda _host, _port: [PUBLIC] if done.wait() else [])
    try:
        with pytest.raises(FetchError, match="no answer within"):
            fetch("http://a.dev/", Policy(ANY.schemes, 100, 0.05), network=network)
    finally:
        done.set()


def test_fetch__unknown_unreachable_and_invalid_hosts_have_different_errors(
    internet: Internet,
) -> None:
    with pytest.raises(FetchError, match="not known"):
        fetch("http://nowhere.dev/", ANY, network=internet.network)
    internet.host("garbled.dev", lambda connection, _head: connection.sendall(b"SSH-2.0\r\n"))
    with pytest.raises(FetchError, match="not valid HTTP"):
        fetch("http://garbled.dev/", ANY, network=internet.network)
    internet.host("closed.dev")
    refused = Network(resolve=internet.network.resolve, connect=_refused)
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch("http://closed.dev/", ANY, network=refused)


def test_fetch__tries_the_next_address_when_one_is_down(internet: Internet) -> None:
    internet.host("two.dev", answering(b"ok"), addresses=("93.184.216.40", "93.184.216.41"))
    real = internet.network.connect

    def connect(address: str, port: int, timeout_seconds: float) -> socket.socket:
        if address.endswith(".40"):
            raise ConnectionRefusedError
        return real(address, port, timeout_seconds)

    network = Network(resolve=internet.network.resolve, connect=connect)
    assert fetch("http://two.dev/", ANY, network=network).body == b"ok"


def test_fetch__post_sends_body_and_headers(internet: Internet) -> None:
    internet.host("a.dev", answering(b"", status="204 No Content"))
    headers = {"Content-Type": "application/json", "webhook-id": "msg_1"}
    answer = fetch("http://a.dev/hook", ANY, "POST", b"{}", headers, network=internet.network)
    assert answer.status == 204
    head = internet.heads[0]
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"content-length: 2\r\n" in head
    assert b"webhook-id: msg_1\r\n" in head


def test_fetch__an_upload_is_sent_part_by_part_with_its_length(internet: Internet) -> None:
    received = []

    def serve(connection: socket.socket, head: bytes) -> None:
        received.append(head)
        answering()(connection, head)

    internet.host("bucket.example.com", serve)
    parts = (b"x" * 70_000 for _ in range(3))
    answer = fetch(
        "http://bucket.example.com/a?sig=1%2F2",
        ANY,
        "PUT",
        Upload(210_000, parts),
        {"content-type": "application/pdf"},
        network=internet.network,
    )
    assert answer.status == 200
    (head,) = received
    assert head.startswith(b"PUT /a?sig=1%2F2 HTTP/1.1")
    assert b"content-length: 210000" in head
    assert b"transfer-encoding" not in head.lower()
    assert next(parts, None) is None


def test_fetch__an_early_refusal_of_an_upload_is_returned() -> None:
    ours, theirs = socket.socketpair()

    def refuse() -> None:
        with theirs.makefile("rb") as stream:
            b"".join(iter(stream.readline, b"\r\n"))
        theirs.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        theirs.shutdown(socket.SHUT_RDWR)

    server = Thread(target=refuse, daemon=True)
    server.start()
    network = Network(resolve=lambda *_: [PUBLIC], connect=lambda *_: ours)
    upload = Upload(64 * 70_000, (b"x" * 70_000 for _ in range(64)))
    with theirs:
        assert fetch("http://bucket/", ANY, "PUT", upload, network=network).status == 403
    server.join()


def test_fetch__a_header_with_a_line_break_is_refused(internet: Internet) -> None:
    internet.host("a.dev")
    with pytest.raises(FetchError):
        fetch("http://a.dev/", ANY, headers={"x": "1\r\nHost: b"}, network=internet.network)


def _numeric(host: str, _port: int) -> list[str]:
    """The addresses that the system's resolver returns for an unusual notation."""
    return [host if ":" in host else socket.inet_ntoa(socket.inet_aton(host))]


def _no_connection(address: str, port: int, timeout_seconds: float) -> socket.socket:
    pytest.fail(f"connected to {address}")


def _refused(address: str, port: int, timeout_seconds: float) -> socket.socket:
    raise ConnectionRefusedError


def test_fetch__checks_the_certificate_against_the_name(tmp_path: Path) -> None:
    server, trusting = _tls(tmp_path, "a.dev")
    internet = Internet(server)
    internet.host("a.dev", answering(b"ok"))
    internet.host("b.dev", answering(b"ok"), addresses=("93.184.216.35",))
    pinned = internet.network
    network = Network(pinned.resolve, pinned.connect, tls_context=lambda: trusting)
    assert fetch("https://a.dev/", ANY, network=network).body == b"ok"
    with pytest.raises(FetchError, match="TLS"):
        fetch("https://b.dev/", ANY, network=network)
    with pytest.raises(FetchError, match="TLS"):
        fetch("https://a.dev/", ANY, network=pinned)


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server with a certificate for `name`, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    file = folder / "server.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())
