"""The real clients that setup.sh installed, and what every test of them needs."""

import functools
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import publishing
from gpclient import Client

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent

# Makes more features than one page of a query holds, with a field of every type and a colour for every kind.
CROWD = """
from typing import Annotated

import geopandas as gpd
import numpy as np
import pandas as pd

from gpserver import Param, Points, Service, UniqueValue, task

COLORS = {"north": "#1f78b4", "south": "#e31a1c"}


@task(output="people")
def gather(count: int = 25_000) -> Annotated[Points, Param(symbology=UniqueValue("kind", COLORS, None))]:
    \"\"\"Make points all over the world: 250 in each row, from south-west to north-east.\"\"\"
    number = np.arange(count)
    x, y = number % 250 * 1.4 - 174.3, number // 250 * 1.6 - 79.2
    fields = {
        "number": number.astype("int32"),
        "kind": np.where(number % 5 == 0, None, np.where(y < 0, "south", "north")),
        "weight": np.where(number % 7 == 0, np.nan, number / 4),
        "seen": pd.Timestamp("2024-02-29") + pd.to_timedelta(number, "min"),
    }
    return gpd.GeoDataFrame(fields, geometry=gpd.points_from_xy(x, y), crs=4326)


crowd = Service("Crowd", result_map_service=True)
"""

Converse = Callable[..., Any]
Said = Callable[[str], Any]


def need(path: str | Path | None, what: str) -> str:
    """The path as text; without it the test is skipped, which `.ci/run` takes for a failure."""
    if path is None or not Path(path).exists():
        pytest.skip(f"needs {what}: run tests/clients/setup.sh")
    return str(path)


@pytest.fixture(scope="session")
def services(server: Any) -> str:
    """URL of the services directory of the live server."""
    return f"{server.rest}/services"


@pytest.fixture(scope="session")
def places() -> Path:
    """The example data: 243 points as GeoJSON."""
    return REPOSITORY / "examples/data/populated_places.geojson"


@pytest.fixture(scope="session")
def names(places: Path) -> list[str]:
    """The names of the example's places, in their order."""
    return [feature["properties"]["name"] for feature in json.loads(places.read_text("utf-8"))["features"]]


def map_of_job(client: Client, task: str, **parameters: Any) -> str:
    """URL of the result map of a new job."""
    job = client.submit(task, **parameters)
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    service, _, rest = job.partition("/GPServer/")
    return f"{service}/MapServer/jobs/{rest.rpartition('/')[2]}"


@pytest.fixture(scope="session")
def buffers(client: Client, places: Path) -> str:
    """URL of a map: circles of 100 km around the example's places."""
    features = [
        {
            "geometry": dict(zip("xy", place["geometry"]["coordinates"], strict=True)),
            "attributes": place["properties"],
        }
        for place in json.loads(places.read_text("utf-8"))["features"]
    ]
    inputs = {
        "Input_Features": {"features": features},
        "Distance": {"distance": 100, "units": "esriKilometers"},
    }
    return map_of_job(client, "Buffer/BufferPoints", **{name: json.dumps(inputs[name]) for name in inputs})


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a map of 25,000 points, see CROWD."""
    with publishing(tmp_path_factory.mktemp("crowd"), {"crowd.py": CROWD}) as server:
        yield map_of_job(server.client, "Crowd/Gather")


@pytest.fixture(scope="session")
def node() -> str:
    return need(shutil.which("node"), "Node.js")


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder of the installed npm packages."""
    return Path(need(HERE / "node_modules", "the npm packages"))


@pytest.fixture(scope="session")
def chromium() -> str:
    return need(shutil.which("chromium"), "Chromium")


@pytest.fixture(scope="session")
def arcgis_python() -> str:
    """The interpreter of the environment that holds arcgis."""
    return need(HERE / ".venv/bin/python", "arcgis for Python")


@pytest.fixture(scope="session")
def qgis_python() -> str:
    """The interpreter that Debian's QGIS belongs to."""
    need("/usr/lib/python3/dist-packages/qgis/core", "QGIS for Python")
    return "/usr/bin/python3"


@pytest.fixture(scope="session")
def converse() -> Converse:
    """Run a client's script and read the JSON that it prints."""

    def run(*command: str | Path) -> Any:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def told() -> Callable[[dict[str, Any]], Said]:
    """From the outcomes of all scenarios of a script, one at a time; a scenario that threw fails its test."""

    def of(outcomes: dict[str, Any]) -> Said:
        def said(scenario: str) -> Any:
            outcome = outcomes[scenario]
            thrown = outcome.get("thrown") if isinstance(outcome, dict) else None
            assert thrown is None, thrown
            return outcome

        return said

    return of


class QuietFiles(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for many of the thousand modules of a page

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def browse(node: str, packages: Path, chromium: str, converse: Converse) -> Iterator[Callable[..., Any]]:
    """Open a page of the repository in a browser: `browse("examples/leaflet.html?server=...", expression)`.

    Gives the value of the JavaScript expression once it is true in the page, see browser.mjs. A page that
    takes pictures needs a folder for them: `browse(path, pictures=folder)`.
    """
    handler = functools.partial(QuietFiles, directory=str(REPOSITORY))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()

        def open_page(path: str, expression: str = "window.said", pictures: Path | None = None) -> Any:
            url = f"http://127.0.0.1:{web.server_port}/{path}"
            folder = [pictures] if pictures else []
            outcome = converse(node, HERE / "browser.mjs", chromium, url, expression, *folder)
            assert outcome["outside"] == [], "the page asked for something beyond loopback"
            assert outcome["errors"] == []
            return outcome["said"]

        yield open_page
        web.shutdown()
