"""A cluster on one machine: PostgreSQL, web nodes and workers, each a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from conftest import Server, start

_WRONG_CLOCK = "import time; right = time.time; time.time = lambda: right() + {}; import gpserver.__main__"
LEASE = 1.5  # seconds; a machine that is silent for longer has lost its jobs


@dataclass
class Worker:
    """A `gpserver worker` process in a group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def family(self) -> list[psutil.Process]:
        """Its process and all below it: the whole machine."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def freeze(self) -> None:
        """Stop the clock of the whole machine from its head down: who is stopped starts nobody."""
        ahead = [psutil.Process(self.process.pid)]
        for process in ahead:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                ahead += process.children()

    def thaw(self) -> None:
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def kill(self) -> None:
        """kill -9, and nobody to say good-bye."""
        self.signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """Machines that share a database and a folder."""

    folder: Path
    services: Path
    database: str
    lease: float = LEASE
    apart: bool = False
    """Whether each machine has a data folder of its own."""
    settings: str = ""
    """The end of every machine's gpserver.toml."""
    webs: list[Server] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    def web(self) -> Server:
        """Start one more web node."""
        home = self.folder / f"web{len(self.webs)}"
        home.mkdir()
        self._set(home)
        self.webs.append(start(home, self.services, data=self._data(home)))
        return self.webs[-1]

    def worker(self, slots: int = 2, database: str = "", clock: float = 0.0) -> Worker:
        """Start one more machine that runs jobs.

        Args:
            slots: Jobs that run at once.
            database: Its own way to the database.
            clock: Seconds by which its clock is wrong.
        """
        home = self.folder / f"worker{len(self.workers)}"
        home.mkdir()
        self._set(home, database)
        log = home / "worker.log"
        program = ["-c", _WRONG_CLOCK.format(clock)] if clock else ["-m", "gpserver"]
        command = [sys.executable, *program, "worker", "--slots", str(slots)]
        command += ["--services", str(self.services), "--data", str(self._data(home))]
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=home, start_new_session=True
            )
        deadline = time.monotonic() + 180
        while b"worker is ready" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    def _data(self, home: Path) -> Path:
        return (home if self.apart else self.folder) / "data"

    def _set(self, home: Path, database: str = "") -> None:
        text = f'store = "{database or self.database}"\nlease = {self.lease}\n{self.settings}'
        (home / "gpserver.toml").write_text(text)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.thaw()
                worker.process.send_signal(signal.SIGTERM)
                worker.process.wait(30)
        for web in self.webs:
            web.stop()


@contextmanager
def machines(connection: psycopg.Connection, folder: Path, services: Path) -> Iterator[Cluster]:
    """A cluster without machines over a database of its own.

    Args:
        connection: A database of the same server.
        folder: Where all of it lies.
        services: What every machine publishes.
    """
    name = f"jobs_{os.urandom(4).hex()}"
    connection.execute(f"CREATE DATABASE {name}")
    url = f"postgresql:///{name}?host={connection.info.host}&user={connection.info.user}"
    cluster = Cluster(folder, services, url)
    try:
        yield cluster
    finally:
        cluster.stop()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
