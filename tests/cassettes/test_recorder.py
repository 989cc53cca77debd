"""The proxy between a client and a real server: what either sees, and what is kept."""

import gzip
import itertools
import json
import ssl
from pathlib import Path

import anyio
import httpcore
import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from loopback import Web, serving

from gpserver.cassettes.cassette import Cassette
from gpserver.cassettes.file import read_cassette
from gpserver.cassettes.origins import Rehosting, Stream
from gpserver.cassettes.recorder import recorder
from gpserver.cassettes.redaction import Redaction
from gpserver.cassettes.tape import Tape
from gpserver.cassettes.upstream import checked_origin, tls
from gpserver.cli import main
from gpserver.errors import GPServerError


class Real(Web):
    """A server that tells of itself by absolute URLs, as its settings have it."""

    @property
    def own(self) -> str:
        return f"http://{self.headers['host']}"

    def on_packed(self, rest: str) -> None:
        body = gzip.compress(json.dumps({"help": f"{self.own}/arcgis/help"}).encode())
        self.answer(body, content_type="application/json", content_encoding="gzip")

    def on_moved(self, rest: str) -> None:
        cookie = "a=1; Domain=real.example; Secure"
        self.answer(
            b"", 302, location=f"{self.own}/there", set_cookie=cookie, access_control_allow_origin="x"
        )

    def on_asked(self, rest: str) -> None:
        said = {"path": self.path, "headers": {name.lower(): text for name, text in self.headers.items()}}
        self.answer(json.dumps(said).encode(), content_type="application/json")


def through(
    tmp_path: Path, origin: str, *places: str, **headers: str
) -> tuple[list[httpx.Response], Cassette]:
    """What a client gets through the proxy, and the cassette."""
    tape = Tape(tmp_path / "a.har", Redaction(origin), Cassette())

    async def work() -> list[httpx.Response]:
        async with httpcore.AsyncConnectionPool(ssl_context=tls(insecure=False)) as pool:
            transport = httpx.ASGITransport(recorder(origin, pool, tape))
            async with httpx.AsyncClient(transport=transport, base_url="http://proxy.test") as client:
                return [await client.get(place, headers=headers) for place in places]

    answers = anyio.run(work)
    tape.save()
    return answers, read_cassette(tmp_path / "a.har")


def test_the_client_stays_with_the_proxy(tmp_path: Path) -> None:
    with serving(Real) as real:
        (packed, moved), cassette = through(tmp_path, real.url, "/packed", "/moved")
    assert packed.json() == {"help": "http://proxy.test/arcgis/help"}
    assert "content-encoding" not in packed.headers
    assert moved.headers["location"] == "http://proxy.test/there"
    assert moved.headers["set-cookie"] == "a=1"
    assert "access-control-allow-origin" not in moved.headers
    first, second = cassette.exchanges
    assert (first.url, second.status) == ("http://recorded.example/packed", 302)
    assert json.loads(first.body) == {"help": "http://recorded.example/arcgis/help"}
    assert ("location", "http://recorded.example/there") in second.answered


def test_the_real_server_hears_what_it_would_without_a_proxy(tmp_path: Path) -> None:
    place = "/asked/a%2Fb?url=http%3A%2F%2Fproxy.test%2Ffile"
    with serving(Real) as real:
        through(tmp_path, real.url, place, referer="http://proxy.test/app", if_none_match="x")
        said = real.asked[0]
    path, headers = said[0], {name.lower(): text for name, text in said[1].items()}
    assert path == f"/asked/a%2Fb?url=http%3A%2F%2F127.0.0.1%3A{real.server_port}%2Ffile"
    assert headers["host"] == real.url.removeprefix("http://")
    assert headers["referer"] == f"{real.url}/app"


def test_a_server_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.har", Redaction("http://127.0.0.1:9"), Cassette())

    async def work() -> httpx.Response:
        async with httpcore.AsyncConnectionPool() as pool:
            transport = httpx.ASGITransport(recorder("http://127.0.0.1:9", pool, tape))
            async with httpx.AsyncClient(transport=transport, base_url="http://proxy.test") as client:
                return await client.get("/x")

    answer = anyio.run(work)
    assert (answer.status_code, len(tape)) == (502, 0)
    assert answer.json()["error"]["message"].startswith("http://127.0.0.1:9 cannot be reached")


def test_a_certificate_that_is_not_trusted_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(Real, context=context) as real:
        url = real.url.replace("http:", "https:")
        words = ["--from", f"{url}/asked", "--to", str(tmp_path / "a.har")]
        assert main(["record", *words]) == 1
        said = capsys.readouterr().err
        with httpcore.ConnectionPool(ssl_context=tls(insecure=True)) as pool:
            assert pool.request("GET", f"{url}/asked").status == 200
    assert f"The certificate of {url} is not trusted" in said
    assert "SSL_CERT_FILE" in said
    assert "--insecure" in said


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "gis.example/arcgis", "https://me:pw@a.example", "http://[::"]
)
def test_only_servers_can_be_recorded(url: str) -> None:
    with pytest.raises(GPServerError):
        checked_origin(url)


TEXT = b'["https://gis.example/a","https:\\/\\/gis.example\\/b","https%3A%2F%2Fgis.example%2Fc",' + (
    b'"https://gis.example.org","https://gis.example:6443/","http://gis.example"]'
)


@given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_urls_are_found_wherever_a_body_is_cut(cuts: list[int]) -> None:
    stream = Stream(Rehosting(["https://gis.example"], "http://127.0.0.1:80"))
    edges = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[start:end] for start, end in itertools.pairwise(edges)]
    out = b"".join([*map(stream.feed, pieces), stream.end()])
    assert out == (
        b'["http://127.0.0.1:80/a","http:\\/\\/127.0.0.1:80\\/b","http%3A%2F%2F127.0.0.1%3A80%2Fc",'
        b'"https://gis.example.org","https://gis.example:6443/","http://127.0.0.1:80"]'
    )


def test_an_event_is_not_held_back() -> None:
    stream = Stream(Rehosting(["https://gis.example"], "http://127.0.0.1:80"))
    assert stream.feed(b"data: {}\n\n") == b"data: {}\n\n"
