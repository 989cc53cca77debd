"""From a request to an answer of EverGIS' REST: JSON in, JSON or an error out."""

import logging
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gpserver.catalog import Catalog
from gpserver.clerk import Clerk
from gpserver.engine import Engine
from gpserver.errors import (
    Conflict,
    Crowded,
    Forbidden,
    GPServerError,
    InvalidRequest,
    InvalidToken,
    NotFound,
    ServerBusy,
    SignInRefused,
    TokenRequired,
    TooLarge,
    Unavailable,
    outage,
)
from gpserver.layers import Layers
from gpserver.logs import CALLER
from gpserver.maps.studio import Studio
from gpserver.protocols.form import IN_MEMORY, Parameters, pieces, read_body, receive_rest
from gpserver.protocols.intake import Intake
from gpserver.schedules.office import Office
from gpserver.security import NOBODY, Caller, Guard
from gpserver.workspace import Spooled, Value

_log = logging.getLogger(__name__)

T = TypeVar("T")

_MOST_JSON = 16 << 20  # bytes of a body that is read whole
_BODY = "\0body"  # no parameter of a client is called so
_RETRY = "5"  # seconds after which what is away may be back
_BLOCK = 1 << 20  # bytes that are written to disk at once, off the event loop


@dataclass(frozen=True, slots=True)
class Site:
    """What every handler needs, made once by the app."""

    engine: Engine
    catalog: Catalog
    layers: Layers
    clerk: Clerk
    office: Office
    studio: Studio
    intake: Intake
    max_body: int
    guard: Guard | None = None
    """Where there are users; without it everybody is who he says."""
    origins: frozenset[str] = frozenset()
    """Of whose pages a cookie is believed, besides our own."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one handler; the site is as its caller sees it."""

    request: Request
    parameters: Parameters
    """Those of the query; of the body where it is a form that was read."""
    site: Site
    caller: Caller = NOBODY

    def part(self, name: str) -> str:
        """A part of the URL path, or ``""`` where this URL has none."""
        return str(self.request.path_params.get(name, ""))

    def texts(self, name: str) -> list[str]:
        """A list in the query, whether its name is repeated or its values stand between commas."""
        values = [value for value in self.parameters.values(name) if isinstance(value, str)]
        return [text for value in values for part in value.split(",") if (text := part.strip())]

    def number(self, name: str, default: int) -> int:
        """A whole number of at least 0 in the query.

        Raises:
            InvalidRequest: It is none.
        """
        text = self.parameters.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InvalidRequest(f"'{name}' is a whole number from 0, not {text[:50]}.")
        return int(text)

    async def body(self) -> Value:
        """The body as it came: text, or a file of the spool where it is over 64 kB.

        The file is gone after the answer, unless somebody renames it.

        Raises:
            TooLarge: It is over the limit of the site.
            InvalidRequest: It is no UTF-8 text.
        """
        value = await _received(self.request, self.site.intake, self.site.max_body, self.caller.name)
        self.parameters.add(_BODY, value)
        return value

    async def json(self, kind: type[T]) -> T:
        """The body as a value of a type that msgspec reads.

        Raises:
            TooLarge: It is over 16 MB.
            InvalidRequest: It is not JSON, or not of that type; the text names the place.
        """
        value = await self.body()
        if isinstance(value, Spooled):
            return await run_in_threadpool(_decoded_file, value.path, kind)
        return decoded(value.encode(), kind)

    async def form(self, most: int | None = None) -> Parameters:
        """The parameters with those of a body that is a form; files lie in the spool until the answer.

        Raises:
            TooLarge: It has more than ``most`` bytes, or more than the site takes.
            InvalidRequest: It is no form.
        """
        limit = most or self.site.max_body
        await read_body(self.request, self.parameters, self.site.intake, limit, self.caller.name)
        return self.parameters


Handler = Callable[[Call], Awaitable[Any]]
"""Gives a Response, or a value that msgspec writes as JSON."""

Routes = Sequence[tuple[tuple[str, ...], str, Handler]]
"""Methods, path and handler: what each module of this folder calls ROUTES."""


def endpoint(
    handler: Handler, site: Site, identify: Callable[[Call], Call]
) -> Callable[[Request], Awaitable[Response]]:
    """The Starlette endpoint of a handler: finds the caller, translates errors, writes JSON."""

    async def answer(request: Request) -> Response:
        parameters = Parameters(request.scope["query_string"].decode("latin-1"))
        try:
            call = identify(Call(request, parameters, site))
            request.scope[CALLER] = call.caller.name
            value = await handler(call)
            response = value if isinstance(value, Response) else json_response(value)
        except Exception as error:
            await receive_rest(request, site.max_body)
            response = _error_response(error)
        finally:
            parameters.discard()
        # What one caller was shown must not be kept for another.
        response.headers.setdefault("cache-control", "no-cache, private")
        return response

    return answer


def json_response(value: Any, status: int = 200) -> Response:
    """JSON of a value; floats that are no numbers become null."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def decoded(raw: bytes, kind: type[T]) -> T:
    """JSON text as a value of a type.

    Raises:
        InvalidRequest: It is not JSON, or not of that type; the text names the place.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body cannot be read: {error}.") from None


def job_id_of(text: str) -> str:
    """The engine's id of a job that a client names by a UUID.

    Raises:
        NotFound: It is no UUID.
    """
    with suppress(ValueError):
        if len(text) in (32, 36):
            return uuid.UUID(text).hex
    raise NotFound(f"There is no task {text[:50]}.")


def uuid_of(job_id: str) -> str:
    """The UUID under which clients know a job of the engine."""
    return str(uuid.UUID(job_id))


def _decoded_file(path: Path, kind: type[T]) -> T:
    if (size := path.stat().st_size) > _MOST_JSON:
        raise TooLarge(f"The body has {size} bytes; here it has up to {_MOST_JSON}.")
    return decoded(path.read_bytes(), kind)


def _error_response(error: Exception) -> Response:
    status, kind, message = _translate(error)
    answer = json_response({"errorType": kind, "message": message, "statusCode": status}, status)
    if status == 503:
        answer.headers["retry-after"] = _RETRY
    return answer


def _translate(error: Exception) -> tuple[int, str, str]:
    # Clients ask again after every 5xx, so that nothing that a user did wrong may be one.
    if away := outage(error):
        _log.error("A request found no room: %s", error)
        error = away
    match error:
        case TokenRequired():
            return 401, "Unauthorized", str(error) or "Sign in: POST /account/login gives a token."
        case InvalidToken() | SignInRefused():
            return 401, "Unauthorized", str(error)
        case Forbidden():
            return 403, "Forbidden", str(error)
        case NotFound():
            return 404, "ResourceNotFound", str(error) or "There is nothing at this URL."
        case Conflict():
            return 409, "DuplicateContent", str(error)
        case Crowded():  # its code for too many requests at once
            return 419, "ResourceLimitExceeded", str(error)
        case Unavailable():  # nothing that a user did wrong: asking again is right
            return 503, "ServiceUnavailable", str(error)
        case ServerBusy():  # EverGIS' code for a limit of resources
            return 402, "ResourceLimitExceeded", str(error)
        case TooLarge():
            return 413, "ResourceLimitExceeded", str(error)
        case GPServerError():
            return 400, "BadRequest", str(error)
    _log.error("A request failed inside the server", exc_info=error)
    return 500, "InternalError", "The server failed; its log says why."


async def _received(request: Request, intake: Intake, limit: int, owner: str) -> Value:
    block, file = bytearray(), None
    try:
        async with aclosing(pieces(request, intake, limit, owner)) as body:
            async for chunk in body:
                block += chunk
                if len(block) > IN_MEMORY and (file is None or len(block) >= _BLOCK):
                    file = file or tempfile.NamedTemporaryFile(dir=intake.spool, delete=False)  # noqa: SIM115 - see finally
                    await run_in_threadpool(file.write, bytes(block))
                    block.clear()
        if file is None:
            return block.decode()
        file.write(block)
        kept, file = file, None
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not UTF-8 text.") from None
    finally:
        if file:
            file.close()
            Path(file.name).unlink()
    kept.close()
    return Spooled(Path(kept.name), urlencoded=False)
