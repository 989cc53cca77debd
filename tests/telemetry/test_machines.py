"""What an operator sees of several machines: one trace over all, and numbers of each."""

import os
import signal
import socket
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from cluster import Cluster, machines
from telemetry.otlp import Receiver, fact, receiving

SERVICE = '''
import time
from gpserver import Service, task

@task(output="slept")
def nap(seconds: float = 0) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds

service = Service("Rest", tasks=[nap])
'''


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(
    receiver: Receiver, port: int, postgis: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A web node and one machine that runs jobs and shows its numbers."""
    folder = tmp_path_factory.mktemp("machines")
    (folder / "services").mkdir()
    (folder / "services/rest.py").write_text(SERVICE)
    with machines(postgis, folder, folder / "services") as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPSERVER_MIN_FREE", "0")
        cluster.web()
        patch.setenv("GPSERVER_METRICS_PORT", str(port))
        patch.setenv("GPSERVER_LOG_FORMAT", "json")
        cluster.worker(slots=1)
        patch.delenv("GPSERVER_METRICS_PORT")
        yield cluster


def test_a_run_on_another_machine_joins_the_trace_of_its_submit(cluster: Cluster, receiver: Receiver) -> None:
    client = cluster.webs[0].client
    job = client.submit("Rest/Nap", Seconds="0.2")
    client.wait(job)
    assert client.get(f"{job}/results/Slept")["value"] == 0.2
    job_id = job.rpartition("/j")[2]
    receiver.wait(lambda: len(receiver.of(job_id)) == 5)
    spans = {name: found[0] for name, found in receiver.of(job_id).items()}
    [asked] = [span for name, span in spans.items() if name.endswith("/submitJob")]
    [fetched] = [span for name, span in spans.items() if name.endswith("/results/{name}")]
    assert spans["submit"].parent_span_id == asked.span_id
    for span in (spans["queue"], spans["run"], fetched):  # without a trace of its own a fetch is the job's
        assert span.parent_span_id == spans["submit"].span_id
    run = spans["run"]
    assert asked.start_time_unix_nano < run.start_time_unix_nano < run.end_time_unix_nano
    assert run.end_time_unix_nano - run.start_time_unix_nano >= 0.2e9
    assert fact(run, "gpserver.runner").split(":")[:2] == [os.uname().nodename, str(worker_pid(cluster))]


def worker_pid(cluster: Cluster) -> int:
    return cluster.workers[-1].process.pid


def test_a_machine_shows_its_own_numbers_and_health(cluster: Cluster, port: int) -> None:
    cluster.webs[0].client.run("Rest/Nap")
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False) as http:
        text = http.get(f"{url}/metrics").text
        assert 'gpserver_jobs_ended_total{service="Rest",status="succeeded",task="Nap"}' in text
        assert 'gpserver_slots{state="free"} 1.0' in text
        assert "gpserver_jobs{" not in text  # the web nodes show those
        assert http.get(f"{url}/healthz").text == "ok\n"
        assert http.get(f"{url}/readyz").json()["ready"]
    assert httpx.get(f"{cluster.webs[0].url}/readyz", trust_env=False).status_code == 200
    assert (
        'gpserver_jobs{service="Rest",status="succeeded",task="Nap"}'
        in httpx.get(f"{cluster.webs[0].url}/metrics", trust_env=False).text
    )


def test_an_attempt_that_was_lost_and_the_next_one_are_spans_of_one_trace(
    cluster: Cluster, receiver: Receiver
) -> None:
    client = cluster.webs[0].client
    job = client.submit("Rest/Nap", Seconds="2")
    client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")
    cluster.workers[-1].signal(signal.SIGKILL)
    cluster.worker(slots=1)
    client.wait(job)
    job_id = job.rpartition("/j")[2]
    receiver.wait(lambda: len(receiver.of(job_id).get("run", [])) == 2)
    first, second = sorted(receiver.of(job_id)["run"], key=lambda span: span.start_time_unix_nano)
    assert [fact(span, "gpserver.job.attempt") for span in (first, second)] == [1, 2]
    assert [fact(span, "gpserver.job.status") for span in (first, second)] == ["lost", "succeeded"]
    assert first.parent_span_id == second.parent_span_id
    assert first.end_time_unix_nano <= second.start_time_unix_nano
    # From the end of one attempt to the beginning of the next; the first one's died with its machine, maybe.
    [again] = [span for span in receiver.of(job_id)["queue"] if fact(span, "gpserver.job.attempt") == 2]
    assert abs(again.start_time_unix_nano - first.end_time_unix_nano) < 1e9
    assert again.end_time_unix_nano == second.start_time_unix_nano
