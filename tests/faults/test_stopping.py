"""Machines that are told to stop, and others that take their place: nothing is lost and nobody is hurt."""

import signal
import time
from pathlib import Path

import pytest
from cluster import Cluster
from conftest import StartServer
from faults.conftest import FAULTS, executing
from gpclient import Client, EsriError

SPARED = "does not count"


def refused(client: Client) -> str:
    """How a submit is refused, once the signal has come."""
    while True:
        try:
            client.submit("Faults/Nap")
        except EsriError as error:
            return error.message
        time.sleep(0.05)


def test_a_server_that_is_told_to_stop_answers_until_its_jobs_have_ended(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPSERVER_DRAIN", "300")
    server = start_server(FAULTS, "--slots", "2")
    quick, slow = (server.client.submit("Faults/Until", File=str(tmp_path / name)) for name in ("a", "b"))
    executing(server.client, quick)
    executing(server.client, slow)
    server.process.send_signal(signal.SIGTERM)
    assert "being stopped" in refused(server.client)
    (tmp_path / "a").touch()
    assert server.client.wait(quick)["jobStatus"] == "esriJobSucceeded"
    assert server.client.get(slow)["jobStatus"] == "esriJobExecuting"
    assert server.stop() == 0  # told twice
    again = start_server(FAULTS, data=server.data)
    quick, slow = (job.replace(server.url, again.url) for job in (quick, slow))
    assert again.client.get(quick)["jobStatus"] == "esriJobSucceeded"
    (tmp_path / "b").touch()
    state = again.client.wait(slow)
    assert state["jobStatus"] == "esriJobSucceeded", state
    assert SPARED in str(state["messages"])


def test_machines_are_replaced_one_by_one_under_load(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPSERVER_DRAIN", "0")
    first = cluster.web()
    worker = cluster.worker(slots=1)
    long = first.client.submit("Faults/Until", File=str(tmp_path / "go"))
    executing(first.client, long)
    jobs = [first.client.submit("Faults/Nap", Seconds="0.05") for _ in range(10)]
    for _ in range(2):  # as often as a job that is lost may begin at all
        successor = cluster.worker(slots=1)
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(20) == 0
        worker = successor
        executing(first.client, long)
    second = cluster.web()
    assert first.stop() == 0
    jobs += [second.client.submit("Faults/Nap", Seconds="0.05") for _ in range(5)]
    (tmp_path / "go").touch()
    long, *jobs = (job.replace(first.url, second.url) for job in (long, *jobs))
    state = second.client.wait(long)
    assert state["jobStatus"] == "esriJobSucceeded", state
    assert str(state["messages"]).count(SPARED) == 2
    for job in jobs:
        assert second.client.wait(job)["jobStatus"] == "esriJobSucceeded"
