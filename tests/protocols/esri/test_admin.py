"""The admin jobs API: what an administrator sees and does, and nobody else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Server, publishing
from gpclient import Client, EsriError
from secured import start_secured, token_of

SERVICES = """
import time
from gpserver import Service, task

@task
def nap(seconds: float = 0.0) -> str:
    time.sleep(seconds)
    return "done"

naps, others = Service("Naps", folder="Quiet", instances=1), Service("Others")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with publishing(tmp_path_factory.mktemp("admin"), {"naps.py": SERVICES}) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


def admin(server: Server, place: str, service: str = "Quiet/Naps", **parameters: object) -> dict:
    return server.client.get(
        f"{server.url}/arcgis/admin/services/{service}.GPServer/jobs{place}", **parameters
    )


def change(server: Server, place: str, service: str = "Quiet/Naps") -> dict:
    return server.client.post(f"{server.url}/arcgis/admin/services/{service}.GPServer/jobs{place}")


def job_id(job: str) -> str:
    return job.rpartition("/")[2]


def test_jobs_are_listed_in_pages_and_by_what_they_are(server: Server, client: Client) -> None:
    done = [client.submit("Quiet/Naps/Nap") for _ in range(3)]
    for job in done:
        client.wait(job)
    client.wait(client.submit("Others/Nap"))
    found = admin(server, "/query", startTime=0, number=2)
    assert (found["total"], found["num"], found["start"], found["nextStart"]) == (3, 2, 0, 2)
    rest = admin(server, "/query", startTime=0, number=2, start=2)
    assert (rest["num"], rest["nextStart"]) == (1, -1)
    ids = [row["jobId"] for row in found["results"] + rest["results"]]
    assert ids == [job_id(job) for job in reversed(done)]
    [first, *_] = found["results"]
    assert first.keys() == {"jobId", "submittedTime", "endTime", "status", "username", "machinename", "url"}
    assert (first["status"], first["username"], first["url"]) == ("esriJobSucceeded", None, done[-1])
    assert admin(server, "/query", startTime=first["submittedTime"] + 60_000)["total"] == 0
    assert admin(server, "/query", startTime=0, jobStatus="esriJobFailed")["total"] == 0
    assert admin(server, "/query", startTime=0, userName="null", jobStatus="succeeded")["total"] == 3
    assert admin(server, "/query", startTime=0, userName="ann")["total"] == 0
    assert admin(server, "/query", startTime=0, machineName=first["machinename"].upper())["total"] == 3
    assert admin(server, "/query", startTime=0, machineName="elsewhere")["total"] == 0
    statistics = admin(server, "/statistics")
    assert [statistics[name] for name in ("total", "cancelled", "failed", "succeeded")] == [3, 0, 0, 3]
    assert statistics["states"]["esriJobSucceeded"] == 3
    [task] = statistics["tasks"]
    assert (task["taskName"], task["status"], task["count"]) == ("Nap", "esriJobSucceeded", 3)
    assert 0 <= task["averageQueueTime"] <= task["maximumQueueTime"] < 60
    assert 0 < task["averageRunTime"] <= task["maximumRunTime"] < 60
    assert admin(server, "")["resources"] == ["statistics"]


def test_jobs_are_cancelled_purged_and_deleted(server: Server, client: Client) -> None:
    running = client.submit("Quiet/Naps/Nap", seconds=60)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    waiting = [client.submit("Quiet/Naps/Nap") for _ in range(3)]
    other = client.submit("Others/Nap")
    assert change(server, "/purgeQueue") == {"status": "success"}
    assert {client.get(job)["jobStatus"] for job in waiting} == {"esriJobCancelled"}
    assert client.wait(other)["jobStatus"] == "esriJobSucceeded"
    assert admin(server, f"/{job_id(running)}")["status"] == "esriJobExecuting"
    assert change(server, f"/{job_id(running)}/cancel") == {"status": "success"}
    assert client.wait(running)["jobStatus"] == "esriJobCancelled"
    refused = change(server, f"/{job_id(running)}/cancel")
    assert (refused["status"], refused["code"]) == ("error", 500)
    assert refused["messages"] == [f"Unable to cancel job :[{job_id(running)}]"]
    assert change(server, f"/{job_id(running)}/delete") == {"status": "success"}
    with pytest.raises(EsriError):
        client.get(running)
    assert not (server.data / "jobs" / job_id(running)[1:]).exists()


@pytest.mark.parametrize(
    ("place", "parameters"),
    [
        ("/nothing", {}),
        (f"/j{'0' * 32}", {}),
        ("/query", {"jobStatus": "gone"}),
        ("/query", {"number": "many"}),
    ],
)
def test_what_cannot_be_is_refused(server: Server, place: str, parameters: dict[str, str]) -> None:
    with pytest.raises(EsriError):
        admin(server, place, **parameters)


def test_a_job_of_another_service_is_not_there(server: Server, client: Client) -> None:
    job = client.submit("Others/Nap")
    with pytest.raises(EsriError):
        change(server, f"/{job_id(job)}/delete")
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"


def test_a_job_that_runs_is_stopped_and_deleted(server: Server, client: Client) -> None:
    running = client.submit("Quiet/Naps/Nap", seconds=60)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    assert change(server, f"/{job_id(running)}/delete") == {"status": "success"}
    with pytest.raises(EsriError):
        client.get(running)
    assert job_id(running) not in str(admin(server, "/query", startTime=0, number=1000))
    folder, deadline = server.data / "jobs" / job_id(running)[1:], time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_pinned_job_is_not_deleted(server: Server, client: Client) -> None:
    job = client.submit("Quiet/Naps/Nap")
    client.wait(job)
    assert change(server, f"/{job_id(job)}/pin") == {"status": "success"}
    refused = change(server, f"/{job_id(job)}/delete")
    assert (refused["status"], "unpin it first" in refused["messages"][0]) == ("error", True)
    assert client.get(job)["jobStatus"] == "esriJobSucceeded"
    assert change(server, f"/{job_id(job)}/unpin") == {"status": "success"}
    assert change(server, f"/{job_id(job)}/delete") == {"status": "success"}


@pytest.mark.parametrize("action", ["cancel", "delete", "pin", "unpin"])
def test_whoever_follows_links_changes_nothing(server: Server, client: Client, action: str) -> None:
    job = client.submit("Others/Nap")
    client.wait(job)
    for place in (f"/{job_id(job)}/{action}", "/purgeQueue"):
        with pytest.raises(EsriError, match="POST"):
            admin(server, place, "Others")
    assert client.get(job)["jobStatus"] == "esriJobSucceeded"


def test_the_page_lists_jobs_with_a_button_for_all_that_can_be_done(server: Server, client: Client) -> None:
    jobs = [client.submit("Others/Nap") for _ in range(2)]
    for job in jobs:
        client.wait(job)
    place = "/arcgis/admin/services/Others.GPServer/jobs"
    http = client.http
    assert f'href="{place}"' in http.get(f"{client.services}/Others/GPServer").text
    page = http.get(f"{server.url}{place}")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    for job in jobs:
        assert f'<a href="{job.removeprefix(server.url)}">' in page.text
    for action in ("pin", "delete"):
        assert f'action="{place}/{job_id(jobs[0])}/{action}"' in page.text
    back = http.post(f"{server.url}{place}/{job_id(jobs[0])}/pin")
    assert (back.status_code, back.headers["location"]) == (302, place)
    assert f"{job_id(jobs[0])}/unpin" in http.get(f"{server.url}{place}").text
    assert f"{job_id(jobs[0])}/delete" not in http.get(f"{server.url}{place}").text
    leaf = http.get(f"{server.url}{place}/query", params={"number": 1, "userName": "<script>"}).text
    assert "&lt;script&gt;" in leaf
    first = http.get(f"{server.url}{place}/query", params={"number": 1}).text
    assert "start=1" in first
    assert "Nap" in http.get(f"{server.url}{place}/statistics").text


def test_only_administrators_look_after_jobs(tmp_path: Path) -> None:
    server = start_secured(tmp_path)
    place = f"{server.url}/arcgis/admin/services/Public.GPServer/jobs"
    ann, root = (token_of(server.client, name) for name in ("ann", "root"))
    job = server.client.submit("Public/Echo", token=ann)
    for below in ("", "/query", "/statistics", f"/{job_id(job)}"):
        for asked, code in (({}, 499), ({"token": ann}, 403)):
            with pytest.raises(EsriError) as refused:
                server.client.get(place + below, **asked)
            assert refused.value.code == code
    for below in ("/purgeQueue", f"/{job_id(job)}/cancel", f"/{job_id(job)}/delete", f"/{job_id(job)}/pin"):
        with pytest.raises(EsriError) as refused:
            server.client.post(place + below, token=ann)
        assert refused.value.code == 403
    [row] = server.client.get(f"{place}/query", userName="ann", token=root)["results"]
    assert (row["jobId"], row["username"]) == (job_id(job), "ann")
    page = server.client.http.get(f"{server.rest}/services/Public/GPServer", params={"token": ann}).text
    assert "admin/services" not in page
    assert server.stop() == 0
