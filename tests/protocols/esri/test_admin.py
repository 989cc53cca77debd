"""The admin jobs API: what an administrator sees and does, and nobody else."""

from collections.abc import Iterator

import pytest
from conftest import Server, publishing
from gpclient import Client, EsriError

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
    assert admin(server, "/statistics")["statistics"]["esriJobSucceeded"] == 3
    assert admin(server, "")["resources"] == ["statistics"]


def test_jobs_are_cancelled_purged_and_deleted(server: Server, client: Client) -> None:
    running = client.submit("Quiet/Naps/Nap", seconds=60)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    waiting = [client.submit("Quiet/Naps/Nap") for _ in range(3)]
    other = client.submit("Others/Nap")
    assert admin(server, "/purgeQueue") == {"status": "success"}
    assert {client.get(job)["jobStatus"] for job in waiting} == {"esriJobCancelled"}
    assert client.wait(other)["jobStatus"] == "esriJobSucceeded"
    assert admin(server, f"/{job_id(running)}")["status"] == "esriJobExecuting"
    assert admin(server, f"/{job_id(running)}/cancel") == {"status": "success"}
    assert client.wait(running)["jobStatus"] == "esriJobCancelled"
    refused = admin(server, f"/{job_id(running)}/cancel")
    assert (refused["status"], refused["code"]) == ("error", 500)
    assert refused["messages"] == [f"Unable to cancel job :[{job_id(running)}]"]
    assert admin(server, f"/{job_id(running)}/delete") == {"status": "success"}
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
        admin(server, f"/{job_id(job)}/delete")
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
