"""Servers to be measured, with all of their processes: what they cost, and the least that an answer costs."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from cluster import machines
from conftest import Server, start
from postgis import postgresql


@contextmanager
def running(services: Path, *options: str, data: Path | None = None) -> Iterator[Server]:
    """A server of its own folder."""
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder), services, *options, data=data)
        try:
            yield server
        finally:
            server.stop()


@dataclass(frozen=True)
class SetUp:
    """Processes that serve together: the server to ask, and of each part its first process."""

    server: Server
    parts: Mapping[str, list[int]]
    data: Path
    database: str = ""

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each part so far, those included whose processes have been replaced."""
        return {part: sum(map(_cpu, self._family(part))) for part in self.parts}

    def cpu_during(self, run: Callable[[], Any]) -> tuple[dict[str, float], Any]:
        """CPU seconds of each part, and what came out."""
        before = self.cpu()
        result = run()
        after = self.cpu()
        return {part: after[part] - before[part] for part in self.parts}, result

    def memory(self, part: str) -> float:
        """MB of proportional set size."""
        return sum(map(_memory, self._family(part))) / 1e6

    def _family(self, part: str) -> list[psutil.Process]:
        parents = [psutil.Process(pid) for pid in self.parts[part]]
        return [process for parent in parents for process in (parent, *parent.children(recursive=True))]


@contextmanager
def one_machine(services: Path, data: Path | None = None) -> Iterator[SetUp]:
    """A server that runs its jobs itself."""
    with running(services, data=data) as server:
        yield SetUp(server, {"server": [server.process.pid]}, server.data)


@contextmanager
def several_machines(services: Path, workers: int) -> Iterator[SetUp]:
    """A web node and some workers over a PostgreSQL that keeps what it commits; all on this machine."""
    with ExitStack() as stack:
        place = stack.enter_context(postgresql())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        connection = psycopg.connect(host=place, user="postgres", dbname="postgres", autocommit=True)
        cluster = stack.enter_context(machines(stack.enter_context(connection), folder, services))
        server = cluster.web()
        hosts = [cluster.worker().process.pid for _ in range(workers)]
        postmaster = int(Path(place, "data", "postmaster.pid").read_text().split()[0])
        parts = {"web": [server.process.pid], "workers": hosts, "database": [postmaster]}
        yield SetUp(server, parts, cluster.folder / "data", cluster.database)


def _cpu(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:  # counted by its parent now
        return 0.0


def _memory(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.NoSuchProcess:  # it has ended since it was found
        return 0.0


_BARE = """
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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "body.json").write_bytes(body)
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(folder / "body.json"), str(port)])
    while not any(c.status == psutil.CONN_LISTEN for c in psutil.Process(process.pid).net_connections()):
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/job", psutil.Process(process.pid)
    process.terminate()
    process.wait()
