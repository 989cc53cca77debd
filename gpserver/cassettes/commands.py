"""`gpserver record | replay | diff`: a real server into a cassette, out of it, and compared with it."""

import asyncio
import json
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import httpcore
import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from gpserver import logs
from gpserver.cassettes.cassette import Cassette
from gpserver.cassettes.displacement import Displacement
from gpserver.cassettes.file import read_cassette
from gpserver.cassettes.recorder import recorder
from gpserver.cassettes.redaction import Redaction
from gpserver.cassettes.rehearsal import Outcome, Rehearsal, Target
from gpserver.cassettes.replay import replay
from gpserver.cassettes.tape import Tape
from gpserver.cassettes.upstream import TIMEOUT, checked_origin, explained, tls
from gpserver.connection import listen
from gpserver.errors import GPServerError
from gpserver.settings import Settings

_HOST = "127.0.0.1"
_GRACE = 2  # seconds that open requests get at the end
_CONNECTIONS = 100
_EVERY = 10.0  # seconds between two looks whether there is something to write
_SHARE = 10  # writing takes at most one part in so many of the time


def run_record(settings: Settings, options: Namespace) -> int:
    """Be a proxy on loopback before a real server until told to stop; the cassette is written meanwhile, too.

    Raises:
        GPServerError: The server cannot be asked, or the cassette cannot be written.
    """
    origin = checked_origin(options.source)
    if not options.to.parent.is_dir():
        raise GPServerError(
            f"There is no folder {options.to.parent} for the cassette. Name another with --to."
        )
    context = tls(options.insecure)
    _look(options.source, httpcore.ConnectionPool(ssl_context=context))
    displacement = Displacement() if options.redact_geometry else None
    fields = tuple(options.redact)
    template = Cassette(fields=fields, moved=options.redact_geometry)
    tape = Tape(options.to, Redaction(origin, fields, displacement), template)
    pool = httpcore.AsyncConnectionPool(ssl_context=context, max_connections=_CONNECTIONS)
    root = urlsplit(options.source).path.rstrip("/")
    logs.set_up(settings.log_format, settings.log_level)
    status = _serve(recorder(origin, pool, tape), _HOST, options.port, root, lambda: _keep_writing(tape))
    tape.save()
    print(f"{len(tape)} requests are in {options.to}.", file=sys.stderr)
    return status


def run_replay(settings: Settings, options: Namespace) -> int:
    """Serve a cassette until told to stop.

    Raises:
        GPServerError: The cassette cannot be read, or the port cannot be used.
    """
    cassette = read_cassette(options.cassette)
    logs.set_up(settings.log_format, settings.log_level)
    app = replay(cassette, options.match, options.speed)
    return _serve(app, options.host or _HOST, options.port, cassette.root)


def run_diff(_: Settings, options: Namespace) -> int:
    """Compare a cassette with a server; 0 for no difference, 1 for some, 2 where it could not be asked."""
    try:
        checked_origin(options.url)
        target = Target(options.url, options.token, options.user, options.user_agent, options.patience)
        with httpcore.ConnectionPool(ssl_context=tls(options.insecure)) as pool:
            outcomes = list(Rehearsal(read_cassette(options.cassette), target, pool).outcomes())
    except (GPServerError, OSError, ValueError) as error:
        print(f"gpserver: {error}", file=sys.stderr)
        return 2
    different = sum(bool(outcome.differences) for outcome in outcomes)
    skipped = sum(bool(outcome.skipped) for outcome in outcomes)
    counts = {"requests": len(outcomes), "different": different, "skipped": skipped}
    if options.json:
        print(json.dumps({**counts, "outcomes": [asdict(outcome) for outcome in outcomes]}, indent=2))
    else:
        print(*_told(outcomes), sep="\n", end="\n" if different + skipped else "")
        print(f"{different} of {len(outcomes)} requests differ, {skipped} were not sent.")
    return 1 if different else 0


def _told(outcomes: Iterable[Outcome]) -> Iterable[str]:
    for outcome in outcomes:
        if outcome.skipped:
            yield f"{outcome.request}\n  not sent: {outcome.skipped}"
        if outcome.differences:
            yield outcome.request
        for item in outcome.differences:
            times = f"  ({item.count} times)" if item.count > 1 else ""
            place = f" {item.place}" if item.place else ""
            yield f"  {item.kind}{place}: {item.recorded or 'nothing'} -> {item.now or 'nothing'}{times}"


def _look(url: str, pool: httpcore.ConnectionPool) -> None:
    """Ask the server once, so that a wrong name or certificate is told now and not to each client."""
    with explained(url), pool:
        pool.request("GET", url, headers=[("User-Agent", "gpserver")], extensions={"timeout": TIMEOUT})


async def _keep_writing(tape: Tape) -> None:
    pause = _EVERY
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        await run_in_threadpool(tape.save)
        pause = max(_EVERY, _SHARE * (time.monotonic() - began))


class _Server(uvicorn.Server):
    """Says when it answers, and does something else meanwhile."""

    def __init__(
        self, config: uvicorn.Config, place: str, meanwhile: Callable[[], Awaitable[Any]] | None
    ) -> None:
        super().__init__(config)
        self._place, self._meanwhile = place, meanwhile

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self._meanwhile:
            self._task = asyncio.ensure_future(self._meanwhile())
        print(f"gpserver is ready: {self._place}", flush=True)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        if self._meanwhile:
            self._task.cancel()
        await super().shutdown(sockets)


def _serve(
    app: ASGIApp, host: str, port: int, root: str, meanwhile: Callable[[], Awaitable[Any]] | None = None
) -> int:
    listener = listen(host, port)
    config = uvicorn.Config(
        app, access_log=False, log_config=None, lifespan="off", timeout_graceful_shutdown=_GRACE
    )
    shown = f"[{host}]" if ":" in host else host
    server = _Server(config, f"http://{shown}:{listener.getsockname()[1]}{root}", meanwhile)
    # uvicorn raises the signal that stopped it once more; being told to stop is how all of this ends.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    return 0 if server.started else 1
