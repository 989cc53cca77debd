"""What happens when things die: tasks, workers, the server. Every job ends, nobody else is hurt."""

import json
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from cluster import machines
from conftest import ROOT, Server, StartServer, start
from faults.conftest import FAULTS, errors, executing, gone, said
from gpclient import Client, EsriError, points

RACES = int(os.environ.get("RACES", "50"))


@pytest.fixture(scope="module", params=["one machine", "machines"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A web server whose jobs run in its own sandbox, or on two other machines."""
    folder = tmp_path_factory.mktemp("faults")
    if request.param == "one machine":
        server = start(folder, FAULTS, "--slots", "2")
        yield server
        assert server.stop() == 0, server.log.read_text()
        return
    with machines(request.getfixturevalue("postgis"), folder, FAULTS) as cluster:
        server = cluster.web()
        for _ in range(2):
            cluster.worker()
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


@pytest.mark.parametrize("task", ["BusyLoop", "NativeLoop", "GeosHog"])
def test_cancel_stops_code_that_does_not_listen_and_neighbours_go_on(
    client: Client, tmp_path: Path, task: str
) -> None:
    neighbour = client.submit("Faults/Until", file=str(tmp_path / "over"))
    job = client.submit(f"Faults/{task}")
    executing(client, job)
    executing(client, neighbour)
    began = time.monotonic()
    assert client.get(f"{job}/cancel")["jobStatus"] == "esriJobCancelling"
    assert client.wait(job, seconds=2)["jobStatus"] == "esriJobCancelled"
    assert time.monotonic() - began < 1.0
    (tmp_path / "over").touch()
    assert client.wait(neighbour)["jobStatus"] == "esriJobSucceeded"


def test_cancel_kills_the_processes_that_a_task_started(client: Client) -> None:
    job = client.submit("Faults/WithChild")
    child = int(said(client, job, "child"))
    client.get(f"{job}/cancel")
    assert gone(child, within=1.0)
    assert client.wait(job)["jobStatus"] == "esriJobCancelled"


def test_a_process_that_outlives_its_job_is_stopped_with_the_job(client: Client, server: Server) -> None:
    job = client.submit("Faults/WithChild", seconds=0.1)
    child = int(said(client, job, "child"))
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    assert gone(child, within=1.0)


def test_cancel_of_a_large_buffer_frees_the_slot_for_the_next_job(start_server: StartServer) -> None:
    client = start_server(ROOT / "services", "--slots", "1").client
    features = json.dumps(points(200_000))
    job = client.submit("Buffer/BufferPoints", Input_Features=features, Distance='{"distance": 100}')
    executing(client, job)
    time.sleep(1.0)
    began = time.monotonic()
    assert client.get(f"{job}/cancel")["jobStatus"] == "esriJobCancelling"
    assert client.wait(job, seconds=2)["jobStatus"] == "esriJobCancelled"
    assert time.monotonic() - began < 1.0
    assert client.wait(client.submit("Tools/FileTask", Text="x"))["jobStatus"] == "esriJobSucceeded"


def test_cancel_of_a_queued_job_never_runs_it(client: Client) -> None:
    blockers = [client.submit("Single/Nap", seconds=0.5) for _ in range(2)]
    job = client.submit("Single/Nap", seconds=0)
    assert client.get(f"{job}/cancel")["jobStatus"] == "esriJobCancelled"
    assert not any("Executing" in m["description"] for m in client.get(job)["messages"])
    for blocker in blockers:
        assert client.wait(blocker)["jobStatus"] == "esriJobSucceeded"


def test_a_polite_task_may_clean_up(client: Client, tmp_path: Path) -> None:
    job = client.submit("Faults/Polite", mark=str(tmp_path / "mark"))
    said(client, job, "pid")
    client.get(f"{job}/cancel")
    assert client.wait(job)["jobStatus"] == "esriJobCancelled"
    assert (tmp_path / "mark").read_text() == "cleaned"


@pytest.mark.parametrize("task", ["BusyLoop", "NativeLoop", "Nap"])
def test_the_time_limit_ends_a_job(client: Client, task: str) -> None:
    job = client.submit(f"Limited/{task}", seconds=30)
    state = client.wait(job, seconds=10)
    assert state["jobStatus"] == "esriJobTimedOut"
    assert "time limit of 1 seconds" in errors(state)


@pytest.mark.parametrize("task", ["Hog", "GeosHog", "ChildHog", "Leak"])
def test_the_memory_limit_ends_a_job_and_not_the_server(client: Client, server: Server, task: str) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    state = client.wait(client.submit(f"Narrow/{task}"), seconds=20)
    assert state["jobStatus"] == "esriJobFailed"
    assert "over the memory limit of 286 MB" in errors(state)
    assert process.memory_info().rss - before < 20 << 20


@pytest.mark.parametrize(("kind", "reason"), [("large", "over the limit of 64 MB"), ("surrogate", "UTF-8")])
def test_a_result_that_nobody_could_read_fails_its_job(client: Client, kind: str, reason: str) -> None:
    state = client.wait(client.submit("Faults/Unreadable", kind=kind))
    assert state["jobStatus"] == "esriJobFailed"
    assert reason in errors(state)
    assert client.run("Faults/Nap", seconds=0, label="next") == {"Output": "next"}


def test_a_number_that_is_none_is_null(client: Client) -> None:
    assert client.run("Faults/NotANumber") == {"Output": None}


def test_a_zygote_that_is_killed_takes_its_jobs_along_and_they_run_again(
    client: Client, tmp_path: Path
) -> None:
    label = "large, so that it lies in a file " * 10_000
    job = client.submit("Faults/Until", file=str(tmp_path / "over"), label=label)
    psutil.Process(int(said(client, job, "pid"))).parent().kill()
    client.wait(job, lambda state: "starts again" in str(state["messages"]))
    (tmp_path / "over").touch()
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    assert client.get(f"{job}/results/Output")["value"] == label


@pytest.mark.parametrize(("task", "reason"), [("Segfault", "SIGSEGV"), ("Abort", "SIGABRT"), ("Leave", "3")])
def test_a_worker_that_dies_fails_its_job_with_the_reason(client: Client, task: str, reason: str) -> None:
    state = client.wait(client.submit(f"Faults/{task}"))
    assert state["jobStatus"] == "esriJobFailed"
    assert reason in errors(state)
    assert client.run("Faults/Nap", seconds=0, label="next") == {"Output": "next"}


def test_a_worker_killed_from_outside_fails_its_job(client: Client) -> None:
    job = client.submit("Faults/Nap", seconds=30)
    psutil.Process(int(said(client, job, "pid"))).kill()
    state = client.wait(job, seconds=5)
    assert state["jobStatus"] == "esriJobFailed"
    assert "SIGKILL" in errors(state)


def test_thousands_of_messages_arrive_in_order(client: Client) -> None:
    job = client.submit("Faults/Chatter", lines=3000)
    state = client.wait(job)
    assert state["jobStatus"] == "esriJobSucceeded"
    lines = [m["description"] for m in state["messages"] if m["description"].startswith("line ")]
    assert lines == [f"line {n}" for n in range(3000)]


def test_messages_reach_a_poller_while_the_task_runs(client: Client, tmp_path: Path) -> None:
    job = client.submit("Faults/Until", file=str(tmp_path / "over"))
    assert said(client, job, "pid")
    assert client.get(job)["jobStatus"] == "esriJobExecuting"
    (tmp_path / "over").touch()
    client.wait(job)


def test_no_more_jobs_of_a_service_run_than_it_has_instances(
    client: Client, request: pytest.FixtureRequest
) -> None:
    machines = 1 if "one machine" in request.node.name else 2
    jobs = [client.submit("Single/Nap", seconds=0.2) for _ in range(5)]
    for job in jobs:
        client.wait(job)
    times = sorted((float(said(client, job, "from")), float(said(client, job, "to"))) for job in jobs)
    at_once = [sum(began <= now < ended for began, ended in times) for now, _ in times]
    assert max(at_once) <= machines


def test_racing_cancels_hit_their_own_job_only(client: Client) -> None:
    """RACES pairs: one job is cancelled at about the moment it ends, its neighbour must not notice."""
    chance = random.Random(7)

    def race(number: int) -> tuple[str, str]:
        seconds = chance.choice((0, 1)) * chance.uniform(0, 0.3)  # half of them end at once
        victim = client.submit("Faults/Nap", seconds=seconds, label=f"victim {number}")
        neighbour = client.submit("Faults/Nap", seconds=0.02, label=f"neighbour {number}")
        if number % 4 == 0:
            client.wait(victim)  # too late for a cancel: it must be refused
        time.sleep(chance.uniform(0, 0.12))
        try:
            client.get(f"{victim}/cancel")
        except EsriError as error:
            assert error.message == "Invalid or missing input parameters."  # noqa: PT017 - it may also succeed
        state = client.wait(neighbour)
        assert state["jobStatus"] == "esriJobSucceeded", state
        assert client.get(f"{neighbour}/results/Output")["value"] == f"neighbour {number}"
        return client.wait(victim)["jobStatus"], state["jobStatus"]

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(race, range(RACES)))
    assert {victim for victim, _ in ended} <= {"esriJobSucceeded", "esriJobCancelled"}
    assert {victim for victim, _ in ended} == {"esriJobSucceeded", "esriJobCancelled"}


def test_a_killed_server_loses_no_job_and_leaves_no_process(
    start_server: StartServer, tmp_path: Path
) -> None:
    first = start_server(FAULTS, "--slots", "2")
    client, data = first.client, first.data
    running = client.submit("Faults/Until", file=str(tmp_path / "over"))
    parent = client.submit("Faults/WithChild")
    child = int(said(client, parent, "child"))
    cancelling = client.submit("Faults/Polite")
    queued = [client.submit("Faults/Nap", seconds=0.01, label=f"q{n}") for n in range(20)]
    executing(client, running)
    below = first.kill()
    assert all(gone(pid, within=1.0) for pid in [child, *(process.pid for process in below)])

    (tmp_path / "over").touch()
    second = start_server(FAULTS, "--slots", "2", data=data)
    client = second.client

    def moved(job: str) -> str:
        return job.replace(first.url, second.url)

    client.wait(moved(cancelling), lambda state: state["jobStatus"] == "esriJobExecuting")
    client.get(f"{moved(cancelling)}/cancel")
    for job in [running, *queued]:
        state = client.wait(moved(job))
        assert state["jobStatus"] == "esriJobSucceeded"
    assert any("starts again" in m["description"] for m in client.get(moved(running))["messages"])
    client.get(f"{moved(parent)}/cancel")
    assert client.wait(moved(parent))["jobStatus"] == "esriJobCancelled"
    assert client.wait(moved(cancelling))["jobStatus"] == "esriJobCancelled"


def test_a_job_that_survived_two_dead_servers_fails(start_server: StartServer) -> None:
    first = start_server(FAULTS)
    job = first.client.submit("Faults/Nap", seconds=60)
    executing(first.client, job)
    first.kill()
    second = start_server(FAULTS, data=first.data)
    executing(second.client, job.replace(first.url, second.url))
    second.kill()
    third = start_server(FAULTS, data=first.data)
    state = third.client.wait(job.replace(first.url, third.url), seconds=5)
    assert state["jobStatus"] == "esriJobFailed"
    assert "The server stopped" in errors(state)


def test_a_second_server_on_the_same_data_is_refused(start_server: StartServer, tmp_path: Path) -> None:
    first = start_server(FAULTS)
    with pytest.raises(AssertionError, match="Another gpserver works on"):
        start(tmp_path, FAULTS, data=first.data)
