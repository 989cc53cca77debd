"""Every client in examples/ runs as it stands, from a copy of its folder, against a live server."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
STATUS = "document.getElementById('status').textContent"
PATHS = "document.querySelectorAll('path.leaflet-interactive').length"


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy: the examples need nothing else of the repository, and what they write stays out of it."""
    return shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("node_modules"))


def printed(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(examples: Path, server: Any) -> None:
    lines = printed("sh", "curl.sh", server.url, folder=examples).splitlines()
    assert lines[-2].strip() == "esriJobSucceeded"
    assert lines[-1].strip() == "243 polygons in buffers.json"


def test_standard_library(examples: Path, server: Any) -> None:
    output = printed(sys.executable, "client.py", server.url, folder=examples)
    assert output.endswith("243 polygons, the first one around Vatican City\n")


def test_evergis(examples: Path, server: Any) -> None:
    *steps, last = printed(sys.executable, "evergis.py", server.url, folder=examples).splitlines()
    assert steps[1::2] == ["  243 objects read, 243 written"] * 3
    assert last.startswith("243 polygons in demo.places_")


def test_rest_js(examples: Path, node: str, packages: Path, server: Any) -> None:
    (examples / "rest_js/node_modules").symlink_to(packages)
    output = printed(node, "rest_js/buffer.mjs", server.url, folder=examples)
    assert output.endswith("243 polygons, the first one around Vatican City\n")


def test_rest_js_asks_for_the_version_that_is_tested() -> None:
    wanted = (EXAMPLES / "rest_js/package.json").read_text("utf-8")
    tested = (Path(__file__).parent / "package.json").read_text("utf-8")
    pin = '"@esri/arcgis-rest-request": "4.10.2"'
    assert pin in wanted
    assert pin in tested


def test_arcgis_python(examples: Path, arcgis_python: str, server: Any) -> None:
    output = printed(arcgis_python, "arcgis_python.py", server.url, folder=examples)
    assert output == "243 polygons, the first one around Vatican City\n"


def test_leaflet(browse: Any, server: Any) -> None:
    """The page loads its scripts from the unpkg CDN; browser.mjs answers from node_modules instead."""
    drawn = f"{STATUS}.includes(' in job ') && [{STATUS}, {PATHS}]"
    status, paths = browse(f"examples/leaflet.html?server={server.url}", drawn)
    assert status.startswith("243 buffers in job j")
    assert paths == 2 * 243


def test_map(browse: Any, server: Any) -> None:
    """The server draws; the page shows the picture, and a legend of the renderer that the server made."""
    picture = "document.querySelector('img.leaflet-image-layer')"
    legend = "Array.from(document.querySelectorAll('.card div'), (row) => row.textContent)"
    shown = f"{picture} && {legend}.length > 1 && [{picture}.naturalWidth, ...{legend}]"
    width, *rows = browse(f"examples/map.html?server={server.url}", shown)
    assert width == 800
    continents = ["Africa", "Asia", "Europe", "North America", "Oceania", "South America"]
    assert rows == [*continents, "elsewhere"]
