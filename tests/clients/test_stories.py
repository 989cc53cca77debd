"""The stories and the guide of examples/testing run as they stand, from a copy of their folder."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpserver import LinearUnit, Points, Polygons
from gpserver.testing import GPServer

STORIES = Path(__file__).parent.parent.parent / "examples" / "testing"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """A copy: they need nothing else of the repository, and its settings of pytest do not count."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    return shutil.copytree(STORIES, tmp_path / "testing", ignore=ignored)


@pytest.fixture
def run(stories: Path) -> Run:
    def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "GPSERVER": str(Path(sys.executable).with_name("gpserver")), **environment}
        return subprocess.run(
            command, cwd=stories, env=variables, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def passed(done: subprocess.CompletedProcess[str]) -> bool:
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def test_stories_in_python(run: Run) -> None:
    assert passed(run(sys.executable, "-m", "pytest", "-q", "python"))


def test_the_contract_holds_for_another_server(run: Run, gp_server: GPServer) -> None:
    @gp_server.task(service="Proximity", output="output_polygons")
    def buffer_points(input_features: Points, distance: LinearUnit) -> Polygons:
        metres = input_features.to_crs(3857)
        return metres.set_geometry(metres.buffer(distance.meters))

    contract = (sys.executable, "-m", "pytest", "-q", "python/test_contract.py")
    assert passed(run(*contract, GP_SERVICES=gp_server.services))
    gp_server.requests.submitted("BufferPoints").times(2)


def test_stories_in_javascript(run: Run, node: str, packages: Path, stories: Path) -> None:
    (stories / "node_modules").symlink_to(packages)
    assert passed(run(node, "--test", *sorted(map(str, (stories / "node").glob("*.test.mjs")))))


def test_the_story_in_a_browser(run: Run, node: str, packages: Path, chromium: str, stories: Path) -> None:
    (stories / "node_modules").symlink_to(packages)
    assert passed(run(node, "--test", "browser/lifeboat.test.mjs", CHROMIUM=chromium))


def test_the_guide_leads_to_a_test_that_fails_and_then_passes(run: Run, stories: Path) -> None:
    guide = (STORIES / "README.md").read_text("utf-8")
    client, test, mended = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (stories / "client.py").write_text(client)
    (stories / "test_client.py").write_text(test)
    failing = run(sys.executable, "-m", "pytest", "-q", "test_client.py")
    assert failing.returncode == 1
    assert "JSONDecodeError" in failing.stdout
    (stories / "client.py").write_text(
        re.sub(r"def ask.*?\n\n\n", lambda _: mended + "\n\n", client, flags=re.DOTALL)
    )
    assert passed(run(sys.executable, "-m", "pytest", "-q", "test_client.py"))


def test_links_of_the_guide_lead_somewhere() -> None:
    guide = (STORIES / "README.md").read_text("utf-8")
    for path in re.findall(r"\]\(([^):]+)\)", guide):
        assert (STORIES / path).exists(), path
