"""One server for all that is hostile, and what must be true of it afterwards."""

import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import ROOT, Server, start
from gpclient import points

from gpserver.security import hash_password

# What may lie in the data folder: a job's own folder is its worker's, everything else is known by name.
OURS = re.compile(
    r"jobs/[0-9a-f]{32}(/.*)?|jobs\.sqlite(-wal|-shm)?|engine\.lock|token\.key"
    r"|pictures/[0-9a-f]{32}\.\w+|uploads/i[0-9a-f-]+(/.*)?|(jobs|incoming|pictures|questions|uploads)"
    r"|answers|layers(/[0-9a-f]{32}(/.*)?|/(catalogue|resources)\.sqlite(-wal|-shm)?|/files|/rasters)?"
    r"|layers/files/[0-9a-f]{32}(\.[a-z0-9]+)?|schedules\.sqlite(-wal|-shm)?|tiles(/[0-9a-f]{32}\.\w+)?"
)


class Canary:
    """A server on the loopback that nobody must ever talk to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.calls += 1
            line.close()


class Target:
    """The server under attack, with a job of each kind to point at.

    Attributes:
        outside: Every file that is none of the server's own, and what was in it.
        jobs: Id of a job of each task.
    """

    def __init__(self, server: Server, canary: Canary, outside: dict[str, bytes]) -> None:
        self.server, self.canary, self.outside = server, canary, outside
        self.jobs: dict[str, str] = {}

    @property
    def folder(self) -> Path:
        return self.server.log.parent

    def strangers(self) -> list[str]:
        """Files in the data folder that have no business there."""
        data = self.server.data
        paths = [path.relative_to(data).as_posix() for path in data.rglob("*")]
        return [path for path in paths if not OURS.fullmatch(path)]


def content(folder: Path, without: Path) -> dict[str, bytes]:
    """The files of a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(without)]
    return {str(path): path.read_bytes() for path in files if path.suffix not in (".log", ".pyc")}


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile")
    services = folder / "services"
    shutil.copytree(ROOT / "services", services, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tmp").mkdir()
    # With a user there are tokens and sign-in pages; without rules of access everybody may use everything.
    user = f'[users.anna]\npassword = "{hash_password("secret")}"\n'
    (folder / "gpserver.toml").write_text(f"max_body = {4 << 20}\nexecute_wait = 30\n{user}")
    with closing((canary := Canary()).listener):
        with pytest.MonkeyPatch.context() as patch:  # for this server alone
            patch.setenv("TMPDIR", str(folder / "tmp"))
            patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
            server = start(folder, services, "--slots", str(max(2, os.cpu_count() or 2)))
        target = Target(server, canary, content(folder, server.data))
        for task, values in {
            "Buffer/BufferPoints": {"Input_Features": json.dumps(points(20))},
            "Tools/FileTask": {"Text": "text"},
        }.items():
            job = server.client.submit(task, **values)
            server.client.wait(job)
            target.jobs[task] = job.rpartition("/")[2]
        yield target
        assert server.stop() == 0, server.log.read_text()


@pytest.fixture(autouse=True)
def unhurt(target: Target) -> Iterator[None]:
    """After every test the server answers, nothing failed inside it, nothing outside was written or asked."""
    before = len(target.server.log.read_text())
    yield
    assert target.server.process.poll() is None
    assert target.server.client.get("")["services"]
    said = target.server.log.read_text()[before:]
    assert "failed inside the server" not in said, said[:5000]
    assert "Exception in ASGI" not in said, said[:5000]
    assert target.strangers() == []
    assert not list((target.server.data / "incoming").iterdir())
    assert content(target.folder, target.server.data) == target.outside
    assert target.canary.calls == 0
