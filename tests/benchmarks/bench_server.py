"""The server as a whole: latency of a small job, jobs and polls per second, cancel, and a large buffer."""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
from conftest import ROOT, Server, start
from gpclient import points

from gpserver.job import JobStatus, NewJob
from gpserver.stores.sqlite import SQLiteStore
from tests.benchmarks.load import answers

FAULTS = ROOT / "tests" / "faults" / "services"
TASK = "/arcgis/rest/services/Buffer/GPServer/BufferPoints"
TEN = {"Input_Features": json.dumps(points(10)), "f": "json"}


class Thin:
    """A client that costs next to nothing: one connection, no library around it."""

    def __init__(self, server: Server) -> None:
        self.connection = HTTPConnection(urlsplit(server.url).netloc)

    def ask(self, path: str, values: dict[str, str]) -> Any:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, urlencode(values), form)
        return json.loads(self.connection.getresponse().read())

    def run(self, task: str = TASK, values: dict[str, str] = TEN, pause: float = 0.002) -> float:
        """Submit and poll until success; returns the seconds that it took."""
        began = time.perf_counter()
        job = f"{task}/jobs/{self.ask(task + '/submitJob', values)['jobId']}"
        while (status := self.ask(job, {"f": "json"})["jobStatus"]) != "esriJobSucceeded":
            if status not in ("esriJobSubmitted", "esriJobExecuting"):
                raise AssertionError(status)
            time.sleep(pause)
        return time.perf_counter() - began


@contextmanager
def running(services: Path, *options: str, data: Path | None = None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder), services, *options, data=data)
        try:
            yield server
        finally:
            server.stop()


def cpu_of(server: Server) -> float:
    """CPU seconds of the server and all its workers so far, those included that have been replaced."""
    return sum(sum(process.cpu_times()[:4]) for process in server.family())


def cpu_between(server: Server, run: Callable[[], Any]) -> tuple[float, Any]:
    before = cpu_of(server)
    result = run()
    return cpu_of(server) - before, result


def latency(server: Server) -> None:
    client = Thin(server)
    for _ in range(30):
        client.run()
    cpu, times = cpu_between(server, lambda: sorted(client.run() for _ in range(100)))
    print(
        f"small job, submit to succeeded   median {1000 * statistics.median(times):.1f} ms"
        f"   p95 {1000 * times[95]:.1f} ms   server CPU {10 * cpu:.1f} ms a job"
    )


def throughput(server: Server, seconds: float = 10) -> None:
    until = time.monotonic() + seconds

    def client(_: int) -> int:
        thin, done = Thin(server), 0
        while time.monotonic() < until:
            thin.run(pause=0.04)
            done += 1
        return done

    def load() -> int:
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(client, range(8)))

    cpu, jobs = cpu_between(server, load)
    print(
        f"small durable jobs, 8 clients    {jobs / seconds:.0f} a second"
        f"   server CPU {1000 * cpu / jobs:.1f} ms a job"
    )


BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = open(sys.argv[1], "rb").read()
async def answer(request):
    return Response(body, media_type="application/json")
app = Starlette(routes=[Route("/job", answer)])
uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="error")
"""


@contextmanager
def bare_route(body: bytes, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A Starlette route that answers with these bytes: the floor of a poll."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "body.json").write_bytes(body)
    process = subprocess.Popen([sys.executable, "-c", BARE, str(folder / "body.json"), str(port)])
    while not any(c.status == psutil.CONN_LISTEN for c in psutil.Process(process.pid).net_connections()):
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/job", psutil.Process(process.pid)
    process.terminate()
    process.wait()


def fill(data: Path, jobs: int) -> None:
    """A store with so many finished jobs."""
    data.mkdir()
    store = SQLiteStore(data / "jobs.sqlite")
    for number in range(jobs):
        job_id = f"{number:032x}"
        store.add(NewJob(job_id, "Buffer", "BufferPoints", (), created=time.time()))
        store.claim("bench", time.time())
        store.move(job_id, JobStatus.RUNNING, JobStatus.SUCCEEDED, now=time.time())
    store.close()


def polls(jobs: int, seconds: float = 4) -> None:
    with tempfile.TemporaryDirectory() as place:
        fill(Path(place) / "data", jobs)
        with running(ROOT / "services", data=Path(place) / "data") as server:
            client = Thin(server)
            client.run()
            job_id = client.ask(f"{TASK}/submitJob", TEN)["jobId"]
            job = f"{server.url}{TASK}/jobs/{job_id}?f=json"
            server.client.wait(job.removesuffix("?f=json"))
            body = server.client.http.get(job).content
            with bare_route(body, Path(place)) as (floor, process):
                ours, bare = [], []
                for _ in range(3):
                    cpu, count = cpu_between(server, lambda: answers(job, 32, seconds))
                    ours.append((1e6 * cpu / count, count / seconds))
                    before = sum(process.cpu_times()[:2])
                    count = answers(floor, 32, seconds)
                    bare.append((1e6 * (sum(process.cpu_times()[:2]) - before) / count, count / seconds))
            (us, rate), (bare_us, bare_rate) = (
                map(statistics.median, zip(*each, strict=True)) for each in (ours, bare)
            )
            print(
                f"polls, 32 connections, {jobs:6d} jobs in the store   {rate:.0f} a second, CPU {us:.0f} us"
                f"   bare route {bare_rate:.0f} a second, {bare_us:.0f} us   ratio {us / bare_us:.2f}"
            )


def cancels() -> None:
    with running(FAULTS) as server:
        for task in ("BusyLoop", "NativeLoop"):
            times = []
            for _ in range(20):
                job = server.client.submit(f"Faults/{task}")
                server.client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")
                began = time.perf_counter()
                server.client.get(f"{job}/cancel")
                while server.client.get(job)["jobStatus"] != "esriJobCancelled":
                    pass
                times.append(time.perf_counter() - began)
            print(
                f"cancel of {task:10s} to esriJobCancelled   median {1000 * statistics.median(times):.0f} ms"
                f"   worst {1000 * max(times):.0f} ms"
            )


def news() -> None:
    """How old a message is when a poller first sees it."""
    with running(FAULTS) as server:
        job = server.client.submit("Faults/Clock", seconds=6)
        server.client.wait(job, lambda state: state["jobStatus"] == "esriJobExecuting")
        ages, seen = [], 0
        while (state := server.client.get(job))["jobStatus"] == "esriJobExecuting":
            now = time.time()
            said = [float(line) for each in state["messages"] if (line := each["description"])[:1].isdigit()]
            ages += [now - at for at in said[seen:]]
            seen = len(said)
        print(
            f"age of a message when it is first seen   median {1000 * statistics.median(ages):.0f} ms"
            f"   worst of {len(ages)} {1000 * max(ages):.0f} ms"
        )


class Peak(threading.Thread):
    """The most memory that a server and its workers had together (proportional set size)."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server, self.most, self.done = server, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.done.wait(0.1):
            total = 0
            for process in self.server.family():
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.most = max(self.most, total)


def large_buffer(server: Server, count: int = 100_000) -> None:
    chance = __import__("random").Random(1)
    features = points(count)
    for feature in features["features"]:
        feature["geometry"] = {"x": chance.uniform(-179, 179), "y": chance.uniform(-80, 80)}
    values = {"Input_Features": json.dumps(features), "Distance": '{"distance": 1000}', "f": "json"}
    peak, client = Peak(server), Thin(server)
    began = time.perf_counter()
    job = f"{TASK}/jobs/{client.ask(f'{TASK}/submitJob', values)['jobId']}"
    submitted = time.perf_counter()
    slowest = 0.0
    while True:
        asked = time.perf_counter()
        status = client.ask(job, {"f": "json"})["jobStatus"]
        slowest = max(slowest, time.perf_counter() - asked)
        if status == "esriJobSucceeded":
            break
        time.sleep(0.05)
    succeeded = time.perf_counter()
    client.connection.request("GET", f"{job}/results/Output_Polygons?returnType=data&f=json")
    answer = client.connection.getresponse()
    size = sum(map(len, iter(lambda: answer.read(1 << 20), b"")))
    ended = time.perf_counter()
    peak.done.set()
    print(
        f"{count} points buffered          {ended - began:.1f} s end to end: submit {submitted - began:.1f},"
        f" job {succeeded - submitted:.1f}, fetch {ended - succeeded:.1f} ({size / 1e6:.0f} MB)"
        f"   peak {peak.most / 1e6:.0f} MB   slowest poll {1000 * slowest:.0f} ms"
    )


def main() -> None:
    with running(ROOT / "services") as server:
        latency(server)
        throughput(server)
        large_buffer(server)
    for jobs in (100, 10_000):
        polls(jobs)
    cancels()
    news()


if __name__ == "__main__":
    main()
