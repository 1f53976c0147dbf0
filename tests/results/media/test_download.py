"""Downloads from a stranger's host over real HTTP: redirects, resuming, errors, and the guard of our network."""

import io
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.server import Reply, StandIn
from results.media import download

CONTENT = bytes(range(256)) * 400
ETAG = '"v1"'


@pytest.fixture
def host():
    """A media host; each test sets its own rule."""
    with StandIn() as standin:
        yield standin


def media_url(host: StandIn, path: str = "/video.mp4") -> str:
    """Return the URL of a file on the host."""
    return f"http://127.0.0.1:{host.port}{path}"


def fetched(host: StandIn, path: str = "/video.mp4", **options) -> tuple[int, int | None, str, bytes]:
    """Download the file; return its start, size, validator and content."""
    with download.open_download(media_url(host, path), trusted={("127.0.0.1", host.port)}, **options) as part:
        return part.start, part.size, part.validator, b"".join(part.pieces)


def follow(url: str, **options) -> None:
    """Open a link that must not be followed."""
    with download.open_download(url, **options):
        raise AssertionError("the link was followed")


def ranged(call) -> Reply:
    """Answer as a host that supports ranges."""
    start = int(call.headers.get("Range", "bytes=0-")[6:-1])
    headers = {"ETag": ETAG, "Content-Type": "video/mp4"}
    if not start:
        return Reply(200, CONTENT, headers)
    size = len(CONTENT)
    if start >= size:
        return Reply(416, b"", headers | {"Content-Range": f"bytes */{size}"})
    return Reply(206, CONTENT[start:], headers | {"Content-Range": f"bytes {start}-{size - 1}/{size}"})


def test_a_file_is_downloaded_whole(host):
    host.rule = ranged
    assert fetched(host) == (0, len(CONTENT), ETAG, CONTENT)


def test_no_credentials_are_sent(host):
    host.rule = ranged
    fetched(host)
    [call] = host.calls
    assert sorted(call.headers.keys()) == ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"]


def test_a_download_is_resumed_where_it_stopped(host):
    host.rule = ranged
    assert fetched(host, start=1000, validator=ETAG) == (1000, len(CONTENT), ETAG, CONTENT[1000:])
    assert (host.calls[0].headers["Range"], host.calls[0].headers["If-Range"]) == ("bytes=1000-", ETAG)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, CONTENT, {"ETag": ETAG}),
        Reply(206, CONTENT[9:], {"ETag": '"v2"', "Content-Range": f"bytes 9-{len(CONTENT) - 1}/{len(CONTENT)}"}),
        Reply(206, CONTENT[9:], {"ETag": ETAG, "Content-Range": f"bytes 9-{len(CONTENT) - 1}/*"}),
        Reply(206, CONTENT[9:], {"ETag": ETAG, "Content-Range": "pages 1-2/3"}),
        Reply(206, CONTENT[9:], {"ETag": ETAG}),
        Reply(416, b"", {"Content-Range": "bytes */5"}),
    ],
    ids=[
        "no ranges",
        "other content, range honoured",
        "unknown size",
        "other units",
        "no Content-Range",
        "shorter now",
    ],
)
def test_a_download_that_cannot_be_resumed_starts_over(host, reply):
    host.rule = lambda call: reply if call.headers["Range"] else Reply(200, CONTENT, {"ETag": ETAG})
    assert fetched(host, start=9, validator=ETAG) == (0, len(CONTENT), ETAG, CONTENT)


def test_another_part_than_requested_is_refused(host):
    content_range = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
    host.rule = lambda call: Reply(206, CONTENT, {"ETag": ETAG, "Content-Range": content_range})
    with pytest.raises(download.DownloadError, match="wrong part of the file"):
        fetched(host, start=9, validator=ETAG)


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"a"'}, '"a"'),
        ({"ETag": 'W/"a"'}, ""),
        ({"ETag": 'W/"a"', "Last-Modified": "Tue, 01 Jan 2030 00:00:00 GMT"}, "Tue, 01 Jan 2030 00:00:00 GMT"),
        ({"ETag": '"' + "a" * 300}, ""),
        ({}, ""),
    ],
)
def test_only_a_strong_validator_is_used(host, headers, validator):
    host.rule = lambda call: Reply(200, CONTENT, headers)
    assert fetched(host)[2] == validator


def test_a_chunked_file_has_no_size_and_is_complete(host):
    host.rule = lambda call: Reply(200, iter([CONTENT[:50_000], CONTENT[50_000:]]))
    assert fetched(host) == (0, None, "", CONTENT)


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply(401), "The link no longer works (HTTP 401)."),
        (Reply(403), "The link no longer works (HTTP 403)."),
        (Reply(404), "The link no longer works (HTTP 404)."),
        (Reply(410), "The link no longer works (HTTP 410)."),
        (Reply(429), "The media host returned an error (HTTP 429)."),
        (Reply(500), "The media host returned an error (HTTP 500)."),
        (Reply(304), "The media host returned an error (HTTP 304)."),
        (
            Reply(200, b"x", {"Content-Encoding": "gzip"}),
            "The media host sent the file in an unsupported compression",
        ),
        (
            Reply(200, b"x", {"Content-Length": None}),
            "The media host does not give the file's size, so Dubroom cannot",
        ),
        (Reply(200, CONTENT, truncate_at=70_000), "The download was interrupted."),
        (Reply(200, CONTENT, truncate_at=70_000, reset=True), "The download was interrupted."),
        (Reply(None, b"not HTTP\r\n\r\n"), "The media host could not be reached."),
        (Reply(None, b""), "The media host could not be reached."),
    ],
)
def test_each_error_is_a_sentence(host, reply, sentence):
    host.rule = lambda call: reply
    with pytest.raises(download.DownloadError) as raised:
        fetched(host)
    assert str(raised.value).startswith(sentence)
    assert isinstance(raised.value, download.LinkGoneError) == sentence.startswith("The link no longer works")


@pytest.mark.parametrize("reply", [Reply(delay=60), Reply(200, CONTENT, drip=60)], ids=["headers", "body"])
def test_a_host_that_stalls_is_given_up(host, monkeypatch, reply):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    host.rule = lambda call: reply
    with pytest.raises(download.DownloadError, match="did not answer in time"):
        fetched(host)


def test_headers_that_trickle_in_are_given_up(host, monkeypatch):
    monkeypatch.setattr(download, "HEADERS_SECONDS", 0.3)
    host.rule = lambda call: Reply(None, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, drip=0.01)
    with pytest.raises(download.DownloadError, match="did not answer in time"):
        fetched(host)


def test_pieces_are_yielded_as_they_arrive(host):
    host.rule = lambda call: Reply(200, b"abc", drip=0.02)
    with download.open_download(media_url(host), trusted={("127.0.0.1", host.port)}) as part:
        assert list(part.pieces) == [b"a", b"b", b"c"]


# --- The guard of our network ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("127.255.255.254", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("192.0.0.1", False),
        ("198.18.0.1", False),
        ("203.0.113.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("2001:db8::1", False),
        ("2001::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(text, expected):
    assert download.is_public(text) is expected


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0:{port}/",
        "http://0.0.0.0:{port}/",
        "http://127.1:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f000001:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "https://192.168.1.1/",
        "http://[fd00:ec2::254]/",
    ],
)
def test_our_own_network_is_never_contacted(host, link):
    with pytest.raises(download.DownloadError, match="not on the public internet"):
        follow(link.format(port=host.port))
    assert host.calls == []


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("http://127.0.0.1:1/", "not on the public internet"),
        ("http://[::1]:{port}/", "not on the public internet"),
        ("http://localhost:{port}/", "not on the public internet"),
        ("//10.0.0.1/a", "not on the public internet"),
        ("file:///etc/passwd", "not safe to follow"),
        ("ftp://127.0.0.1/a", "not safe to follow"),
        ("javascript:alert(1)", "not safe to follow"),
        ("http://[::1", "could not be reached"),
        ("/again", "too many times"),
    ],
)
def test_each_redirect_is_checked_again(host, location, sentence):
    host.rule = lambda call: Reply(302, b"", {"Location": location.format(port=host.port)})
    with pytest.raises(download.DownloadError, match=sentence):
        fetched(host)
    assert len(host.calls) == (6 if location == "/again" else 1)


def test_a_redirect_is_followed_with_its_range_and_without_cookies(host):
    def rule(call):
        if call.path == "/video.mp4":
            return Reply(302, b"", {"Location": "/elsewhere", "Set-Cookie": "a=b"})
        return ranged(call)

    host.rule = rule
    assert fetched(host, start=1000, validator=ETAG)[0] == 1000
    assert (host.calls[1].path, host.calls[1].headers["Cookie"]) == ("/elsewhere", None)


def test_a_name_is_reached_at_the_address_that_was_checked(monkeypatch):
    """A name is resolved once, so that a different second answer of DNS has no effect."""
    resolved, connected = [], []

    def getaddrinfo(name, port, **_):
        resolved.append(name)
        private, public = (
            (socket.AF_INET, 1, 6, "", ("10.0.0.1", port)),
            (socket.AF_INET, 1, 6, "", ("93.184.216.34", port)),
        )
        return [private, public]

    def create_connection(address, *_, **__):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(download, "create_connection", create_connection)
    with pytest.raises(download.DownloadError, match="could not be reached"):
        follow("https://media.example/a.mp4")
    assert (resolved, connected) == (["media.example"], [("93.184.216.34", 443)])


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_an_https_link_is_not_redirected_to_http(scheme, monkeypatch):
    answer = requests.Response()
    answer.status_code, answer.raw = 302, io.BytesIO()
    answer.headers["Location"] = "http://media.example/a.mp4"
    monkeypatch.setattr(requests.Session, "get", lambda *_, **__: answer)
    with pytest.raises(download.DownloadError, match="not safe to follow"):
        follow(f"{scheme}://media.example/a.mp4")


def test_a_certificate_is_requested_by_name_and_must_be_trusted(tmp_path):
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    context.sni_callback = lambda _, name, __: names.append(name)

    def serve():
        with suppress(ssl.SSLError), context.wrap_socket(listening.accept()[0], server_side=True):
            pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(download.DownloadError, match="certificate cannot be trusted"):
            follow(f"https://localhost:{port}/", trusted={("localhost", port)})
        thread.join(5)
    assert names == ["localhost"]


def self_signed(folder: Path) -> Path:
    """Write a key and a self-signed certificate to a file; return its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "self-signed.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return file
