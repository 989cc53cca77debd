"""What arcgis for Python, which asks again by itself, makes of an emulated server's faults."""

from pathlib import Path
from typing import Any

import httpx

from gpserver.emulator.timeline import executing, submitted, succeeded
from gpserver.testing import GPServer

SUBMIT, POLL, RESULT = ({"operation": operation} for operation in ("submit", "poll", "result"))

CASES: dict[str, tuple[dict[str, Any], Any, int]] = {
    # The client asks six times, a POST as well, and says nothing of it.
    "Gateway": ({"kind": "gateway", "status": 503, "times": 5, **SUBMIT}, 4.0, 1),
    "GatewayForEver": ({"kind": "gateway", "status": 502, **SUBMIT}, "RetryError: ", 0),
    "GatewayMidway": ({"kind": "gateway", **POLL, "nth": 2}, 4.0, 1),
    "Reset": ({"kind": "reset", "times": 2, **SUBMIT}, 4.0, 1),
    # What its user pays for: a job that nobody asks for again.
    "Lost": ({"kind": "lost_answer", "times": 1, **SUBMIT}, 4.0, 2),
    "Twice": ({"kind": "duplicate", **SUBMIT}, 4.0, 2),
    # It does not look for an error in the body.
    "Error": ({"kind": "error", "code": 400, "message": "Refused.", **SUBMIT}, "KeyError: 'jobId'", 0),
    "Expired": ({"kind": "error", "nth": 1, **POLL}, "Exception: No job results.", 1),
    "Half": ({"kind": "half_body", **SUBMIT}, "ChunkedEncodingError: ", 1),
    "Cut": ({"kind": "truncated_json", **SUBMIT}, "JSONDecodeError: ", 1),
    "Noise": ({"kind": "invalid_json", **RESULT}, "JSONDecodeError: ", 1),
    "Type": ({"kind": "content_type"}, 4.0, 1),
}
"""Services: what happens to requests to them, what the client makes of it, and how many jobs there are."""


def test_arcgis_for_python(gp_server: GPServer, converse: Any, arcgis_python: str) -> None:
    def double(number: float) -> float:
        return 2 * number

    gp_server.play(submitted(polls=1), executing(polls=1), succeeded())
    for service, (fault, _, _) in CASES.items():
        gp_server.task(double, service=service)
        gp_server.fault(service=service, **fault)
    script = Path(__file__).parent / "faulted.py"
    said = converse(arcgis_python, script, gp_server.services, *CASES)
    for service, (_, outcome, count) in CASES.items():
        told = said[service]
        assert told.startswith(outcome) if isinstance(outcome, str) else told == outcome, (service, told)
        asked = {"f": "json", "startTime": 0}
        jobs = httpx.get(
            f"{gp_server.url}/arcgis/admin/services/{service}.GPServer/jobs/query", params=asked
        ).json()
        assert int(jobs["total"]) == count, service
