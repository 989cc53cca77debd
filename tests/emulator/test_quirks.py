"""What ArcGIS does and its clients seldom expect, on demand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from gpserver import Points
from gpserver.emulator.emulator import Emulator
from gpserver.emulator.quirks import SOURCES, Name
from gpserver.emulator.serving import Served
from gpserver.emulator.timeline import executing, submitted, succeeded
from gpserver.security import hash_password
from gpserver.settings import Settings
from gpserver.testing import GPServer

Get = Callable[..., Any]


@pytest.fixture
def get(gp_server: GPServer) -> Get:
    gp_server.clock.speed = 0

    @gp_server.task
    def double(number: float) -> float:
        return 2 * number

    def get(path: str, task: str = "Double", **parameters: Any) -> Any:
        return httpx.get(gp_server.task_url(task) + path, params={"f": "json", **parameters}).json()

    return get


def submit(get: Get) -> str:
    return "/jobs/" + get("/submitJob", number=4)["jobId"]


def states(get: Get, job: str, polls: int) -> list[str]:
    answers = [get(job) for _ in range(polls)]
    return [str(answer.get("jobStatus", "gone")).removeprefix("esriJob") for answer in answers]


def test_each_quirk_says_where_it_is_documented() -> None:
    assert set(SOURCES) == set(get_args(Name))


def test_a_cancel_is_refused_while_submitted_and_the_job_goes_on(gp_server: GPServer, get: Get) -> None:
    gp_server.quirk("cancel_refused_while_submitted")
    gp_server.play(submitted(2), executing(2), succeeded())
    job = submit(get)
    refused = get(f"{job}/cancel")["error"]
    assert (refused["code"], refused["message"]) == (400, "Invalid or missing input parameters.")
    gp_server.advance(4)
    assert states(get, job, 1) == ["Succeeded"]
    job = submit(get)
    gp_server.advance(3)
    get(f"{job}/cancel")
    assert states(get, job, 1) == ["Cancelled"]


def test_more_features_than_the_limit_are_none(gp_server: GPServer, get: Get) -> None:
    @gp_server.task
    def same(points: Points) -> Points:
        return points

    gp_server.quirk("maximum_records", task="Same", value=2)
    points = [{"geometry": {"x": n, "y": n}} for n in range(3)]
    features = {"spatialReference": {"wkid": 4326}, "geometryType": "esriGeometryPoint"}
    for count, sent in ((2, 2), (3, 0)):
        text = httpx.Response(200, json={**features, "features": points[:count]}).text
        job = "/jobs/" + get("/submitJob", "Same", points=text)["jobId"]
        gp_server.advance(0)
        value = get(f"{job}/results/Output", "Same")["value"]
        assert (len(value["features"]), value["exceededTransferLimit"]) == (sent, sent < count)


def test_a_job_waits_for_an_instance(gp_server: GPServer, get: Get) -> None:
    gp_server.quirk("instances", value=1)
    gp_server.play(executing(60), succeeded(), times=1)
    first, second = submit(get), submit(get)
    gp_server.advance(1)
    assert (states(get, first, 1), states(get, second, 2)) == (["Executing"], ["Waiting"] * 2)
    gp_server.advance(60)
    assert (states(get, first, 1), states(get, second, 1)) == (["Succeeded"], ["Succeeded"])


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("timed_out", ["TimedOut", "TimedOut", "TimedOut"]),
        ("deleted", ["Deleting", "Deleted", "Deleted"]),
        ("results_purged", ["Succeeded", "gone", "gone"]),
    ],
)
def test_states_that_clients_seldom_see(gp_server: GPServer, get: Get, name: str, seen: list[str]) -> None:
    gp_server.quirk(name)
    job, answers = submit(get), []
    for _ in range(3):
        gp_server.advance(0)
        answers += states(get, job, 1)
    assert answers == seen


def test_a_job_is_new_at_first(gp_server: GPServer, get: Get) -> None:
    gp_server.quirk("new_at_first")
    job = submit(get)
    assert states(get, job, 1) == ["New"]
    states(get, job, 1)
    gp_server.advance(0)
    assert states(get, job, 1) == ["Succeeded"]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GPServer]:
    users = {"ann": {"password": hash_password("a long password"), "roles": ["publisher"]}}
    settings = Settings(services=tmp_path, users=users, access={"*": ["publisher"]})
    served = Served(Emulator(settings))
    served.start()
    yield GPServer(served, served.url)
    served.close()


def test_a_token_ends_in_the_middle_of_polling_without_an_hour_of_waiting(guarded: GPServer) -> None:
    guarded.clock.speed = 0

    @guarded.task
    def double(number: float) -> float:
        return 2 * number

    guarded.play(executing(7200))
    form = {"username": "ann", "password": "a long password", "expiration": 60, "f": "json"}
    token = httpx.post(f"{guarded.url}/arcgis/tokens/generateToken", data=form).json()["token"]
    url, asked = guarded.task_url("Double"), {"f": "json", "token": token}
    job = httpx.get(f"{url}/submitJob", params={**asked, "number": 1}).json()["jobId"]
    guarded.clock.advance(3599)
    assert httpx.get(f"{url}/jobs/{job}", params=asked).json()["jobStatus"] == "esriJobTimedOut"
    guarded.clock.advance(2)
    assert httpx.get(f"{url}/jobs/{job}", params=asked).json()["error"]["code"] == 498
