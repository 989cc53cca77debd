"""From a request to an answer of ArcGIS REST: parameters in, a resource or an error out, in any format."""

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.errors import GPServerError, InvalidRequest, NotFound
from gpserver.examiner import Examiner
from gpserver.formats import Body, Resource, format_for, format_named, plain_name
from gpserver.maps.studio import Studio
from gpserver.protocols.form import Parameters, read_body

_log = logging.getLogger(__name__)

# Bytes up to which a streamed answer is put together first: one answer is cheaper than many pieces.
_SENT_WHOLE = 256 << 10

_CALLBACK = re.compile(r"[A-Za-z_$][\w.$]{0,127}")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Site:
    """What every handler needs, made once by the app."""

    engine: Engine
    catalog: Catalog
    examiner: Examiner
    studio: Studio
    spool: Path
    max_body: int
    public_url: str
    current_version: float
    execute_wait: float
    """Seconds that a synchronous call may take from request to answer, waiting for its turn included."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one handler."""

    request: Request
    parameters: Parameters
    site: Site

    def part(self, name: str) -> str:
        """A part of the URL path, or ``""`` where this URL has none."""
        return str(self.request.path_params.get(name, ""))

    @property
    def path(self) -> str:
        """The URL path, as asked for."""
        return str(self.request.scope["path"])

    @property
    def root(self) -> str:
        """Scheme and host that the client sees: the configured ones, the proxy's, or our own."""
        if self.site.public_url:
            return self.site.public_url
        headers, scope = self.request.headers, self.request.scope
        scheme = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        host = (headers.get("x-forwarded-host") or headers.get("host", "")).split(",")[0].strip()
        if not _HOST.fullmatch(host):  # nothing else may get into a URL
            host = "{}:{}".format(*scope["server"])
        return f"{scheme if scheme in ('http', 'https') else scope['scheme']}://{host}"

    @property
    def rest(self) -> str:
        """The absolute URL of ``/arcgis/rest``."""
        return f"{self.root}/arcgis/rest"

    @property
    def format(self) -> str:
        """The name of the format asked for; html is the default."""
        return plain_name(self.parameters.text("f", "html"))

    @property
    def wants_page(self) -> bool:
        """Whether a person asked."""
        return self.format == "html"


Handler = Callable[[Call], Awaitable[Resource | Response]]


class NotSupported(InvalidRequest):
    """An operation that this service does not have, such as execute on an asynchronous one."""


class TaskFailed(GPServerError):
    """A synchronous task failed; carries its log lines."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class TimedOut(GPServerError):
    """A synchronous call took too long."""


def endpoint(handler: Handler, site: Site) -> Callable[[Request], Awaitable[Response]]:
    """The Starlette endpoint of a handler: reads parameters, translates errors, writes the format."""

    async def answer(request: Request) -> Response:
        parameters = Parameters(request.scope["query_string"].decode("latin-1"))
        try:
            if request.method == "POST":
                await read_body(request, parameters, site.spool, site.max_body)
            resource = await handler(Call(request, parameters, site))
        except Exception as error:
            resource = error_resource(error)
        finally:
            parameters.discard()
        return await _respond(resource, request, parameters)

    return answer


def error_resource(error: Exception) -> Resource:
    """The one translation of our errors into the shape of ArcGIS; what is not ours is a logged 500."""
    code, message, details, status = _translate(error)
    value = {"error": {"code": code, "message": message, "details": details}}
    return Resource(value, title=f"Error: {message}", page="error", status=status)


def _translate(error: Exception) -> tuple[int, str, list[str], int]:
    match error:
        case NotFound() if str(error) == "":
            return 400, "Invalid URL", ["Invalid URL"], 404
        case NotFound():
            return 400, "Unable to complete operation.", [str(error)], 404
        case NotSupported():
            return 400, str(error), [], 400
        case TaskFailed():
            return 400, "Unable to complete operation.", error.lines, 400
        case TimedOut():
            return 504, "Your request has timed out.", [str(error)], 504
        case InvalidRequest():
            return 400, "Invalid or missing input parameters.", [str(error)], 400
        case GPServerError():
            return 400, "Unable to complete operation.", [str(error)], 400
    _log.error("A request failed inside the server", exc_info=error)
    return 500, "Unable to complete operation.", ["The server failed; its log says why."], 500


async def _respond(answer: Resource | Response, request: Request, parameters: Parameters) -> Response:
    if isinstance(answer, Response):
        return answer
    try:
        name, callback = parameters.text("f", "html"), parameters.text("callback")
        write = format_for(name, answer)
        if callback and not _CALLBACK.fullmatch(callback):
            raise InvalidRequest("'callback' is not the name of a function.")
    except InvalidRequest as error:
        # Whoever asked for a format that we cannot write can read JSON rather than a page; f=image is one.
        answer = answer if answer.page == "error" else error_resource(error)
        name, callback, write = "json", "", format_named("json")
    page = write is format_named("html")
    if page and answer.location:
        return RedirectResponse(answer.location, status_code=302)
    if answer.etag and request.headers.get("if-none-match") == _etag(answer):
        return Response(status_code=304, headers=_cache_headers(answer))
    try:
        # A page may show a large result, and templates take their time.
        body = await run_in_threadpool(write, answer) if page else write(answer)
        if callback and "json" in body.media_type:
            body = Body(_wrap(callback, body.content), "text/javascript;charset=UTF-8")
        # Much is only tried when the first pieces are made.
        return await _response(body, answer.status if page else 200, _cache_headers(answer))
    except Exception as error:
        answer = error_resource(error)
        body = (write if page else format_named("json"))(answer)
        return await _response(body, answer.status if page else 200, {})


async def _response(body: Body, status: int, headers: dict[str, str]) -> Response:
    if body.file:
        headers = headers | {"content-disposition": f"attachment; filename*=UTF-8''{quote(body.file)}"}
    if isinstance(body.content, bytes):
        return Response(body.content, status, headers, body.media_type)
    start, rest = await run_in_threadpool(_begin, body.content)
    if rest is None:
        return Response(start, status, headers, body.media_type)
    return StreamingResponse(chain([start], rest), status, headers, body.media_type)


def _begin(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """The first pieces of a stream; all of it, and None, where it is small enough to be sent whole."""
    start = bytearray()
    for chunk in chunks:
        start += chunk
        if len(start) > _SENT_WHOLE:
            return bytes(start), chunks
    return bytes(start), None


def _etag(answer: Resource) -> str:
    return f'W/"{answer.etag}"'


def _cache_headers(answer: Resource) -> dict[str, str]:
    return {"etag": _etag(answer), "cache-control": "no-cache"} if answer.etag else {}


def _wrap(callback: str, content: bytes | Iterator[bytes]) -> bytes | Iterator[bytes]:
    head, tail = f"{callback}(".encode(), b");"
    if isinstance(content, bytes):
        return head + content + tail
    return (piece for part in ([head], content, [tail]) for piece in part)
