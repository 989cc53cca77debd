"""An emulated server that is taken for a release of ArcGIS."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest

from gpserver import Param, TimeUnit
from gpserver.emulator.emulator import Emulator
from gpserver.emulator.scenario import Scenario
from gpserver.emulator.serving import Served
from gpserver.settings import Settings
from gpserver.testing import GPServer

HOUR = '{"time": 1, "units": "esriTimeUnitsHours"}'
RELEASES = {10.91: "10.9.1", 11.1: "11.1.0", 12.0: "12.0.0"}


@pytest.fixture(scope="module", params=RELEASES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = Settings(services=tmp_path_factory.mktemp("services"))
    served = Served(Emulator(settings, Scenario(speed=0, version=request.param)))
    served.start()
    server = GPServer(served, served.url)

    @server.task
    def wait(time: TimeUnit, mode: Annotated[str, Param(choices={"First": "a", "Second": "b"})] = "a") -> str:
        return mode

    yield server, request.param
    served.close()


def get(url: str, **parameters: Any) -> Any:
    return httpx.get(url, params={"f": "json", **parameters}).json()


def test_it_says_which_release_it_is(server: tuple[GPServer, float]) -> None:
    gp_server, version = server
    info = get(f"{gp_server.url}/arcgis/rest/info")
    assert (info["currentVersion"], info["fullVersion"]) == (version, RELEASES[version])


def test_parameters_have_what_the_release_knew(server: tuple[GPServer, float]) -> None:
    gp_server, version = server
    time, mode, _ = get(gp_server.task_url("Wait"))["parameters"]
    assert time["dataType"] == ("GPTimeUnit" if version >= 12 else "GPString")
    assert ("filter" in mode) is (version >= 12)
    assert mode["choiceList"] == ["a", "b"]


def test_validate_came_with_the_last(server: tuple[GPServer, float]) -> None:
    gp_server, version = server
    answer = get(gp_server.task_url("Wait") + "/validate", time=HOUR)
    assert ("error" in answer) is (version < 12)
    service = get(gp_server.task_url("").rstrip("/"))
    assert ("Validate" in service["capabilities"]) is (version >= 12)


def test_lists_of_results_came_with_11_1_and_logs_of_the_time_before_are_arcmaps(
    server: tuple[GPServer, float],
) -> None:
    gp_server, version = server
    url = gp_server.task_url("Wait")
    job = f"{url}/jobs/" + get(f"{url}/submitJob", time=HOUR)["jobId"]
    gp_server.advance(0)
    answer = get(job)
    assert answer["jobStatus"] == "esriJobSucceeded"
    [began] = [m["description"] for m in answer["messages"] if m["description"].startswith("Start Time")]
    arcmap = r"Start Time: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"
    pro = r"Start Time: \w+day, \w+ \d+, \d{4} \d+:\d\d:\d\d [AP]M"
    assert re.fullmatch(pro if version >= 11 else arcmap, began)
    assert ("error" in get(f"{job}/results")) is (version < 11.1)
    assert get(f"{job}/results/Output")["value"] == "a"
