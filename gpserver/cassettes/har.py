"""HAR 1.2, the format in which browsers keep what went over the wire: written strictly, read leniently.

The format: http://www.softwareishard.com/blog/har-12-spec/
"""

import base64
import binascii
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from gpserver.errors import GPServerError

BASE64 = "base64"
"""The encoding of a body that is no text; for one that was sent HAR has no place but the comment."""

Optional = str | UnsetType


class _Part(Struct, frozen=True, rename="camel", kw_only=True):
    """What all have: members that a file does not have are as by default, those it has beyond are ignored."""

    comment: Optional = UNSET


class Pair(_Part, frozen=True):
    """A header, or a parameter of the query."""

    name: str = ""
    value: str = ""


class Param(_Part, frozen=True, rename="camel"):
    """A field of a form that was sent."""

    name: str = ""
    value: Optional = UNSET
    file_name: Optional = UNSET
    content_type: Optional = UNSET


class Cookie(_Part, frozen=True, rename="camel"):
    """A cookie; ``expires`` as ISO 8601."""

    name: str = ""
    value: str = ""
    path: Optional = UNSET
    domain: Optional = UNSET
    expires: Optional = UNSET
    http_only: bool | UnsetType = UNSET
    secure: bool | UnsetType = UNSET


class PostData(_Part, frozen=True, rename="camel"):
    """A body that was sent."""

    mime_type: str = ""
    params: list[Param] = []
    text: str = ""

    @property
    def body(self) -> bytes:
        """Its bytes; of a browser that tells the fields alone, the form of them.

        Raises:
            ValueError: It says that it is base64, and is not.
        """
        if self.text or not self.params:
            return _bytes(self.text, self.comment)
        return urlencode([(item.name, item.value or "") for item in self.params]).encode()


class Content(_Part, frozen=True, rename="camel"):
    """A body that was answered, without any content encoding; ``size`` in bytes."""

    size: int = 0
    compression: int | UnsetType = UNSET
    mime_type: str = ""
    text: Optional = UNSET
    encoding: Optional = UNSET

    @property
    def body(self) -> bytes:
        """Its bytes.

        Raises:
            ValueError: It says that it is base64, and is not.
        """
        return _bytes(self.text or "", self.encoding)


class Request(_Part, frozen=True, rename="camel"):
    """A request; sizes in bytes, -1 for unknown."""

    method: str = "GET"
    url: str = ""
    http_version: str = "HTTP/1.1"
    cookies: list[Cookie] = []
    headers: list[Pair] = []
    query_string: list[Pair] = []
    post_data: PostData | UnsetType = UNSET
    headers_size: int = -1
    body_size: int = -1


class Response(_Part, frozen=True, rename="camel"):
    """An answer; status 0 where none came."""

    status: int = 0
    status_text: str = ""
    http_version: str = "HTTP/1.1"
    cookies: list[Cookie] = []
    headers: list[Pair] = []
    content: Content = Content()
    redirect_url: str = field(default="", name="redirectURL")
    headers_size: int = -1
    body_size: int = -1


class Timings(_Part, frozen=True, rename="camel"):
    """Milliseconds of the phases; -1 where one does not apply."""

    blocked: float | UnsetType = UNSET
    dns: float | UnsetType = UNSET
    connect: float | UnsetType = UNSET
    send: float = 0.0
    wait: float = 0.0
    receive: float = 0.0
    ssl: float | UnsetType = UNSET


class Entry(_Part, frozen=True, rename="camel"):
    """A request and its answer; ``time`` in milliseconds, ``started_date_time`` as ISO 8601."""

    pageref: Optional = UNSET
    started_date_time: str = "1970-01-01T00:00:00.000Z"
    time: float = 0.0
    request: Request = Request()
    response: Response = Response()
    cache: dict[str, Any] = {}
    timings: Timings = Timings()
    server_ip_address: Optional = field(default=UNSET, name="serverIPAddress")
    connection: Optional = UNSET

    @property
    def started(self) -> float:
        """Epoch seconds.

        Raises:
            ValueError: It is no moment.
        """
        moment = datetime.fromisoformat(self.started_date_time)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Creator(_Part, frozen=True):
    """Who wrote a file."""

    name: str = "gpserver"
    version: str = ""


class Log(_Part, frozen=True, kw_only=True):
    """All that was kept."""

    version: str = "1.2"
    creator: Creator = Creator()
    browser: Creator | UnsetType = UNSET
    pages: list[dict[str, Any]] | UnsetType = UNSET
    entries: list[Entry]


class Har(Struct, frozen=True):
    """A file."""

    log: Log


def har(entries: Iterable[Entry], comment: str = "") -> Har:
    """A file of our own making."""
    creator = Creator(version=version("gpserver"), comment=comment or UNSET)
    return Har(Log(creator=creator, entries=list(entries)))


def dump_har(file: Har) -> bytes:
    """The text of a file: always in the same order, on lines of its own, so that two can be compared."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def write_har(path: Path, file: Har) -> None:
    """Write a file; whoever reads it meanwhile sees what was there before.

    Raises:
        OSError: It cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(dump_har(file))
    new.replace(path)


def load_har(text: bytes) -> Har:
    """Read the text of a file, whoever wrote it: null is as good as absent, ``"200"`` as good as 200.

    Raises:
        GPServerError: It is no HAR; names the place.
    """
    try:
        value = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
        return msgspec.convert(_without_null(value), Har, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise GPServerError(f"This is no HAR file: {error}.") from None


def read_har(path: Path) -> Har:
    """Read a file, whoever wrote it.

    Raises:
        GPServerError: It cannot be read, or is no HAR; names the place.
    """
    try:
        return load_har(path.read_bytes())
    except OSError as error:
        raise GPServerError(f"{path} cannot be read: {error.strerror}.") from None
    except GPServerError as error:
        raise GPServerError(f"{path}: {error}") from None


def moment_of(seconds: float) -> str:
    """A time as HAR writes it, of epoch seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pairs_of(pairs: Iterable[tuple[str, str]]) -> list[Pair]:
    """Headers or parameters."""
    return [Pair(name=name, value=value) for name, value in pairs]


def query_of(url: str) -> list[Pair]:
    """The parameters of a URL."""
    return pairs_of(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def post_of(body: bytes, media_type: str, params: Iterable[Param] = ()) -> PostData:
    """A body that was sent."""
    text, encoding = _text(body)
    return PostData(mime_type=media_type, params=list(params), text=text, comment=encoding)


def content_of(body: bytes, media_type: str, size: int | None = None) -> Content:
    """A body that was answered; its size is told where more was answered than is kept."""
    text, encoding = _text(body)
    return Content(
        size=len(body) if size is None else size, mime_type=media_type, text=text, encoding=encoding
    )


def reason_of(status: int) -> str:
    """What HTTP calls a status; empty for one of nobody's."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""


def _text(body: bytes) -> tuple[str, Optional]:
    try:
        return body.decode(), UNSET
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), BASE64


def _bytes(text: str, encoding: Optional) -> bytes:
    if encoding != BASE64:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("A body that says it is base64 is none.") from None


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_null(item) for item in value if item is not None]
    return value
