"""The server as a whole: latency of a small job, cancel, news of a running job, and a large buffer."""

import json
import statistics
import threading
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
from conftest import ROOT, Server
from gpclient import points

from tests.benchmarks.setups import SetUp, running

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


def latency(server: Server) -> None:
    client = Thin(server)
    for _ in range(30):
        client.run()
    setup = SetUp(server, {"server": [server.process.pid]}, server.data)
    cpu, times = setup.cpu_during(lambda: sorted(client.run() for _ in range(100)))
    print(
        f"small job, submit to succeeded   median {1000 * statistics.median(times):.1f} ms"
        f"   p95 {1000 * times[95]:.1f} ms   server CPU {10 * cpu['server']:.1f} ms a job"
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
        large_buffer(server)
    cancels()
    news()


if __name__ == "__main__":
    main()
