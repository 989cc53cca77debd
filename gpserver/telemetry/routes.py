"""Where an operator's machines look: /metrics, /healthz and /readyz."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gpserver.telemetry.health import Readiness
from gpserver.telemetry.metrics import CONTENT_TYPE, Metrics

_FRESH = {"cache-control": "no-store"}


def routes(metrics: Metrics, readiness: Readiness, admits: Callable[[Request], bool]) -> list[BaseRoute]:
    """The three of them.

    Args:
        metrics: What is shown to whom ``admits`` lets in.
        readiness: Is told to everybody, and holds no secrets.
        admits: Whether a request may see the metrics.
    """

    async def show(request: Request) -> Response:
        if not admits(request):
            return PlainTextResponse(
                "Send 'Authorization: Bearer …' with metrics_token, or an administrator's token.\n",
                401,
                {"www-authenticate": "Bearer"},
            )
        return Response(await run_in_threadpool(metrics.text), 200, _FRESH, CONTENT_TYPE)

    async def live(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_FRESH)

    async def ready(_: Request) -> Response:
        is_ready, report = await readiness.report()
        return JSONResponse(report, 200 if is_ready else 503, _FRESH)

    table = (("/metrics", show), ("/healthz", live), ("/readyz", ready))
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in table]


def bearer(request: Request) -> str:
    """The token of a request's Authorization header; empty where it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
