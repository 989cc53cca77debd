"""What is between machines goes away and comes back: the database, the network, other machines, tickets."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster, Worker
from conftest import Server
from faults.conftest import FAULTS, executing, gone, said
from gpclient import Client, EsriError
from line import Line, line
from postgis import postgresql, start_postgresql, stop_postgresql

LEASE = 10.0  # seconds; longer than the outage of a database that nobody may notice
OUTAGE = 3.0


@dataclass
class Estate:
    """A database server of its own, a web node, and two machines with one slot each."""

    folder: str
    cluster: Cluster
    line: Line
    web: Server
    near: Worker
    far: Worker
    """Its way to the database is the line."""

    def ask(self, question: str) -> list[Any]:
        with psycopg.connect(self.cluster.database, autocommit=True) as connection:
            return connection.execute(question.encode()).fetchall()

    def on(self, worker: Worker, task: str, **parameters: Any) -> str:
        """Submit a job that no other machine can take; returns its URL once it runs."""
        others = [each for each in self.cluster.workers if each is not worker and each.process.poll() is None]
        for other in others:
            other.freeze()
        try:
            job = self.web.client.submit(task, **parameters)
            executing(self.web.client, job)
        finally:
            for other in others:
                other.thaw()
        return job


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(postgresql("fsync=off"))
        except FileNotFoundError as error:
            pytest.skip(f"needs PostgreSQL, {error}")
        way = stack.enter_context(line(folder))
        url = f"postgresql://postgres@/postgres?host={folder}"
        cluster = Cluster(tmp_path_factory.mktemp("outages"), FAULTS, url, LEASE)
        stack.callback(cluster.stop)
        far = f"postgresql://postgres@127.0.0.1:{way.port}/postgres"
        yield Estate(folder, cluster, way, cluster.web(), cluster.worker(1), cluster.worker(1, far))


def lines(state: dict[str, Any]) -> list[str]:
    return [m["description"] for m in state["messages"] if m["description"].startswith("line ")]


def answered(client: Client, job: str) -> None:
    """Wait until the database is there for the web node, which looks for it every few seconds."""
    deadline = time.monotonic() + LEASE
    while True:
        try:
            client.get(job)
            return
        except EsriError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def test_the_database_restarts_under_jobs_and_nobody_dies(estate: Estate) -> None:
    client = estate.web.client
    jobs = [client.submit("Faults/Chatter", lines=400, pause=0.01) for _ in range(2)]
    for job in jobs:
        executing(client, job)
    stop_postgresql(estate.folder)
    time.sleep(OUTAGE)
    start_postgresql(estate.folder, "fsync=off")
    answered(client, jobs[0])
    for job in jobs:
        state = client.wait(job)
        assert state["jobStatus"] == "esriJobSucceeded", state
        assert lines(state) == [f"line {n}" for n in range(400)]  # what was said meanwhile as well, and once
    assert estate.near.process.poll() is None
    assert estate.far.process.poll() is None
    client.run("Faults/Nap", seconds=0)
    [(waited,)] = estate.ask("SELECT started - created FROM jobs ORDER BY seq DESC LIMIT 1")
    assert waited < 2


def test_a_line_that_breaks_again_and_again_doubles_no_message(estate: Estate) -> None:
    job = estate.on(estate.far, "Faults/Chatter", lines=400, pause=0.005)
    for _ in range(20):
        estate.line.reset()
        time.sleep(0.1)
    state = estate.web.client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded", state
    assert lines(state) == [f"line {n}" for n in range(400)]


def test_a_web_node_that_dies_leaves_its_clients_and_jobs_to_the_others(
    estate: Estate, tmp_path: Path
) -> None:
    dying = estate.cluster.web()
    jobs = [dying.client.submit("Faults/Until", file=str(tmp_path / "over")) for _ in range(4)]
    executing(dying.client, jobs[0])
    dying.kill()
    (tmp_path / "over").touch()
    for job in jobs:
        state = estate.web.client.wait(job.replace(dying.url, estate.web.url))
        assert state["jobStatus"] == "esriJobSucceeded", state


def test_tickets_that_are_lost_or_doubled_or_held_by_nobody_change_nothing(estate: Estate) -> None:
    columns = "queue_name, task_name, args, status"
    with psycopg.connect(estate.cluster.database, autocommit=True) as connection:
        for mishap in (
            "DELETE FROM procrastinate_jobs",
            f"INSERT INTO procrastinate_jobs ({columns}) SELECT {columns} FROM procrastinate_jobs",
            "UPDATE procrastinate_jobs SET status = 'doing'",
        ):
            for worker in (estate.near, estate.far):
                worker.freeze()
            job = estate.web.client.submit("Faults/Nap", seconds=0)
            connection.execute(mishap.encode())
            for worker in (estate.near, estate.far):
                worker.thaw()
            assert estate.web.client.wait(job)["jobStatus"] == "esriJobSucceeded"
        assert {
            attempt for (attempt,) in estate.ask("SELECT attempt FROM jobs ORDER BY seq DESC LIMIT 3")
        } == {1}
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        # Tickets are tidied at each new begin.
        connection.execute(f"{others} AND datname = 'postgres'".encode())
        deadline = time.monotonic() + 60
        while connection.execute("SELECT 1 FROM procrastinate_jobs").fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _id(job: str) -> str:
    return job.rpartition("/j")[2]


def test_who_is_cut_off_or_frozen_loses_his_jobs_and_works_again_later(
    estate: Estate, tmp_path: Path
) -> None:
    """The machine that takes over has a clock that is a day ahead: leases are not measured by it."""
    client, sign = estate.web.client, tmp_path / "go"
    cut, frozen = (estate.on(worker, "Faults/Until", file=str(sign)) for worker in (estate.far, estate.near))
    runs = int(said(client, cut, "pid"))
    estate.cluster.worker(2, clock=86_400)
    time.sleep(LEASE / 3)
    first = "SELECT count(*) FROM jobs WHERE attempt = 1 AND status = 'running'"
    assert estate.ask(first) == [(2,)]
    estate.line.cut()
    estate.near.freeze()
    assert gone(runs, within=LEASE)  # before anybody else may begin
    assert estate.ask(f"{first} AND id = '{_id(cut)}'") == [(1,)]
    sign.touch()
    states = [client.wait(job) for job in (cut, frozen)]
    assert [state["jobStatus"] for state in states] == ["esriJobSucceeded"] * 2, states
    assert estate.ask("SELECT attempt FROM jobs ORDER BY seq DESC LIMIT 2") == [(2,), (2,)]
    estate.line.mend()
    estate.near.thaw()
    for worker in (estate.far, estate.near):
        client.wait(estate.on(worker, "Faults/Nap", seconds=1))
    assert [client.get(job)["messages"] for job in (cut, frozen)] == [state["messages"] for state in states]
