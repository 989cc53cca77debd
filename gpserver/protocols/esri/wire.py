"""From a request to an answer of ArcGIS REST: parameters in, a resource or an error out, in any format."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from itertools import chain
from threading import BoundedSemaphore, Event
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gpserver.addresses import Allowed
from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.errors import (
    Forbidden,
    GPServerError,
    InvalidRequest,
    InvalidToken,
    NotFound,
    ServerBusy,
    SignInRefused,
    TokenRequired,
    outage,
)
from gpserver.examiner import Examiner
from gpserver.formats import Body, Resource, format_for, format_named, html, plain_name
from gpserver.job import Job
from gpserver.logs import CALLER
from gpserver.maps.studio import Studio
from gpserver.protocols.esri.log import status_of
from gpserver.protocols.form import Parameters, read_body
from gpserver.protocols.intake import Intake
from gpserver.protocols.looks import Looks
from gpserver.security import NOBODY, Caller, Guard

_log = logging.getLogger(__name__)

# Bytes up to which a streamed answer is put together first: one answer is cheaper than many pieces.
_SENT_WHOLE = 256 << 10

_STREAMS = 64
_RETRY = "5"  # seconds after which what is away may be back

_CALLBACK = re.compile(r"[A-Za-z_$][\w.$]{0,127}")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Site:
    """What every handler needs, made once by the app."""

    engine: Engine
    catalog: Catalog
    examiner: Examiner
    studio: Studio
    intake: Intake
    max_body: int
    public_url: str
    current_version: float
    execute_wait: float
    """Seconds that a synchronous call may take from request to answer, waiting for its turn included."""
    status: Callable[[Job], str] = status_of
    """What clients are told of where a job stands."""
    clock: Callable[[], float] = time.time
    """Epoch seconds."""
    adapt: Callable[[str, Resource], Resource] | None = None
    """Makes of what there is at a path what clients get; None where that is the same."""
    guard: Guard | None = None
    """Where there are users; without it everybody may do everything."""
    origins: frozenset[str] = frozenset()
    """Of whose pages a cookie is believed, besides our own."""
    allowed: Allowed = Allowed(())  # noqa: RUF009 - it is never changed
    """The places besides the public internet that webhooks may be at."""
    looks: Looks = field(default_factory=Looks)
    """At jobs that are polled."""
    streams: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_STREAMS))
    """Room for pages that follow a job."""
    stopping: Event = field(default_factory=Event)
    """Set when the server is told to stop: answers without an end must find one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one handler."""

    request: Request
    parameters: Parameters
    site: Site
    caller: Caller = NOBODY

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


class Admission(NamedTuple):
    """How callers are told apart: who makes a call, and an error where he may not."""

    identify: Callable[[Call], Call]
    check: Callable[[Call], bool]


SIGN_IN, SIGN_OUT = "/arcgis/rest/login", "/arcgis/rest/logout"


class NotSupported(InvalidRequest):
    """An operation that this service does not have, such as execute on an asynchronous one."""


class MethodNotAllowed(InvalidRequest):
    """A GET of what only a POST may do."""


class TaskFailed(GPServerError):
    """A synchronous task failed; carries its log lines."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class TimedOut(GPServerError):
    """A synchronous call took too long."""


def endpoint(
    handler: Handler, site: Site, admission: Admission | None = None, most: int | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """The Starlette endpoint of a handler: reads parameters, translates errors, writes the format.

    Args:
        handler: Answers a call.
        site: What it needs for that.
        admission: Whom it answers; None for everybody.
        most: Bytes that the body of a caller may have who is known before it is read; by default what the
            site says, which holds for all others.
    """

    async def answer(request: Request) -> Response:
        parameters = Parameters(request.scope["query_string"].decode("latin-1"))
        call = Call(request, parameters, site)
        try:
            if request.method == "POST":
                sender = _sender(call, admission)
                limit = most if most and sender else site.max_body
                await read_body(request, parameters, site.intake, limit, sender.name if sender else "")
            if admission:
                call = admission.identify(call)
                request.scope[CALLER] = call.caller.name
                admission.check(call)
            resource = await handler(call)
            if site.adapt and isinstance(resource, Resource):
                resource = site.adapt(call.path, resource)
        except TokenRequired as error:
            resource = replace(error_resource(error), location=_sign_in_page(request))
        except Exception as error:
            resource = error_resource(error)
        finally:
            parameters.discard()
        if admission and isinstance(resource, Resource):
            resource = replace(resource, visitor=call.caller.name)
        response = await _respond(resource, request, parameters)
        if admission:
            # What one caller was shown must not be kept for another.
            response.headers.setdefault("cache-control", "no-cache")
            response.headers["cache-control"] += ", private"
        return response

    return answer


def _sender(call: Call, admission: Admission | None) -> Caller | None:
    """Who makes a call, by what came before its body; None for somebody who may not, or may not yet."""
    try:
        known = admission.identify(call) if admission else call
        return known.caller if admission is None or admission.check(known) else None
    except GPServerError:
        return None


def _sign_in_page(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    place = request.scope["path"] + (f"?{query}" if query and request.method == "GET" else "")
    return f"{SIGN_IN}?{urlencode({'redirect': place})}"


def error_resource(error: Exception) -> Resource:
    """The one translation of our errors into the shape of ArcGIS; what is not ours is a logged 500."""
    code, message, details, status = _translate(error)
    value = {"error": {"code": code, "message": message, "details": details}}
    return Resource(value, title=f"Error: {message}", page="error", status=status)


def _translate(error: Exception) -> tuple[int, str, list[str], int]:
    if away := outage(error):
        _log.error("A request found no room: %s", error)
        error = away
    match error:
        case NotFound() if str(error) == "":
            return 400, "Invalid URL", ["Invalid URL"], 404
        case NotFound():
            return 400, "Unable to complete operation.", [str(error)], 404
        case MethodNotAllowed():
            return 405, str(error), [], 405
        case TokenRequired():
            return 499, "Token Required", [], 401
        case InvalidToken():
            return 498, "Invalid Token", [str(error)], 401
        case Forbidden():
            return 403, str(error), [], 403
        case SignInRefused():
            return 400, "Unable to generate token.", [str(error)], 403
        case NotSupported():
            return 400, str(error), [], 400
        case TaskFailed():
            return 400, "Unable to complete operation.", error.lines, 400
        case TimedOut():
            return 504, "Your request has timed out.", [str(error)], 504
        case ServerBusy():
            return 503, str(error), [], 503
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
    if page:
        answer = replace(answer, query=_query(request))
    headers = html.HEADERS if page else _cache_headers(answer)
    if "etag" in headers and request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    try:
        # A page may show a large result, and templates take their time.
        body = await run_in_threadpool(write, answer) if page else write(answer)
        if callback and "json" in body.media_type:
            body = Body(_wrap(callback, body.content), "text/javascript;charset=UTF-8")
        elif parameters.text("callback.html") == "textarea" and not page:
            body = _in_textarea(body)
        # Much is only tried when the first pieces are made.
        return await _response(body, answer.status if page else 200, headers)
    except Exception as error:
        answer = error_resource(error)
        body = (write if page else format_named("json"))(answer)
        return await _response(body, answer.status if page else 200, html.HEADERS if page else {})


def _query(request: Request) -> str:
    """The query of a GET without the format and the page number, to be followed by another one of them."""
    if request.method != "GET":
        return ""
    asked = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name.lower() not in ("f", "page")]
    return f"{urlencode(kept)}&" if kept else ""


async def _response(body: Body, status: int, headers: Mapping[str, str]) -> Response:
    if body.file:
        name = quote(body.file, safe="")
        headers = {**headers, "content-disposition": f"attachment; filename*=UTF-8''{name}"}
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


def _in_textarea(body: Body) -> Body:
    """JSON for pages that upload through a hidden frame, which can read nothing but a document."""
    if not isinstance(body.content, bytes) or "json" not in body.media_type:
        return body
    text = f"<textarea>{escape(body.content.decode())}</textarea>"
    return Body(text.encode(), "text/html;charset=UTF-8")


def _etag(answer: Resource) -> str:
    return f'W/"{answer.etag}"'


def _cache_headers(answer: Resource) -> dict[str, str]:
    if answer.status == 503:
        return {"retry-after": _RETRY}
    return {"etag": _etag(answer), "cache-control": "no-cache"} if answer.etag else {}


def _wrap(callback: str, content: bytes | Iterator[bytes]) -> bytes | Iterator[bytes]:
    head, tail = f"{callback}(".encode(), b");"
    if isinstance(content, bytes):
        return head + content + tail
    return (piece for part in ([head], content, [tail]) for piece in part)
