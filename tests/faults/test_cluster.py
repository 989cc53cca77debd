"""Several machines over one database: what one machine promises holds when machines die."""

import signal
import time

from cluster import Cluster
from faults.conftest import errors


def test_a_job_runs_on_some_machine_and_every_web_node_knows_of_it(cluster: Cluster) -> None:
    first, second = cluster.web(), cluster.web()
    cluster.worker()
    job = first.client.submit("Faults/Nap", Seconds="0.01", Label="here")
    assert second.client.wait(job.replace(first.url, second.url))["jobStatus"] == "esriJobSucceeded"
    long = first.client.submit("Faults/BusyLoop")
    first.client.wait(long, lambda state: state["jobStatus"] == "esriJobExecuting")
    second.client.get(long.replace(first.url, second.url) + "/cancel")
    assert first.client.wait(long, seconds=2)["jobStatus"] == "esriJobCancelled"


def test_the_jobs_of_a_machine_that_dies_run_elsewhere(cluster: Cluster) -> None:
    web = cluster.web()
    dying = cluster.worker(slots=1)
    job = web.client.submit("Faults/Nap", Seconds="2")
    web.client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")
    dying.signal(signal.SIGKILL)
    dying.process.wait()
    cluster.worker()
    state = web.client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded", state
    assert any("starts again" in message["description"] for message in state["messages"])


def test_a_machine_that_freezes_and_thaws_changes_nothing_of_jobs_that_moved_on(cluster: Cluster) -> None:
    web = cluster.web()
    frozen = cluster.worker(slots=1)
    lost = web.client.submit("Faults/Nap", Seconds="3", Label="x")
    web.client.wait(lost, lambda state: "pid" in str(state["messages"]))
    # Its children are in groups of their own and go on, as on a machine without network.
    frozen.signal(signal.SIGSTOP)
    cluster.worker(slots=1)
    state = web.client.wait(lost)
    assert state["jobStatus"] == "esriJobSucceeded", state
    said = [message["description"] for message in state["messages"]]
    frozen.signal(signal.SIGCONT)
    time.sleep(2)
    again = web.client.get(lost)
    assert [message["description"] for message in again["messages"]] == said
    assert web.client.wait(web.client.submit("Faults/Nap", Seconds="0"))["jobStatus"] == "esriJobSucceeded"


def test_a_job_that_killed_two_machines_does_not_get_a_third(cluster: Cluster) -> None:
    web = cluster.web()
    workers = [cluster.worker(slots=1) for _ in range(3)]
    state = web.client.wait(web.client.submit("Faults/KillMachine"))
    assert state["jobStatus"] == "esriJobFailed"
    assert "The server stopped" in errors(state)
    assert [worker.process.poll() is None for worker in workers].count(True) == 1
    assert web.client.run("Faults/Nap", seconds=0, label="next") == {"Output": "next"}
