"""A request's parameters: query, form and multipart, small and large, sound and broken."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from starlette.requests import Request

from gpserver.errors import InvalidRequest, TooLarge
from gpserver.protocols import form
from gpserver.protocols.form import IN_MEMORY, Parameters, read_body
from gpserver.protocols.intake import Intake
from gpserver.workspace import Spooled, unquote

FORM = "application/x-www-form-urlencoded"


def read(
    spool: Path,
    *,
    query: str = "",
    body: bytes = b"",
    content_type: str = FORM,
    piece: int = 65536,
    limit: int = 10_000_000,
    look: Any = None,
) -> Any:
    """Read one request whose body arrives in pieces; returns what ``look`` says of its parameters."""
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"content-type", content_type.encode())],
    }
    pieces: Iterator[bytes] = iter([body[n : n + piece] for n in range(0, len(body), piece)])

    async def receive() -> dict[str, Any]:
        chunk = next(pieces, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def run() -> Any:
        parameters = Parameters(query)
        try:
            if body:
                await read_body(Request(scope, receive), parameters, Intake(spool), limit)
            return look(parameters)
        finally:
            parameters.discard()

    return asyncio.run(run())


def multipart(parts: dict[str, bytes]) -> bytes:
    body = b"".join(
        b'--frontier\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in parts.items()
    )
    return body + b"--frontier--\r\n"


def test_names_in_any_case_and_the_body_wins(tmp_path: Path) -> None:
    def look(parameters: Parameters) -> Any:
        return parameters.text("Distance"), parameters.text("F"), parameters.flag("returnz")

    assert read(tmp_path, query="f=json&RETURNZ=True", body=b"distance=5+m&f=pjson", look=look) == (
        "5 m",
        "pjson",
        True,
    )


@pytest.mark.parametrize("piece", [1, 2, 7, 100_000])
def test_a_form_reads_the_same_in_any_pieces(tmp_path: Path, piece: int) -> None:
    fields = {"a": "ü & = + %", "empty": "", "long": "x" * 500, "ß": "1"}
    body = "&".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in fields.items()) + "&alone&&a=2"

    def look(parameters: Parameters) -> Any:
        return {name: parameters.values(name) for name in [*fields, "alone"]}

    expected = {name: [value] for name, value in fields.items()} | {"alone": [""]}
    expected["a"] = ["ü & = + %", "2"]
    assert read(tmp_path, body=body.encode(), piece=piece, look=look) == expected


@pytest.mark.parametrize("piece", [997, 65536])
@pytest.mark.parametrize("kind", ["form", "multipart"])
def test_a_large_value_goes_to_disk_and_is_removed_unless_taken(
    tmp_path: Path, kind: str, piece: int
) -> None:
    text = '{"features": [1.5, "é"]}' * 20_000
    assert len(text) > IN_MEMORY
    if kind == "form":
        body, content_type = f"f=json&big={quote_plus(text)}&last=1".encode(), FORM
    else:
        body = multipart({"f": b"json", "big": text.encode(), "last": b"1"})
        content_type = "multipart/form-data; boundary=frontier"

    def look(parameters: Parameters) -> Any:
        [big] = parameters.values("big")
        assert isinstance(big, Spooled)
        assert (parameters.text("f"), parameters.text("last")) == ("json", "1")
        with pytest.raises(InvalidRequest, match="longer than"):
            parameters.text("big")
        raw = big.path.read_bytes()
        return (unquote(raw) if big.urlencoded else raw).decode()

    assert read(tmp_path, body=body, content_type=content_type, piece=piece, look=look) == text
    assert list(tmp_path.iterdir()) == []


def test_too_large_a_body_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="takes up to 100000"):
        read(tmp_path, body=b"a=" + b"x" * 300_000, limit=100_000, look=bool)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"no boundary", "multipart/form-data"),
        (b"--frontier\r\nnonsense", "multipart/form-data; boundary=frontier"),
        (b"--other\r\n\r\n", "multipart/form-data; boundary=frontier"),
        (b"\x00" * 200_000, FORM),
    ],
)
def test_a_broken_body_is_the_clients_fault(tmp_path: Path, body: bytes, content_type: str) -> None:
    with pytest.raises(InvalidRequest):
        read(tmp_path, body=body, content_type=content_type, look=bool)
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b"a=" + b"x" * 200_000, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "query_string": b"", "headers": []}
        await read_body(Request(scope, receive), Parameters(), Intake(tmp_path), 10**6)

    with pytest.raises(InvalidRequest, match="went away"):
        asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_numbers_and_documents_say_what_is_wrong() -> None:
    parameters = Parameters("a=1.5&b=x&c=inf&d=%7Bx:1%7D&e=%7B")
    assert (parameters.number("a"), parameters.number("none", 7)) == (1.5, 7)
    for name in ("b", "c"):
        with pytest.raises(InvalidRequest, match=f"'{name}' is not a number"):
            parameters.number(name)
    assert parameters.document("d") == {"x": 1}
    assert parameters.document("none") is None
    with pytest.raises(InvalidRequest, match="'e' is not JSON"):
        parameters.document("e")


def test_a_long_text_is_read_back_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "spooled"
    file.write_bytes(b"1%2C" * 50_000)
    parameters = Parameters()
    parameters.add("objectIds", Spooled(file, urlencoded=True))
    assert parameters.long_text("objectids") == "1," * 50_000


FILE = (
    b'--frontier\r\nContent-Disposition: form-data; name="f"\r\n\r\njson\r\n'
    b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--frontier--\r\n"
)
MULTIPART = "multipart/form-data; boundary=frontier"


@pytest.mark.parametrize("piece", [1, 1000, 10_000_000])
@pytest.mark.parametrize("content", [b"", b"\xff\x00\r\n--front", b"\xfe" * 3_000_000])
def test_a_file_is_on_disk_byte_by_byte_however_small(tmp_path: Path, content: bytes, piece: int) -> None:
    if piece == 1 and len(content) > 1000:
        return

    def look(parameters: Parameters) -> Any:
        file = parameters.file("FILE")
        assert file
        assert (parameters.text("f"), parameters.file("f"), parameters.file("none")) == ("json", None, None)
        return file.name, file.path.read_bytes()

    body = FILE % ("länder.zip".encode(), content)
    options = {"body": body, "content_type": MULTIPART, "piece": piece, "look": look}
    assert read(tmp_path, **options) == ("länder.zip", content)
    assert list(tmp_path.iterdir()) == []


def test_a_file_control_that_nobody_filled_in_is_an_empty_text(tmp_path: Path) -> None:
    def look(parameters: Parameters) -> Any:
        return parameters.file("file"), parameters.values("file")

    assert read(tmp_path, body=FILE % (b"", b""), content_type=MULTIPART, look=look) == (None, [""])


def test_many_files_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    part = b'--frontier\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nx\r\n'
    with pytest.raises(InvalidRequest, match="more than 100 files"):
        read(tmp_path, body=part * 101 + b"--frontier--\r\n", content_type=MULTIPART, look=bool)
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_sends_no_more_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "_STALLED", 0.05)
    messages = iter([{"type": "http.request", "body": b"a=" + b"x" * 200_000, "more_body": True}])

    async def receive() -> dict[str, Any]:
        return next(messages, None) or await asyncio.sleep(60, {})

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "query_string": b"", "headers": []}
        await read_body(Request(scope, receive), Parameters(), Intake(tmp_path), 10**6)

    with pytest.raises(InvalidRequest, match="Nothing more"):
        asyncio.run(run())
    assert list(tmp_path.iterdir()) == []
