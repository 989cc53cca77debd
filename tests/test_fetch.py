"""Fetching by URL from real servers on the loopback: guarded, limited, never led astray."""

import gzip
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from loopback import Server, Web, serving

from gpserver.addresses import Reach, checked_url
from gpserver.errors import InvalidValue
from gpserver.fetch import Fetcher

LISTED = ("127.0.0.1",)


class Odd(Web):
    """Answers in every way that a fetch must bear."""

    def on_status(self, rest: str) -> None:
        self.answer(b"no", status=int(rest))

    def on_big(self, rest: str) -> None:
        self.answer(bytes(100_000))

    def on_bomb(self, rest: str) -> None:
        self.answer(gzip.compress(bytes(50_000_000)), content_encoding="gzip")

    def on_gzip(self, rest: str) -> None:
        self.answer(gzip.compress(b"hello"), content_encoding="gzip")

    def on_cut(self, rest: str) -> None:
        self.answer(gzip.compress(b"hello" * 1000)[:-9], content_encoding="gzip")

    def on_brotli(self, rest: str) -> None:
        self.answer(b"?", content_encoding="br")

    def on_named(self, rest: str) -> None:
        self.answer(b"x", content_disposition="attachment; filename*=UTF-8''l%C3%A4nder.geojson")

    def on_loop(self, rest: str) -> None:
        self.answer(b"", status=302, location=f"/loop/{int(rest) - 1}" if rest != "0" else "/text")

    def on_to(self, rest: str) -> None:
        self.answer(b"", status=307, location=rest)

    def on_silent(self, rest: str) -> None:
        self.server.released.wait(30)

    def on_drip(self, rest: str) -> None:
        """A byte at a time, each well within any timeout for one read."""
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        while not self.server.released.wait(0.02):
            self.wfile.write(b"x")

    def on_headers(self, rest: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not self.server.released.wait(0.02):
            self.wfile.write(b"x")


@pytest.fixture(scope="module")
def web() -> Iterator[Server]:
    with serving(Odd) as server:
        yield server


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., Any]:
    """Fetch one URL; returns its bytes, its name and its media type."""

    def get(url: str, resolve: Any = None, **reach: Any) -> tuple[bytes, str, str]:
        options = {"resolve": resolve} if resolve else {}
        fetcher = Fetcher(Reach(**{"allowed": LISTED, "seconds": 20.0, **reach}), **options)
        try:
            fetched = fetcher.get(url, tmp_path / "fetched")
        finally:
            fetcher.close()
        return (tmp_path / "fetched").read_bytes(), fetched.name, fetched.media_type

    return get


def test_a_file_with_its_name_and_type(web: Server, fetch: Any) -> None:
    assert fetch(f"{web.url}/text/a%20b.txt?token=1#top") == (b"hello", "a b.txt", "text/plain")
    path, headers = web.asked[-1]
    assert path == "/text/a%20b.txt?token=1"
    assert {name.lower() for name in headers} == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_name_that_the_server_gives(web: Server, fetch: Any) -> None:
    assert fetch(f"{web.url}/named/1")[1] == "länder.geojson"


def test_a_query_as_people_write_it(web: Server, fetch: Any) -> None:
    fetch(f"{web.url}/text?where=POP > 1 AND name='ä'&x=%20")
    assert web.asked[-1][0] == "/text?where=POP%20%3E%201%20AND%20name='%C3%A4'&x=%20"


def test_gzip_is_undone(web: Server, fetch: Any) -> None:
    assert fetch(f"{web.url}/gzip")[0] == b"hello"


def test_variables_of_proxies_are_not_heeded(
    web: Server, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert fetch(f"{web.url}/text")[0] == b"hello"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "0177.0.0.1",
    ],
)
def test_what_is_not_public_is_not_asked(web: Server, fetch: Any, host: str) -> None:
    before = len(web.asked)
    with pytest.raises(InvalidValue, match=r"is not a public one|There is no host"):
        fetch(f"http://{host}:{web.server_port}/text", allowed=())
    assert len(web.asked) == before


def test_a_listed_port_is_not_another(web: Server, fetch: Any) -> None:
    assert fetch(f"{web.url}/text", allowed=(f"127.0.0.1:{web.server_port}",))[0] == b"hello"
    with pytest.raises(InvalidValue, match="not a public one"):
        fetch(f"{web.url}/text", allowed=(f"127.0.0.1:{web.server_port + 1}",))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("file:///etc/passwd", "not an http or https URL"),
        ("ftp://example.com/x", "not an http or https URL"),
        ("gopher://127.0.0.1/", "not an http or https URL"),
        ("/etc/passwd", "not an http or https URL"),
        ("http://", "not an http or https URL"),
        ("", "not an http or https URL"),
        ("http://user:secret@example.com/", "has a user name in it"),
        ("http://example.com\\@127.0.0.1/", "not an http|user name"),
        ("http://exa mple.com/", "not an http"),
        ("http://[::1/", "is not a URL"),
        ("http://example.com:99999/", "is not a URL"),
        ("http://" + "a" * 70 + ".com/", "is not a URL"),
    ],
)
def test_what_is_no_url(fetch: Any, url: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem) as caught:
        fetch(url, allowed=())
    assert "secret" not in str(caught.value)


PIECES = st.sampled_from(
    [
        *"/\\@:?#[]%. ",
        "//",
        "http:",
        "https://",
        "127.0.0.1",
        "a.b",
        "::1",
        "xn--",
        "ß",
        "１２７",
        "\t",
        "\n",
        "\x00",
        "%00",
    ]
)


@given(
    st.text() | st.lists(PIECES).map("".join) | st.lists(PIECES).map(lambda parts: "http://" + "".join(parts))
)
def test_whoever_reads_a_checked_url_sees_the_same_host(text: str) -> None:
    """Two parsers that disagree are how guards are passed; whatever comes out is plain to all of them."""
    try:
        url = checked_url(text)
    except InvalidValue:
        return
    parts, other = urlsplit(url), httpcore.URL(url)
    assert parts.scheme in ("http", "https")
    assert re.fullmatch(r"[a-z0-9._:-]+", parts.hostname or "")
    assert other.host.decode() == parts.hostname
    assert (other.scheme.decode(), other.port) == (parts.scheme, parts.port)
    assert re.fullmatch(r"[!-~]+", url)
    assert checked_url(url) == url


def test_three_redirects_and_no_more(web: Server, fetch: Any) -> None:
    assert fetch(f"{web.url}/loop/2")[0] == b"hello"
    with pytest.raises(InvalidValue, match="more than 3 redirects"):
        fetch(f"{web.url}/loop/3")


@pytest.mark.parametrize(
    "place", ["http://127.0.0.2:{port}/text", "//127.0.0.2:{port}/text", "file:///etc/passwd"]
)
def test_a_redirect_to_what_is_forbidden(web: Server, fetch: Any, place: str) -> None:
    with serving(address="127.0.0.2") as other:
        with pytest.raises(InvalidValue, match=r"not a public one|not an http"):
            fetch(f"{web.url}/to/{place.format(port=other.server_port)}")
        assert other.asked == []


def test_a_name_server_that_changes_its_answer(web: Server, fetch: Any) -> None:
    """What is connected to is what was checked; a second look-up happens only for a second connection."""
    with serving(address="127.0.0.2") as other:
        answers = iter([["127.0.0.1"], ["127.0.0.2"]])
        host = f"http://rebind.test:{web.server_port}"
        assert fetch(f"{host}/text", resolve=lambda *_: next(answers))[0] == b"hello"
        with pytest.raises(InvalidValue, match="not a public one"):
            fetch(f"{host}/text", resolve=lambda *_: next(answers))
        assert other.asked == []


def test_of_several_addresses_only_allowed_ones_are_tried(web: Server, fetch: Any) -> None:
    with serving(address="127.0.0.2") as other:
        url = f"http://many.test:{web.server_port}/text"
        assert fetch(url, resolve=lambda *_: ["127.0.0.2", "::1", "127.0.0.1"])[0] == b"hello"
        assert other.asked == []


def test_a_host_that_is_not_there(fetch: Any) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(InvalidValue, match=r"no host nowhere.test"):
        fetch("http://nowhere.test/", resolve=resolve)


def test_a_port_where_nobody_listens(fetch: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InvalidValue, match="cannot be fetched"):
        fetch(f"http://127.0.0.1:{port}/?token=secret")


@pytest.mark.parametrize("path", ["status/404", "status/500", "status/204", "status/304", "brotli", "cut"])
def test_an_answer_that_is_none(web: Server, fetch: Any, path: str) -> None:
    with pytest.raises(InvalidValue, match=r"HTTP status|content encoding|ends too early"):
        fetch(f"{web.url}/{path}?token=secret")


@pytest.mark.parametrize("path", ["big", "bomb"])
def test_the_size_limit(web: Server, tmp_path: Path, fetch: Any, path: str) -> None:
    with pytest.raises(InvalidValue, match="over the limit of 50000 bytes"):
        fetch(f"{web.url}/{path}", size=50_000)
    assert (tmp_path / "fetched").stat().st_size <= 50_000


def test_the_limit_is_for_all_fetches_of_a_job(web: Server, tmp_path: Path) -> None:
    fetcher = Fetcher(Reach(LISTED, size=12, seconds=20))
    fetcher.get(f"{web.url}/text", tmp_path / "1")
    fetcher.get(f"{web.url}/text", tmp_path / "2")
    with pytest.raises(InvalidValue, match="over the limit"):
        fetcher.get(f"{web.url}/text", tmp_path / "3")
    fetcher.close()


@pytest.mark.parametrize("path", ["silent", "drip", "headers"])
def test_the_time_limit_holds_however_slowly_it_drips(web: Server, fetch: Any, path: str) -> None:
    with pytest.raises(InvalidValue, match=r"in time|took longer than 0.3 seconds"):
        fetch(f"{web.url}/{path}", seconds=0.3)


def test_time_between_fetches_does_not_count(web: Server, tmp_path: Path) -> None:
    fetcher = Fetcher(Reach(LISTED, seconds=1.0))
    fetcher.get(f"{web.url}/text", tmp_path / "1")
    time.sleep(1.1)
    fetcher.get(f"{web.url}/text", tmp_path / "2")
    fetcher.close()


def test_a_certificate_must_be_that_of_the_host(
    tmp_path: Path, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("right.test").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with serving(context=context) as server:

        def body(host: str) -> bytes:
            url = f"https://{host}:{server.server_port}/text"
            return bytes(fetch(url, resolve=lambda *_: ["127.0.0.1"])[0])

        assert body("right.test") == b"hello"
        with pytest.raises(InvalidValue, match=r"cannot be fetched.*certificate"):
            body("wrong.test")
