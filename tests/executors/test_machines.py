"""Waiting with a limit, and slots that are kept, on several machines."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster, machines
from gpclient import Client

SERVICES = """
import os, time
from pathlib import Path
from gpserver import JobContext, Service, task

@task
def until(job: JobContext, file: str = "") -> str:
    job.info(f"machine {os.getpgid(os.getppid())}")
    while file and not Path(file).exists():
        time.sleep(0.02)
    return file

others = Service("Others", tasks=[until])
kept = Service("Kept", tasks=[until], min_instances=1)
hasty = Service("Hasty", tasks=[until], wait_limit=1.5)
"""
LIMIT = "The job waited longer than 1.5 seconds, the limit of its service, and was not run."
LISTENERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'LISTEN "procrastinate%'
"""


@pytest.fixture(scope="module")
def cluster(postgis: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One web node, and nobody yet who runs jobs."""
    folder = tmp_path_factory.mktemp("machines")
    (folder / "services").mkdir()
    (folder / "services/limits.py").write_text(SERVICES)
    with machines(postgis, folder, folder / "services") as cluster:
        cluster.web()
        yield cluster


def test_a_job_that_no_machine_takes_does_not_wait_for_ever(cluster: Cluster) -> None:
    client = cluster.webs[0].client
    state = client.wait(client.submit("Hasty/Until"), seconds=20)
    assert state["jobStatus"] == "esriJobFailed"
    assert LIMIT in str(state["messages"])


def test_a_machine_that_is_idle_hears_of_a_job_at_once(cluster: Cluster) -> None:
    """Who only looked now and then would let each job wait for that."""
    worker = cluster.worker()
    with psycopg.connect(cluster.database, autocommit=True) as database:
        deadline = time.monotonic() + 20
        while database.execute(LISTENERS).fetchone() != (1,):
            assert time.monotonic() < deadline, worker.log.read_text()
            time.sleep(0.02)
    assert "trying again" not in worker.log.read_text()


def test_each_machine_keeps_its_slots_and_jobs_that_find_none_end(cluster: Cluster, tmp_path: Path) -> None:
    client = cluster.webs[0].client
    cluster.worker()
    others = [client.submit("Others/Until", File=str(tmp_path / "over")) for _ in range(4)]
    deadline = time.monotonic() + 30
    while len(running := [job for job in others if _status(client, job) == "esriJobExecuting"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    hasty = client.submit("Hasty/Until")
    kept = [client.submit("Kept/Until", File=str(tmp_path / "over")) for _ in range(2)]
    told = [client.wait(job, lambda state: "machine" in str(state["messages"])) for job in kept + running]
    assert len({_machine(state) for state in told[:2]}) == len({_machine(state) for state in told[2:]}) == 2
    assert client.wait(hasty)["jobStatus"] == "esriJobFailed"
    assert [job for job in others if _status(client, job) == "esriJobExecuting"] == running
    (tmp_path / "over").touch()
    assert {client.wait(job)["jobStatus"] for job in kept + others} == {"esriJobSucceeded"}


def _status(client: Client, job: str) -> str:
    return str(client.get(job)["jobStatus"])


def _machine(state: dict[str, Any]) -> str:
    [said] = [m["description"] for m in state["messages"] if m["description"].startswith("machine")]
    return str(said)
