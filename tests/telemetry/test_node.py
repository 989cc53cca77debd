"""What an operator sees of one server with users: its metrics, its traces, its log and its health."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Server, start
from gpclient import Client
from prometheus_client.parser import text_string_to_metric_families
from secured import token_of, toml
from telemetry.otlp import Receiver, fact, receiving

SERVICE = '''
import ctypes, os, time
from gpserver import Service, task

@task(output="said")
def say(text: str = "") -> str:
    """Say it again, to the log as well."""
    print("a task said", text)
    os.write(1, b"native code said something\\n")
    return text

@task(output="never")
def crash() -> str:
    """Crash."""
    return str(ctypes.string_at(0))

@task(output="never")
def nap() -> str:
    """Sleep for too long."""
    time.sleep(60)

service = Service("Talk", tasks=[say, crash, nap], time_limit=1)
'''
TOKEN = "metrics-only"


@dataclass
class Node:
    """A server, what it sends, and its administrator."""

    server: Server
    receiver: Receiver
    token: str

    def run(self, task: str, **parameters: str) -> str:
        """The id of a job that has ended."""
        job = self.server.client.submit(f"Talk/{task}", token=self.token, **parameters)
        state: dict[str, Any] = {}
        while state.get("jobStatus") not in ("esriJobSucceeded", "esriJobFailed", "esriJobTimedOut"):
            state = self.server.client.get(job, token=self.token)
            time.sleep(0.02)
        return job.rpartition("/")[2].removeprefix("j")

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample, by name and labels, as Prometheus' own reader understands it."""
        answer = self.server.client.http.get(
            f"{self.server.url}/metrics", headers={"authorization": f"Bearer {TOKEN}"}
        )
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        families = list(text_string_to_metric_families(answer.text))
        assert len({family.name for family in families}) == len(families)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics().get((f"gpserver_{name}", frozenset(labels.items())), 0.0)

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log, each of which is JSON."""
        return [json.loads(line) for line in self.server.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    (folder / "services").mkdir()
    (folder / "services/talk.py").write_text(SERVICE)
    settings = toml(log_format="json", access_log="true", metrics_token=TOKEN, min_free="0")
    (folder / "gpserver.toml").write_text(settings.replace('Secrue = ["planners"]', ""))
    with receiving() as receiver:
        server = start(folder, folder / "services")
        yield Node(server, receiver, token_of(server.client, "root"))
        assert server.stop() == 0, server.log.read_text()


def test_metrics_tell_what_became_of_jobs(node: Node) -> None:
    of = {"service": "Talk", "task": "Say"}
    before = node.metric("jobs_ended_total", status="succeeded", **of)
    node.run("Say", Text="x")
    assert node.metric("jobs_ended_total", status="succeeded", **of) == before + 1
    assert node.metric("jobs_submitted_total", **of) == before + 1
    assert node.metric("job_queue_seconds_count", **of) == before + 1
    assert 0 < node.metric("job_run_seconds_sum", **of) < 30
    time.sleep(1)  # the count of all jobs is a second old at most
    assert node.metric("jobs", status="succeeded", **of) == before + 1
    assert node.metric("queue_length") == 0
    assert node.metric("slots", state="busy") == 0 < node.metric("slots", state="free")
    assert 0 <= node.metric("event_loop_lag_seconds") < 60
    assert node.metrics()["process_resident_memory_bytes", frozenset()] > 1e6


def test_metrics_tell_why_workers_were_replaced(node: Node) -> None:
    crashes, times = (node.metric("worker_restarts_total", reason=why) for why in ("crash", "time"))
    node.run("Crash")
    node.run("Nap")
    assert node.metric("worker_restarts_total", reason="crash") == crashes + 1
    assert node.metric("worker_restarts_total", reason="time") == times + 1
    assert node.metric("jobs_ended_total", service="Talk", task="Nap", status="timed_out") >= 1


def test_requests_are_counted_by_the_template_of_their_route(node: Node) -> None:
    route = "/arcgis/rest/services/{service:path}/GPServer/{task}/submitJob"
    before = node.metric("http_request_bytes_total", route=route, method="POST")
    node.run("Say", Text="x" * 1000)
    assert node.metric("http_request_bytes_total", route=route, method="POST") > before + 1000
    assert node.metric("http_requests_total", route=route, method="POST", code="200") >= 1
    assert node.metric("http_request_seconds_count", route=route, method="POST") >= 1
    for n in range(20):  # what a client makes up is no label
        node.server.client.http.request("MKCOL", f"{node.server.url}/made/up/{n}?made=up")
        node.server.client.http.get(f"{node.server.url}/made{n}/MADE{n}/submitJob")
    labels = {value for _, pairs in node.metrics() for _, value in pairs}
    assert not [label for label in labels if re.search("made|MADE", label)]
    assert "other" in labels


def test_metrics_are_for_those_who_may_see_them(node: Node) -> None:
    http, url = node.server.client.http, f"{node.server.url}/metrics"

    def status(token: str) -> int:
        return http.get(url, headers={"authorization": f"Bearer {token}"}).status_code

    assert http.get(url).status_code == 401
    assert http.get(url, params={"token": TOKEN}).status_code == 401
    assert [status(token) for token in ("wrong", token_of(node.server.client, "ann"))] == [401] * 2
    assert [status(token) for token in (TOKEN, node.token)] == [200, 200]


def test_a_submit_its_wait_its_run_and_the_fetch_are_one_trace(node: Node) -> None:
    client, sent = node.server.client, {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    place = f"{client.services}/Talk/GPServer/Say"
    form = {"f": "json", "Text": "x", "token": node.token}
    job = client.http.post(f"{place}/submitJob", data=form, headers=sent).json()["jobId"]
    while client.get(f"{place}/jobs/{job}", token=node.token)["jobStatus"] != "esriJobSucceeded":
        time.sleep(0.02)
    assert client.get(f"{place}/jobs/{job}/results/Said", token=node.token)["value"] == "x"
    template = "/arcgis/rest/services/{service:path}/GPServer/{task}"
    fetched = f"GET {template}/jobs/{{job_id}}/results/{{name}}"
    asked = f"POST {template}/submitJob"
    node.receiver.wait(lambda: {asked, "submit", "queue", "run", fetched} <= node.receiver.of(job[1:]).keys())
    spans = {name: found[0] for name, found in node.receiver.of(job[1:]).items()}
    assert {name: len(found) for name, found in node.receiver.of(job[1:]).items()} == dict.fromkeys(spans, 1)
    assert {span.trace_id.hex() for span in spans.values()} == {"a" * 32}
    assert spans[asked].parent_span_id.hex() == "b" * 16
    assert spans["submit"].parent_span_id == spans[asked].span_id
    for name in ("queue", "run", fetched):
        assert spans[name].parent_span_id == spans["submit"].span_id
    assert spans[asked].start_time_unix_nano <= spans["queue"].start_time_unix_nano
    assert spans["queue"].end_time_unix_nano == spans["run"].start_time_unix_nano
    assert spans["run"].end_time_unix_nano <= spans[fetched].start_time_unix_nano
    run = spans["run"]
    assert (fact(run, "gpserver.service"), fact(run, "gpserver.task")) == ("Talk", "Say")
    assert (fact(run, "gpserver.job.status"), fact(run, "gpserver.job.attempt")) == ("succeeded", 1)
    assert fact(run, "gpserver.runner")
    assert node.receiver.services == {"gpserver"}


def test_every_line_of_the_log_is_json_and_tells_its_job(node: Node) -> None:
    job = node.run("Say", Text="something to the log")
    crashed = node.run("Crash")
    time.sleep(0.2)  # a line of native code takes a thread
    lines = node.log()
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))
    [printed] = [line for line in lines if "something to the log" in line["message"]]
    assert printed["job_id"] == job
    assert [line for line in lines if line["message"] == "native code said something"]
    [ended] = [line for line in lines if line.get("job_id") == job and line.get("status") == "succeeded"]
    assert (ended["service"], ended["task"], ended["attempt"]) == ("Talk", "Say", "1")
    assert [line for line in lines if line.get("job_id") == crashed and line["level"] == "WARNING"]


def test_requests_are_logged_without_what_is_secret(node: Node) -> None:
    job = node.run("Say", Text="quiet")
    node.server.client.get("Talk/GPServer/Say", token=node.token, password="geheim", Text="q-" + "s" * 5)
    polls = [line for line in node.log() if line.get("job_id") == job and "path" in line]
    assert polls[0]["path"] == f"/arcgis/rest/services/Talk/GPServer/Say/jobs/j{job}"
    assert (polls[0]["method"], polls[0]["status"], polls[0]["caller"]) == ("GET", 200, "root")
    assert polls[0]["bytes"] > 0 < polls[0]["ms"]
    text = node.server.log.read_text()
    assert not [secret for secret in (node.token, "geheim", "q-sssss", TOKEN, "toor") if secret in text]


def test_whoever_asks_hears_whether_the_server_is_ready(node: Node) -> None:
    http, url = node.server.client.http, node.server.url
    assert http.get(f"{url}/healthz").text == "ok\n"
    answer = http.get(f"{url}/readyz")
    assert answer.status_code == 200
    report = answer.json()
    assert report["ready"]
    assert [check["name"] for check in report["checks"]] == ["store", "disk", "workers", "services"]
    assert all(check["ok"] for check in report["checks"])


def test_a_server_that_lacks_something_says_what_to_do(node: Node) -> None:
    http, url = node.server.client.http, node.server.url
    services = node.server.data.parent / "services"
    moved = services.rename(services.with_name("moved"))
    try:
        time.sleep(1.1)  # an answer is good for a second
        answer = http.get(f"{url}/readyz")
        assert answer.status_code == 503
        [broken] = [check for check in answer.json()["checks"] if not check["ok"]]
        assert broken["name"] == "services"
        assert "services folder" in broken["do"]
        assert http.get(f"{url}/healthz").status_code == 200
    finally:
        moved.rename(services)


def test_a_plain_server_is_open_and_logs_plain_lines(server: Server, client: Client) -> None:
    assert b"gpserver_slots" in client.http.get(f"{server.url}/metrics").content
    assert client.http.get(f"{server.url}/readyz").json()["checks"]
    job = client.submit("Buffer/BufferPoints", Input_Features="no features")
    client.wait(job)
    job_id = job.rpartition("/j")[2]
    assert re.search(rf"Buffer/BufferPoints failed after .* \[job {job_id}\]", server.log.read_text())
