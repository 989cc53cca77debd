"""A request's parameters, from query and body alike; large values go to disk as they arrive."""

import tempfile
from asyncio import timeout
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from math import isfinite, nan
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from gpserver.errors import InvalidRequest, InvalidValue, ServerBusy, TooLarge
from gpserver.features.parse import read_json
from gpserver.protocols.intake import Intake
from gpserver.workspace import Spooled, Value, unquote

IN_MEMORY = 64 << 10
"""Bytes of a value up to which it stays in memory."""

_MOST = 10_000  # values of one request: each costs far more memory than its few bytes of a body
_LONG = 16 << 20  # bytes of a value that is no input of a job
_FILES = 100  # of one request; each is a file on disk, however small
_SKIMMED = 1024  # bytes that are kept of each value of a body that is refused
_STALLED = 60.0  # seconds without a byte after which a body is given up: its room is for others
_BLOCK = 1 << 20  # bytes of a large body that are taken apart at once, off the event loop


class Parameters:
    """The parameters of one request by name, whatever the case; a repeated name has several values."""

    def __init__(self, query: str = "") -> None:
        self._values: dict[str, list[Value]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            self._values.setdefault(name.lower(), []).append(value)
        self._count = 0  # of the body; a query is as short as a line may be

    def add(self, name: str, value: Value) -> None:
        """Take one more value of ``name``.

        Raises:
            InvalidRequest: There are too many.
        """
        self._values.setdefault(name.lower(), []).append(value)
        self._count += 1
        if self._count > _MOST:
            raise InvalidRequest(f"The request has more than {_MOST} parameters.")

    def __bool__(self) -> bool:
        return bool(self._values)

    def values(self, name: str) -> list[Value]:
        """All values of ``name``, large ones included."""
        return self._values.get(name.lower(), [])

    def file(self, name: str) -> Spooled | None:
        """The last file that was sent as ``name``; None where there is none."""
        files = (value for value in self.values(name) if isinstance(value, Spooled) and value.name)
        return next(reversed(list(files)), None)

    def text(self, name: str, default: str = "") -> str:
        """The last value of ``name``, or ``default`` when it was not sent or sent empty.

        Raises:
            InvalidRequest: The value is too long for what it is.
        """
        values = self._values.get(name.lower())
        if not values:
            return default
        if isinstance(values[-1], Spooled):
            raise InvalidRequest(f"The value of '{name}' is longer than {IN_MEMORY} bytes.")
        return values[-1].strip() or default

    def long_text(self, name: str) -> str:
        """The last value of ``name`` however long it is; ``""`` when it was not sent.

        Raises:
            InvalidRequest: It is over 16 MB, or no UTF-8 text.
        """
        values = self._values.get(name.lower())
        if not values or not isinstance(value := values[-1], Spooled):
            return self.text(name)
        if value.path.stat().st_size > _LONG:
            raise InvalidRequest(f"The value of '{name}' is longer than {_LONG} bytes.")
        raw = value.path.read_bytes()
        try:
            return (unquote(raw) if value.urlencoded else raw).decode()
        except UnicodeDecodeError:
            raise InvalidRequest(f"The value of '{name}' is not UTF-8 text.") from None

    def document(self, name: str) -> Any:
        """The JSON value of ``name``, relaxed as clients write it; None when it was not sent.

        Raises:
            InvalidRequest: It is not JSON.
        """
        text = self.long_text(name)
        try:
            return read_json(text) if text else None
        except InvalidValue as error:
            raise InvalidRequest(f"'{name}' is not JSON: {error}") from None

    def number(self, name: str, default: float = 0.0) -> float:
        """A finite number, or ``default`` when it was not sent.

        Raises:
            InvalidRequest: It is not one.
        """
        text = self.text(name)
        try:
            number = float(text) if text else default
        except ValueError:
            number = nan
        if not isfinite(number):
            raise InvalidRequest(f"'{name}' is not a number: {text}.")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean in any case, as clients send it: true, True, TRUE, 1."""
        return self.text(name, str(default)).lower() in ("true", "1", "yes", "on")

    def discard(self) -> None:
        """Remove the large values that nobody took over."""
        for value in self._spooled():
            value.path.unlink(missing_ok=True)

    def _spooled(self) -> Iterator[Spooled]:
        return (value for values in self._values.values() for value in values if isinstance(value, Spooled))


async def pieces(request: Request, intake: Intake, limit: int, owner: str = "") -> AsyncGenerator[bytes]:
    """The body of a request as it comes; close it, so that its room is free again.

    Args:
        request: Whose body it is.
        intake: Where there is room for it.
        limit: Bytes that it may have.
        owner: Who sends it; empty for nobody in particular.

    Raises:
        TooLarge: It is over the limit.
        ServerBusy: There is no room for it now.
        InvalidRequest: The client went away, or sends no more.
    """
    size = 0
    try:
        with intake.receive(owner) as coming:
            coming.grow(min(_declared(request), limit))
            async for chunk in _patiently(request.stream()):
                size += len(chunk)
                # Past the limit the rest is still received, or the client would see a broken
                # connection instead of the error.
                if size <= limit:
                    coming.grow(size)
                    yield chunk
    except ClientDisconnect:
        raise InvalidRequest("The client went away before it had sent everything.") from None
    if size > limit:
        raise TooLarge(f"The request has {size} bytes; this server takes up to {limit}.")


async def receive_rest(request: Request, limit: int) -> None:
    """Take what is left of a body that nobody read, or the client would see a broken connection."""
    size = 0
    with suppress(ClientDisconnect, InvalidRequest, RuntimeError):  # it was read already
        async for chunk in _patiently(request.stream()):
            size += len(chunk)
            if size > limit:
                return


async def _patiently(stream: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    while True:
        try:
            async with timeout(_STALLED):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise InvalidRequest(f"Nothing more of the request came for {_STALLED:g} seconds.") from None
        yield chunk


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


async def read_body(
    request: Request, parameters: Parameters, intake: Intake, limit: int, owner: str = ""
) -> None:
    """Add what the body of a POST says; its values stand behind those of the query, so they win.

    Args:
        request: Its body is form-urlencoded or multipart.
        parameters: Takes the values; discard them when the request was answered.
        intake: Its folder takes values over 64 kB, on the disk where job folders are.
        limit: Bytes that a body may have.
        owner: Who sends it; empty for nobody in particular.

    Raises:
        TooLarge: The body is over the limit.
        ServerBusy: There is no room for it now.
        InvalidRequest: The body is not the form that its content type says.
    """
    try:
        await _read(request, parameters, intake, limit, owner)
    except ServerBusy:
        await _skim(request, parameters, limit)
        raise


async def _skim(request: Request, parameters: Parameters, limit: int) -> None:
    """Take short values alone of a body that is refused: they say in what format its client reads."""
    reader, size = _reader(request, parameters, None), 0
    with suppress(ClientDisconnect, InvalidRequest, RuntimeError):
        async for chunk in _patiently(request.stream()):
            if (size := size + len(chunk)) > limit:
                break
            reader.feed(chunk)
        reader.end()
    reader.close()


async def _read(request: Request, parameters: Parameters, intake: Intake, limit: int, owner: str) -> None:
    reader, block = _reader(request, parameters, intake.spool), bytearray()
    try:
        async with aclosing(pieces(request, intake, limit, owner)) as body:
            async for chunk in body:
                block += chunk
                if len(block) >= _BLOCK:
                    await run_in_threadpool(reader.feed, bytes(block))
                    block.clear()
        reader.feed(bytes(block))
        reader.end()
    finally:
        reader.close()


def _reader(request: Request, parameters: Parameters, spool: Path | None) -> "_Form | _Multipart":
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        return _Multipart(parameters, spool, options.get(b"boundary", b""))
    # Clients post forms without saying so; an empty body of any type is an empty form.
    return _Form(parameters, spool)


class _Field:
    """One value as it grows: in memory first, in a file once it is large, or at once if it is a file.

    Without a folder for files it is cut instead.
    """

    def __init__(self, spool: Path | None, *, urlencoded: bool, name: str = "") -> None:
        self._spool, self._urlencoded, self._name = spool, urlencoded, name
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        if self._spool is None:
            self._memory += data[: max(_SKIMMED - len(self._memory), 0)]
            return
        if self._file is None and (self._name or len(self._memory) + len(data) > IN_MEMORY):
            self._file = tempfile.NamedTemporaryFile(dir=self._spool, delete=False)  # noqa: SIM115 - closed in value()
            self._file.write(self._memory)
        (self._file.write if self._file else self._memory.extend)(data)

    def value(self) -> Value:
        if self._name:
            self.write(b"")  # an empty file is one, too
        if self._file:
            self._file.close()
            return Spooled(Path(self._file.name), self._urlencoded, self._name)
        raw = bytes(self._memory)
        return (unquote(raw) if self._urlencoded else raw).decode("utf-8", "replace")

    def abandon(self) -> None:
        if self._file:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)


class _Form:
    """Reads a form-urlencoded body piece by piece; a large value stays percent-encoded."""

    def __init__(self, parameters: Parameters, spool: Path | None) -> None:
        self._parameters, self._spool = parameters, spool
        self._name = bytearray()
        self._field: _Field | None = None

    def feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"&")
        self._extend(first)
        for piece in others:
            self.end()
            self._extend(piece)

    def _extend(self, piece: bytes) -> None:
        if self._field is None:
            name, equals, piece = piece.partition(b"=")
            self._name += name
            if len(self._name) > IN_MEMORY:
                raise InvalidRequest("The body is not a form: it has no parameter names.")
            if not equals:
                return
            self._field = _Field(self._spool, urlencoded=True)
        self._field.write(piece)

    def end(self) -> None:
        name = unquote(bytes(self._name)).decode("utf-8", "replace")
        if name:
            self._parameters.add(name, self._field.value() if self._field else "")
        elif self._field:
            self._field.abandon()
        self._name, self._field = bytearray(), None

    def close(self) -> None:
        if self._field:
            self._field.abandon()


class _Multipart:
    """Reads a multipart body piece by piece."""

    def __init__(self, parameters: Parameters, spool: Path | None, boundary: bytes) -> None:
        self._parameters, self._spool = parameters, spool
        self._field: _Field | None = None
        self._header, self._content = bytearray(), bytearray()
        self._name, self._file_name, self._files = "", "", 0
        self._complete = False
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_headers_finished": self._headers_end,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._content.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": lambda: setattr(self, "_complete", True),
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise InvalidRequest(f"The body is not multipart/form-data: {error}.") from None

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest(f"The body is not multipart/form-data: {error}.") from None

    def end(self) -> None:
        if not self._complete:
            raise InvalidRequest("The body is not multipart/form-data: it ends too early.")

    def close(self) -> None:
        if self._field:
            self._field.abandon()

    def _begin(self) -> None:
        self._field, self._name, self._file_name = None, "", ""

    def _header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._content))
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            self._file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        self._header.clear()
        self._content.clear()

    def _headers_end(self) -> None:
        self._files += bool(self._file_name)
        if self._files > _FILES:
            raise InvalidRequest(f"The request has more than {_FILES} files.")
        self._field = _Field(self._spool, urlencoded=False, name=self._file_name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field:
            self._field.write(data[start:end])

    def _part_end(self) -> None:
        field, self._field = self._field, None
        if field:
            self._parameters.add(self._name, field.value())
