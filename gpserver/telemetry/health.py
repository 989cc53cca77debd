"""Whether the server can take and run jobs, by checks that say what to do where one fails."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

_log = logging.getLogger(__name__)

_KEPT = 1.0  # seconds that an answer is good for
_PATIENCE = 2.0  # seconds that an answer may take


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so; ``holds`` may wait for a disk or a database, and may raise."""

    name: str
    holds: Callable[[], bool]
    cure: str
    """What to do where it does not hold; anybody may read it."""


@dataclass(slots=True)
class _Round:
    """One look at all checks; one that is not among the findings has not answered yet."""

    begun: float
    done: "Future[None]" = field(default_factory=lambda: Future[None]())
    findings: dict[str, bool] = field(default_factory=dict)


class Readiness:
    """Looks at the checks in a thread, at most once a second and never twice at the same time.

    Args:
        checks: All must hold.
        stopping: Whether the server was told to stop: it takes nothing more.
    """

    def __init__(self, checks: Sequence[Check], stopping: Callable[[], bool]) -> None:
        self._checks, self._stopping = checks, stopping
        self._round: _Round | None = None

    async def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and that as JSON with each check; a check that does not answer has failed."""
        current = self._current()
        # A look that takes long goes on, for whoever asks next.
        await asyncio.wait([asyncio.wrap_future(current.done)], timeout=_PATIENCE)
        checks = [_told(check, current.findings.get(check.name, False)) for check in self._checks]
        stopping = self._stopping()
        if stopping:
            checks.append({"name": "running", "ok": False, "do": "Nothing: the server is stopping."})
        ready = all(check["ok"] for check in checks)
        return ready, {"ready": ready, "checks": checks}

    def _current(self) -> _Round:
        latest = self._round
        if latest and (not latest.done.done() or time.monotonic() < latest.begun + _KEPT):
            return latest
        self._round = _Round(time.monotonic())
        threading.Thread(target=self._look, args=[self._round], name="gpserver-health", daemon=True).start()
        return self._round

    def _look(self, current: _Round) -> None:
        for check in self._checks:
            current.findings[check.name] = _holds(check)
        current.done.set_result(None)


def _holds(check: Check) -> bool:
    try:
        return check.holds()
    except Exception:
        # The answer is for everybody; what exactly went wrong is for the operator.
        _log.warning("The check of %s failed.", check.name, exc_info=True)
        return False


def _told(check: Check, ok: bool) -> dict[str, Any]:
    return {"name": check.name, "ok": True} if ok else {"name": check.name, "ok": False, "do": check.cure}
