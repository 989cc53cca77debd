"""Start-up: CPU until a fresh process answers, and CPU of one test, beside moto's server mode and WireMock.

Each process begins with its bytecode written. Of ``gpserver serve`` the process that answers counts, not the
workers that warm up meanwhile. WireMock is installed with ``npm ci --ignore-scripts`` in
``tests/benchmarks/wiremock`` and runs where there is a JRE.
"""

import logging
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import psutil
from moto.server import ThreadedMotoServer

from gpserver.emulator.emulator import Emulator
from gpserver.emulator.serving import Served
from gpserver.settings import Settings
from gpserver.testing import GPServer

SERVICES = Path(__file__).parent / "services"
WIREMOCK = Path(__file__).parent / "wiremock/node_modules/wiremock/build"
ROUNDS, TESTS = 5, 50

_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
uvicorn.run(Starlette(), port=int(sys.argv[1]), access_log=False, log_level="error")
"""
_EMULATOR = """
import sys, threading
from pathlib import Path
from gpserver.emulator.emulator import Emulator
from gpserver.emulator.serving import Served
from gpserver.settings import Settings
Served(Emulator(Settings(services=Path(sys.argv[2]))), port=int(sys.argv[1])).start()
threading.Event().wait()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        starts(Path(folder))
    tests()


def starts(folder: Path) -> None:
    """CPU until the first answer, the median of some rounds in which all take turns."""
    empty = folder / "services"
    empty.mkdir()
    variants: dict[str, Callable[[int], Sequence[str]]] = {
        "import geopandas": lambda _: (sys.executable, "-c", "import geopandas"),
        "bare Starlette": lambda port: (sys.executable, "-c", _BARE, str(port)),
        "emulator": lambda port: (sys.executable, "-c", _EMULATOR, str(port), str(empty)),
        "gpserver serve": lambda port: _serve(port, folder / "data"),
        "moto_server": lambda port: (sys.executable, "-m", "moto.server", "-p", str(port)),
    }
    if _wiremock():
        variants["WireMock"] = lambda port: _java(port, folder)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for round_ in range(ROUNDS + 1):
        for name, command in variants.items():
            measured = (_ran if name.startswith("import") else _answered)(command)
            if round_:  # the first writes bytecode
                spent[name].append(measured)
    print("until it answers           CPU s    ratio   wall s")
    floor = statistics.median(cpu for cpu, _ in spent["import geopandas"])
    for name, pairs in spent.items():
        cpu, wall = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"  {name:20s} {cpu:9.2f} {cpu / floor:8.2f} {wall:8.2f}")


def _serve(port: int, data: Path) -> Sequence[str]:
    options = "--port", str(port), "--services", str(SERVICES), "--data", str(data)
    return sys.executable, "-m", "gpserver", "serve", *options


def _wiremock() -> Path | None:
    return next(iter(WIREMOCK.glob("*.jar")), None) if shutil.which("java") else None


def _java(port: int, folder: Path) -> Sequence[str]:
    options = "--port", str(port), "--bind-address", "127.0.0.1", "--root-dir", str(folder)
    return "java", "-jar", str(_wiremock()), "--disable-banner", *options


def _ran(command: Callable[[int], Sequence[str]]) -> tuple[float, float]:
    """CPU and wall seconds of a process that ends by itself."""
    began = time.perf_counter()
    process = subprocess.Popen(command(0))
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def _answered(command: Callable[[int], Sequence[str]]) -> tuple[float, float]:
    """CPU and wall seconds until a server answers."""
    began = time.perf_counter()
    with _running(command) as (url, process):
        wall = time.perf_counter() - began
        assert httpx.get(url, trust_env=False).status_code < 500
        return _cpu(process), wall


@contextmanager
def _running(command: Callable[[int], Sequence[str]]) -> Iterator[tuple[str, psutil.Process]]:
    """A server that answers, and is stopped."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.002)
        yield f"http://127.0.0.1:{port}/", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _cpu(process: psutil.Process | None) -> float:
    return sum(process.cpu_times()[:2]) if process else 0.0


def tests() -> None:
    """CPU of one test, its client included: what a server is told, one job or call, and the reset."""
    print("one test                 CPU ms")
    with tempfile.TemporaryDirectory() as folder, httpx.Client(trust_env=False) as http:
        served = Served(Emulator(Settings(services=Path(folder))))
        served.start()
        server = GPServer(served, served.url)
        _print("emulator: 6 requests", lambda: _job(server, http))
        served.close()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
        moto = ThreadedMotoServer(port=0, verbose=False)
        moto.start()
        place = "http://{}:{}".format(*moto.get_host_and_port())
        _print("moto: 1 request", lambda: _bucket(place, http))
        moto.stop()
        with _running(lambda port: _java(port, Path(folder))) if _wiremock() else nullcontext() as running:
            if running:
                _print("WireMock: 6 requests", lambda: _stubbed(running[0], http), running[1])
            else:
                print("  WireMock is not asked: it needs a JRE, and npm ci in tests/benchmarks/wiremock")


def _print(name: str, test: Callable[[], Any], process: psutil.Process | None = None) -> None:
    """The median of rounds of tests; what the server in another process spends counts as well."""
    costs = []
    for _ in range(ROUNDS + 1):
        began = time.process_time() + _cpu(process)
        for _ in range(TESTS):
            test()
        costs.append(1000 * (time.process_time() + _cpu(process) - began) / TESTS)
    print(f"  {name:22s} {statistics.median(costs[1:]):6.1f}")


def _job(server: GPServer, http: httpx.Client) -> None:
    """Stub, submit, four polls at least, result, reset."""

    def Echo(text: str) -> str:
        """Give the text."""
        return text

    server.task(Echo)
    url = server.task_url("Echo")
    job = http.post(f"{url}/submitJob", data={"text": "hello", "f": "json"}).json()
    polls = 0
    while polls < 4 or job["jobStatus"] != "esriJobSucceeded":
        job = http.get(f"{url}/jobs/{job['jobId']}?f=json").json()
        polls += 1
    assert http.get(f"{url}/jobs/{job['jobId']}/results/Output?f=json").json()["value"] == "hello"
    server.reset()


def _bucket(place: str, http: httpx.Client) -> None:
    assert http.put(f"{place}/bucket").status_code == 200
    http.post(f"{place}/moto-api/reset").raise_for_status()


def _stubbed(url: str, http: httpx.Client) -> None:
    """As ``_job``, with three answers that were written before."""
    for path in ("/submitJob", "/jobs/j1", "/jobs/j1/results/Output"):
        body = {"jobId": "j1", "jobStatus": "esriJobSucceeded", "value": "hello"}
        stub = {"request": {"urlPath": path}, "response": {"status": 200, "jsonBody": body}}
        http.post(f"{url}__admin/mappings", json=stub).raise_for_status()
    http.post(f"{url}submitJob", data={"text": "hello", "f": "json"}).raise_for_status()
    for _ in range(4):
        assert http.get(f"{url}jobs/j1?f=json").json()["jobStatus"] == "esriJobSucceeded"
    assert http.get(f"{url}jobs/j1/results/Output?f=json").json()["value"] == "hello"
    http.post(f"{url}__admin/reset").raise_for_status()


if __name__ == "__main__":
    main()
