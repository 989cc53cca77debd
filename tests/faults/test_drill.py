"""A drill: random parts die, freeze or are cut off under load, and then every promise is checked.

``DRILL`` is its length in seconds and ``DRILL_SEED`` what chance begins with; both are printed.
"""

import math
import os
import random
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from cluster import Cluster
from conftest import Server, start
from faults.conftest import FAULTS
from gpclient import Client, EsriError
from line import line
from postgis import postgresql, start_postgresql, stop_postgresql

from gpserver.job import MOVES, JobStatus

SECONDS = float(os.environ.get("DRILL", "15"))
SEED = int(os.environ.get("DRILL_SEED", "6"))
CLIENTS = 4
MARK = "DRILL_MARK"
LEASE = 4.0

AUDIT = {
    "one machine": """
CREATE TABLE audit (id TEXT, old TEXT, new TEXT, attempt INTEGER);
CREATE TRIGGER audited AFTER UPDATE OF status ON jobs WHEN old.status <> new.status
BEGIN INSERT INTO audit VALUES (new.id, old.status, new.status, new.attempt); END;
""",
    "machines": """
CREATE TABLE audit (id TEXT, old TEXT, new TEXT, attempt INTEGER);
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit VALUES (new.id, old.status, new.status, new.attempt); RETURN new; END $$;
CREATE TRIGGER audited AFTER UPDATE OF status ON jobs FOR EACH ROW
WHEN (old.status <> new.status) EXECUTE FUNCTION audited();
""",
}


@dataclass
class Field:
    """What the drill is about, whatever it is made of."""

    chance: random.Random
    folder: Path
    data: Path
    webs: list[Server]
    ask: Callable[[str], list[Any]]
    acts: list[Callable[[], None]]
    heal: Callable[[], None]
    done: Counter[str] = field(default_factory=Counter)


def descendants(process: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process).children(recursive=True)
    return []


def kill_some(chance: random.Random, processes: list[psutil.Process]) -> None:
    """A worker's child, or its zygote."""
    if processes:
        with suppress(psutil.NoSuchProcess):
            chance.choice(processes).kill()


def freeze(chance: random.Random, processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(chance.choice((0.2, 1.5 * LEASE)))
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()


@pytest.fixture(params=["one machine", "machines"])
def arena(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Field]:
    chance = random.Random(SEED)
    with ExitStack() as stack:
        make = one_machine if request.param == "one machine" else machines
        yield make(stack, tmp_path, chance, monkeypatch)
    mark = f"{MARK}={tmp_path}".encode()
    left = [
        process for process in psutil.process_iter() if process.pid != os.getpid() and marked(process, mark)
    ]
    assert not left, left


def marked(process: psutil.Process, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False


def one_machine(
    stack: ExitStack, folder: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> Field:
    monkeypatch.setenv(MARK, str(folder))
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]

    def launch() -> Server:
        return start(folder, FAULTS, "--slots", "2", "--port", str(port))

    webs = [launch()]
    stack.callback(lambda: webs[0].stop())
    store = webs[0].data / "jobs.sqlite"

    def ask(question: str) -> list[Any]:
        with closing(sqlite3.connect(store, timeout=60)) as connection:
            return connection.execute(question).fetchall()

    with closing(sqlite3.connect(store, timeout=60)) as connection:
        connection.executescript(AUDIT["one machine"])

    def restart() -> None:
        webs[0].kill()
        webs[0] = launch()

    def kill_child() -> None:
        kill_some(chance, descendants(webs[0].process.pid))

    def freeze_server() -> None:
        freeze(chance, webs[0].family())

    acts = [restart, kill_child, kill_child, freeze_server]
    return Field(chance, folder, webs[0].data, webs, ask, acts, lambda: None)


def machines(stack: ExitStack, folder: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> Field:
    try:
        place = stack.enter_context(postgresql("fsync=off"))
    except FileNotFoundError as error:
        pytest.skip(f"needs PostgreSQL, {error}")
    way = stack.enter_context(line(place))
    url = f"postgresql://postgres@/postgres?host={place}"
    far = f"postgresql://postgres@127.0.0.1:{way.port}/postgres"
    monkeypatch.setenv(MARK, str(folder))
    cluster = Cluster(folder, FAULTS, url, LEASE)
    stack.callback(cluster.stop)
    webs = [cluster.web(), cluster.web()]
    workers = [cluster.worker(2), cluster.worker(2, far)]

    def ask(question: str) -> list[Any]:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(question.encode()).fetchall()

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(AUDIT["machines"].encode())

    def lose_worker() -> None:
        number = chance.randrange(2)
        workers[number].kill()
        workers[number] = cluster.worker(2, far if number else "")

    def lose_web() -> None:
        number = chance.randrange(2)
        webs[number].kill()
        webs[number] = cluster.web()

    def restart_database() -> None:
        monkeypatch.delenv(MARK)
        stop_postgresql(place)
        time.sleep(chance.uniform(0, 1.5 * LEASE))
        start_postgresql(place, "fsync=off")
        monkeypatch.setenv(MARK, str(folder))

    def kill_child() -> None:
        kill_some(chance, descendants(chance.choice(workers).process.pid))

    def freeze_worker() -> None:
        freeze(chance, chance.choice(workers).family())

    def cut() -> None:
        way.cut()
        time.sleep(chance.choice((0.2, 1.5 * LEASE)))
        way.mend()

    acts = [lose_worker, lose_web, restart_database, cut, way.reset, kill_child, kill_child, freeze_worker]
    return Field(chance, folder, folder / "data", webs, ask, acts, way.mend)


def load(arena: Field, seed: int, over: threading.Event, sent: list[str]) -> None:
    """One client that submits, looks and cancels; a server that does not answer is asked again later."""
    chance = random.Random(seed)
    tally = str(arena.folder / "tally")
    while not over.is_set():
        web = chance.choice(arena.webs)
        client = Client(web.url)
        client.http.timeout = httpx.Timeout(5)
        try:
            match chance.randrange(10):
                case 0:
                    job = client.submit(f"Faults/{chance.choice(('Segfault', 'Leave', 'Abort'))}")
                case 1:
                    job = client.submit("Faults/WithChild", seconds=chance.uniform(0, 1))
                case 2:
                    job = client.submit("Limited/Nap", seconds=3)
                case _:
                    lines, pause = chance.choice(((0, 0), (5, 0.05), (300, 0.001), (20, 0.05)))
                    job = client.submit("Faults/Tally", folder=tally, lines=lines, pause=pause)
            sent.append(job.rpartition("/j")[2])
            time.sleep(chance.uniform(0, 0.3))
            client.get(job)
            if chance.random() < 0.25:
                client.get(f"{job}/cancel")
        except (httpx.HTTPError, EsriError, AssertionError):
            arena.done["refused"] += 1
            time.sleep(0.1)
        finally:
            client.http.close()


def calm(arena: Field) -> None:
    """Wait until nothing is left to do, for as long as it gets less: a long drill leaves a long queue."""
    deadline, least = time.monotonic() + 120, math.inf
    unfinished = "SELECT id, status, attempt FROM jobs WHERE status IN ('queued', 'running', 'cancelling')"
    while left := arena.ask(unfinished):
        if len(left) < least:
            deadline, least = time.monotonic() + 120, len(left)
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_a_drill(arena: Field, capsys: pytest.CaptureFixture[str]) -> None:
    (arena.folder / "tally").mkdir()
    over, sent = threading.Event(), list[str]()
    clients = [
        threading.Thread(target=load, args=(arena, SEED * 100 + n, over, sent)) for n in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    until = time.monotonic() + SECONDS
    try:
        while time.monotonic() < until:
            time.sleep(arena.chance.uniform(0, 1))
            act = arena.chance.choice(arena.acts)
            act()
            arena.done[act.__name__] += 1
    finally:
        over.set()
        arena.heal()
        for client in clients:
            client.join()
    calm(arena)
    check(arena, sent)
    with capsys.disabled():
        ends = dict(arena.ask("SELECT status, count(*) FROM jobs GROUP BY status"))
        print(f"\ndrill of {SECONDS:g} s, seed {SEED}: {ends}, {dict(arena.done)}")


def check(arena: Field, sent: list[str]) -> None:
    jobs = arena.ask("SELECT id, status, attempt, message_count, task FROM jobs")
    assert set(sent) <= {job[0] for job in jobs}  # whoever got an id has a job
    moves = arena.ask("SELECT id, old, new, attempt FROM audit")
    illegal = [move for move in moves if JobStatus(move[2]) not in MOVES[JobStatus(move[1])]]
    assert not illegal, illegal
    ends = Counter(move[0] for move in moves if JobStatus(move[2]).is_terminal)
    assert {job[0] for job in jobs} == set(ends)
    assert set(ends.values()) == {1}
    assert all(attempt <= 2 for _, _, attempt, _, _ in jobs)
    check_rows(arena)
    for job, status, attempt, _, task in jobs:
        if task == "Tally" and status == "succeeded":
            assert (arena.folder / "tally" / f"{job}-{attempt}").exists()
            check_messages(arena, job)
    folders = {path.name for path in (arena.data / "jobs").iterdir()}
    assert folders <= {job[0] for job in jobs}, "a folder that is nobody's"


def check_rows(arena: Field) -> None:
    counted = "SELECT job_id, count(*), max(n) + 1 FROM messages GROUP BY job_id"
    held = {job: (count, last) for job, count, last in arena.ask(counted)}
    for job, count in arena.ask("SELECT id, message_count FROM jobs"):
        assert held.get(job, (0, 0)) == ((count, count) if count else (0, 0)), job
    wrong = "SELECT job_id FROM results WHERE job_id NOT IN (SELECT id FROM jobs WHERE status = 'succeeded')"
    assert arena.ask(wrong) == []
    lacking = "SELECT id FROM jobs WHERE status = 'succeeded' AND id NOT IN (SELECT job_id FROM results)"
    assert arena.ask(lacking) == []


def check_messages(arena: Field, job: str) -> None:
    """Of the attempt that succeeded all lines are there, once and in order."""
    said = [text for (text,) in arena.ask(f"SELECT text FROM messages WHERE job_id = '{job}' ORDER BY n")]
    [(value,)] = arena.ask(f"SELECT value FROM results WHERE job_id = '{job}'")
    begun = max(n for n, text in enumerate(said) if text.startswith("begun"))
    assert said[begun + 1 :] == [f"line {n}" for n in range(int(value))], job
