"""The journal: what clients sent and what they got, the newest thousand of it."""

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, perf_counter
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpserver.clock import Clock
from gpserver.emulator.body import Body
from gpserver.emulator.record import Headers, Record

_log = logging.getLogger(__name__)

FAULT = "gpserver.fault"
"""Where the state of a scope tells the kind of fault that hit the request."""

MOST = 1000
"""Requests that are kept."""

_FACTS = ("method", "scheme", "server", "client", "raw_path", "query_string", "headers", "route", "state")
_PROBES = ("/healthz", "/readyz")
_OWN = "/emulator"


class Journal:
    """ASGI middleware, the outermost one, so that it sees what clients really got; read it from any thread.

    Args:
        app: Answers the requests.
        clock: The time of the server.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._clock = app, clock
        self._changed = threading.Condition()
        self._version, self._waiting = 0, 0
        self._listeners: list[Callable[[Record], object]] = []
        self.cleared = 0
        self.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note it."""
        if scope["type"] != "http" or _is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, self._clock, receive, send, self._tell)
        with self._changed:
            exchange.number = next(self._numbers)
            self._exchanges.append(exchange)
        self._tell(exchange)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            exchange.fail()
            raise
        finally:
            exchange.end()

    def records(self) -> list[Record]:
        """What is there now, in the order in which it began."""
        with self._changed:
            exchanges = list(self._exchanges)
        return [exchange.record() for exchange in exchanges]

    def clear(self) -> None:
        """Forget everything, and count from 1 again."""
        with self._changed:
            self._exchanges: deque[_Exchange] = deque(maxlen=MOST)
            self._numbers = itertools.count(1)
            self.cleared += 1  # so that who looks on sees that the numbers begin again

    def listen(self, listener: Callable[[Record], object]) -> Callable[[], None]:
        """Have a function called with each request once it has ended, in the server's thread.

        Returns:
            What ends that.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def wait_for(self, predicate: Callable[[Record], bool], timeout: float = 5.0) -> Record:
        """The first request that fits, once there is one.

        Args:
            predicate: Is asked of requests that are there, under way or ended, whenever one goes on.
            timeout: Real seconds.

        Raises:
            TimeoutError: There was none.
        """
        found: list[Record] = []

        def there() -> bool:
            found.extend(record for record in self.records() if predicate(record))
            return bool(found)

        if not self.wait_until(there, timeout):
            raise TimeoutError(f"No request fitted within {timeout:g} seconds.")
        return found[0]

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Whether something comes to be within so many real seconds; asked whenever a request goes on."""
        until = monotonic() + timeout
        with self._changed:
            self._waiting += 1
        try:
            while True:
                version, over = self._version, monotonic() >= until
                if (met := condition()) or over:  # outside the lock: requests go on meanwhile
                    return met
                with self._changed:
                    if self._version == version:  # none went on since
                        self._changed.wait(until - monotonic())
        finally:
            with self._changed:
                self._waiting -= 1

    def _tell(self, exchange: "_Exchange") -> None:
        if self._waiting:
            with self._changed:
                self._version += 1
                self._changed.notify_all()
        if self._listeners and exchange.ended is not None:
            record = exchange.record()
            for listener in list(self._listeners):
                try:
                    listener(record)
                except Exception:
                    _log.exception("Nobody was told of %s.", record)


class _Exchange:
    """A request as it goes on; only noted, whoever asks for its record has it made."""

    __slots__ = (
        *("_app_receive", "_app_send", "_client", "_clock", "_path", "_record", "_scope", "_tell"),
        *("answer", "answered", "began", "ended", "moment", "number", "seconds", "sent", "status"),
    )

    def __init__(
        self, scope: Scope, clock: Clock, receive: Receive, send: Send, tell: Callable[["_Exchange"], None]
    ) -> None:
        scope.setdefault("state", {})
        # Others write the path otherwise on the way.
        self._scope, self._path, self._clock, self._tell = scope, scope["path"], clock, tell
        self._app_receive, self._app_send = receive, send
        self._record: Record | None = None
        self.began, self.moment = clock.now(), perf_counter()
        self.ended: float | None = None
        self.number, self.seconds, self.status = 0, 0.0, 0
        self.answered: list[tuple[bytes, bytes]] = []
        self.sent = self.answer = Body()

    async def receive(self) -> Message:
        """What comes in."""
        message = await self._app_receive()
        if piece := message.get("body"):
            self.sent = self.sent.more(piece)
            self._tell(self)
        return message

    async def send(self, message: Message) -> None:
        """What goes out; noted before it does, so that who has got it finds it noted."""
        if message["type"] == "http.response.start":
            self.status, self.answered = message["status"], list(message.get("headers", ()))
            self._tell(self)
        elif message["type"] == "http.response.body":
            if piece := message.get("body"):
                self.answer = self.answer.more(piece)
            if not message.get("more_body"):
                self.end()
        await self._app_send(message)

    def fail(self) -> None:
        """The application broke: the web server answers that, unless it was a fault that was asked for."""
        if not self.status and FAULT not in self._scope["state"]:
            self.status = 500

    def end(self) -> None:
        """It is over."""
        if self.ended is None:
            self.seconds, self.ended = perf_counter() - self.moment, self._clock.now()
            # What else hangs on it, such as the connection, is not kept.
            self._scope = {name: self._scope[name] for name in _FACTS if name in self._scope}
            self._tell(self)

    def record(self) -> Record:
        """What is known of it by now."""
        if self._record:
            return self._record
        scope, ended = self._scope, self.ended
        record = Record(
            number=self.number,
            method=scope["method"],
            url=_url(scope, self._path),
            headers=_headers(scope["headers"]),
            client=scope["client"][0] if scope.get("client") else "",
            sent=self.sent,
            began=self.began,
            ended=ended,
            moment=self.moment,
            seconds=self.seconds if ended is not None else perf_counter() - self.moment,
            status=self.status,
            answered=_headers(self.answered),
            answer=self.answer,
            fault=str(scope["state"].get(FAULT, "")),
            path=self._path,
            routed=scope.get("route") is not None,
        )
        if ended is not None:
            self._record = record
        return record


def _is_ours(path: str) -> bool:
    return path in _PROBES or path == _OWN or path.startswith(f"{_OWN}/")


def _headers(raw: list[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)


def _url(scope: Scope, path: str) -> str:
    raw: bytes = scope.get("raw_path") or quote(path).encode()
    query: bytes = scope.get("query_string", b"")
    host = next((value for name, value in scope["headers"] if name.lower() == b"host"), b"")
    if not host and scope.get("server"):
        host = ":".join(str(part) for part in scope["server"] if part is not None).encode()
    url: bytes = scope.get("scheme", "http").encode() + b"://" + host + raw + (b"?" + query if query else b"")
    return url.decode("latin-1")
