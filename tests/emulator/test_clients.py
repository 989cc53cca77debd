"""What a real client makes of ArcGIS' quirks; of faults: test_faults."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest

from gpserver import Points
from gpserver.emulator.quirks import Name
from gpserver.emulator.timeline import executing, submitted
from gpserver.testing import GPServer

CLIENTS = Path(__file__).parent.parent / "clients"
ALL: dict[str, Any] = {"features": 3, "exceeded": False}

CASES: dict[str, tuple[Name, dict[str, Any]]] = {
    "Cancel": ("cancel_refused_while_submitted", {"refused": 400, **ALL}),
    # Success, and nothing to draw: the client asks nobody whether more was there.
    "Limit": ("maximum_records", {"features": 0, "exceeded": True}),
    "Instances": ("instances", {"waited": True, **ALL}),
    "New": ("new_at_first", {"began": "New", **ALL}),
    "Late": ("timed_out", {"name": "ArcGISJobError", "status": "TimedOut"}),
    # The client has no word for it, and asks on for ever.
    "Deleted": ("deleted", {"polling": True}),
    "Purged": ("results_purged", {"name": "ArcGISRequestError", "code": 400}),
}
"""Services: their quirk, and what the client makes of it."""


def test_what_arcgis_rest_js_makes_of_quirks(gp_server: GPServer) -> None:
    node, packages = shutil.which("node"), CLIENTS / "node_modules"
    if not node or not packages.exists():
        pytest.skip("needs Node.js and the packages that tests/clients/setup.sh installs")

    def same(points: Points) -> Points:
        return points

    for service, (quirk, _) in CASES.items():
        gp_server.task(same, service=service)
        gp_server.quirk(quirk, service=service)
    gp_server.play(submitted(held=True), service="Cancel")
    gp_server.play(executing(held=True), service="Instances", times=1)
    command = [node, str(CLIENTS / "quirky.mjs"), gp_server.services, *CASES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {service: outcome for service, (_, outcome) in CASES.items()}


def test_no_quirk_is_left_out() -> None:
    assert {quirk for quirk, _ in CASES.values()} == set(get_args(Name))
