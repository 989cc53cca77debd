"""What an operator's machines ask: the checks of a web node and of a runner, and who sees the metrics."""

import hmac
import shutil
from collections.abc import Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.routing import BaseRoute

from gpserver.engine import Engine
from gpserver.errors import InvalidToken, NotFound
from gpserver.executors.local import LocalExecutor
from gpserver.security import Guard
from gpserver.settings import Settings
from gpserver.stores.vitals import Vitals
from gpserver.telemetry.health import Check, Readiness
from gpserver.telemetry.observers import Telemetry
from gpserver.telemetry.routes import bearer, routes


def of_web_node(
    settings: Settings,
    engine: Engine,
    guard: Guard | None,
    telemetry: Telemetry,
    stopping: Callable[[], bool],
) -> list[BaseRoute]:
    """The routes of a web node, which shows the jobs of all machines."""
    telemetry.metrics.watch_jobs(lambda: engine.vitals.census())
    checks = _checks(settings, engine.vitals, engine.ready)
    return routes(telemetry.metrics, Readiness(checks, stopping), _admission(settings.metrics_token, guard))


def of_runner(
    settings: Settings, executor: LocalExecutor, telemetry: Telemetry, stopping: Callable[[], bool]
) -> list[BaseRoute]:
    """The routes of a runner, which shows its own numbers only and knows no users."""
    checks = _checks(settings, executor.vitals, executor.ready)
    return routes(telemetry.metrics, Readiness(checks, stopping), _admission(settings.metrics_token, None))


def trace_of(engine: Engine, job_id: str) -> str:
    """The trace that a job belongs to; empty for none, and for a job that is not there."""
    with suppress(NotFound):
        return engine.job(job_id).trace
    return ""


def _checks(settings: Settings, vitals: Vitals, warm: Callable[[], bool]) -> list[Check]:
    def has_room() -> bool:
        return shutil.disk_usage(settings.data).free >= settings.min_free

    services = "Make the services folder readable again, or name another one with --services."
    return [
        Check(
            "store", vitals.probe, "Look whether the database runs, has room and may be written; see the log."
        ),
        Check("disk", has_room, "Free space on the disk of the data folder, or lower min_free."),
        Check("workers", warm, "Wait while they start; otherwise start a `gpserver worker`, or see the log."),
        Check("services", settings.services.is_dir, services),
    ]


def _admission(token: str, guard: Guard | None) -> Callable[[Request], bool]:
    """Who may see the metrics: whoever knows the token, administrators, or where there are neither, all."""

    def admits(request: Request) -> bool:
        sent = bearer(request)
        if token and hmac.compare_digest(sent.encode(), token.encode()):
            return True
        if guard is None:
            return not token
        address = request.client.host if request.client else ""
        with suppress(InvalidToken):
            return guard.caller(sent, request.headers.get("referer", ""), address).is_administrator
        return False

    return admits
