"""The queue as a client sees it: its place, its turn, and esriJobWaiting where that was asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Server, publishing
from gpclient import Client, EsriError

SERVICES = """
import time
from gpserver import Service, task

@task
def nap(seconds: float = 0.2) -> str:
    time.sleep(seconds)
    return "done"

low, high = Service("Low", instances=1), Service("High", instances=1, priority=1)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = "slots = 1\nwaiting_status = true\n"
    with publishing(tmp_path_factory.mktemp("queue"), {"naps.py": SERVICES}, settings) as server:
        yield server


def lines(client: Client, job: str) -> list[str]:
    return [message["description"] for message in client.get(job)["messages"]]


def test_a_queued_job_says_how_many_begin_before_it_and_that_it_waits(server: Server) -> None:
    client = server.client
    running = client.submit("Low/Nap", seconds=60)
    client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
    jobs = [client.submit("Low/Nap", seconds=0) for _ in range(3)]
    first = client.submit("High/Nap", seconds=0)
    last = client.wait(jobs[-1], lambda state: state["jobStatus"] == "esriJobWaiting")
    assert last["messages"][-1]["description"] == "Waiting: 3 jobs begin before this one."
    assert lines(client, jobs[0])[-1] == "Waiting: 1 job begins before this one."
    assert lines(client, first) == ["Submitted."]
    client.get(f"{running}/cancel")
    ends = [client.wait(job) for job in (first, *jobs)]
    assert {state["jobStatus"] for state in ends} == {"esriJobSucceeded"}
    assert not any("Waiting" in str(state["messages"]) for state in ends)


def test_a_full_queue_refuses_a_submit_and_keeps_nothing_of_it(tmp_path: Path) -> None:
    settings = "slots = 1\nmax_queued = 2\n"
    with publishing(tmp_path, {"naps.py": SERVICES}, settings) as server:
        client = server.client
        running = client.submit("Low/Nap", seconds=60)
        client.wait(running, lambda state: state["jobStatus"] == "esriJobExecuting")
        waiting = [client.submit("Low/Nap", seconds=0) for _ in range(2)]
        with pytest.raises(EsriError, match="2 jobs are waiting") as refused:
            client.submit("High/Nap", seconds="9" * 100_000)
        assert refused.value.code == 503
        assert not list((server.data / "incoming").iterdir())
        client.get(f"{waiting[0]}/cancel")
        assert client.submit("High/Nap", seconds=0)


def test_a_disk_that_is_nearly_full_takes_no_jobs(tmp_path: Path) -> None:
    with publishing(tmp_path, {"naps.py": SERVICES}, f"min_free = {1 << 60}\n") as server:
        with pytest.raises(EsriError, match="disk"):
            server.client.submit("Low/Nap")
        assert not list((server.data / "jobs").iterdir())
