"""Servers for tests: real processes on free ports of the loopback, and nothing left of them afterwards."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from gpclient import Client
from hypothesis import settings
from objectstore import bucket, s3
from postgis import postgis, postgis_url

# The same examples in every run; `--hypothesis-profile=search` looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=5000, deadline=None)
settings.load_profile("same")

# Servers that are stopped give running jobs no time, but in the tests of that.
os.environ.setdefault("GPSERVER_DRAIN", "0")

__all__ = ["bucket", "postgis", "postgis_url", "s3"]  # fixtures of everybody's

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(r"gpserver is ready: (\S+)/arcgis/rest/services")


@dataclass
class Server:
    """A gpserver process, its site's URL, and a client for it."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path
    log: Path
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.url)

    @property
    def rest(self) -> str:
        return f"{self.url}/arcgis/rest"

    def family(self) -> list[psutil.Process]:
        """The server's process and all below it."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def stacks(self) -> str:
        """The end of its log, with the place where each of its threads is now."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR1)
            time.sleep(0.3)
        return self.log.read_text()[-20_000:]

    def kill(self) -> list[psutil.Process]:
        """kill -9 the server alone; returns the processes that were below it."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        return family[1:]

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        self.client.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


_started: list[Server] = []


def start(folder: Path, services: Path, *options: str, data: Path | None = None) -> Server:
    """Start a server and wait until it answers."""
    data, log = data or folder / "data", folder / "server.log"
    command = [sys.executable, "-m", "gpserver", "serve", "--port", "0", *options]
    command += ["--services", str(services), "--data", str(data)]
    with log.open("ab") as output:
        start_of_log = output.tell()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    # Seconds of CPU are far fewer; on two cores at load 10 a start was seen to wait half a minute for them.
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        if match := READY.search(log.read_bytes()[start_of_log:].decode()):
            server = Server(process, match[1], data, log)
            _started.append(server)
            return server
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


@contextmanager
def publishing(folder: Path, services: Mapping[str, str], settings: str = "") -> Iterator[Server]:
    """A server over files of a test's own, by their place in the services folder; it ends well.

    Args:
        folder: Where all of it lies.
        services: The text of each file.
        settings: The text of gpserver.toml.
    """
    for name, text in services.items():
        path = folder / "services" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "gpserver.toml").write_text(settings)
    server = start(folder, folder / "services")
    yield server
    assert server.stop() == 0, server.log.read_text()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with the services that ship, for tests that leave it as it was."""
    server = start(tmp_path_factory.mktemp("server"), ROOT / "services")
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="session")
def client(server: Server) -> Client:
    """A client of the session's server."""
    return server.client


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers of a test's own: ``start_server(services, *options, data=None)``."""
    servers: list[Server] = []

    def start_one(services: Path, *options: str, data: Path | None = None) -> Server:
        servers.append(start(tmp_path, services, *options, data=data))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


def refuse_skip(report: Any) -> None:
    """Where every component was installed, what is skipped has failed."""
    if os.environ.get("FAIL_ON_SKIP") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although everything is installed: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """A module that skips itself is told like a test that does."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """A failed test shows what its servers were doing."""
    report = yield
    refuse_skip(report)
    if report.failed:
        report.sections += [(f"server {s.url}", s.stacks()) for s in _started if s.process.poll() is None]
    return report
