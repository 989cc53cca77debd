"""The engine: durable jobs, their way from submit to start, and polls, on one machine and on several."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from tests.benchmarks.load import Jobs, Line, answers
from tests.benchmarks.setups import SetUp, bare_route, one_machine, several_machines

SERVICES = Path(__file__).parent / "services"
TASK = "/arcgis/rest/services/Empty/GPServer/Nothing"
CLIENTS, POLLERS = 8, 32

# What servers of the same purpose did on such a machine (2 cores, others busy on them), each set up as its
# documents advise for production: jobs a second of 8 clients, CPU ms a job, polls a second of 32 connections
# with a fresh store and 500 jobs later, CPU us a poll, MB of an idle server.
PEERS = """\
measured once                                  jobs/s  ms/job  polls/s  later  us/poll  idle MB
pygeoapi 0.21, gunicorn -k gevent, TinyDB          21      22      236    124     3300      298
pygeoapi 0.21, gunicorn -k gthread, TinyDB         21      27      700    365     1400      165
pygeoapi 0.21, gunicorn -k gevent, PostgreSQL      35      18       65     76     5400      410
PyWPS 4.8, gunicorn, SQLite                         6     209      351    415     1970      259
PyWPS 4.8, gunicorn, PostgreSQL                     5     167      711    741     1307      262"""


def main() -> None:
    setups: dict[str, partial[AbstractContextManager[SetUp]]] = {
        "one machine": partial(one_machine, SERVICES),
        "1 worker host": partial(several_machines, SERVICES, 1),
        "2 worker hosts": partial(several_machines, SERVICES, 2),
    }
    print(PEERS)
    for name, make in setups.items():
        print(f"\n{name}")
        with make() as setup:
            memory(setup)
            starts(setup)
            jobs(setup)
            polls(setup)
            fill(setup, 10_000)
            polls(setup)


def memory(setup: SetUp) -> None:
    for part in setup.parts:
        print(f"  idle {part:10s} {setup.memory(part):6.0f} MB")


def starts(setup: SetUp, count: int = 100) -> None:
    """From before the request to the first line of the task, one job after another."""

    async def run() -> list[float]:
        line, task = await Line.to(setup.server.url), Jobs(setup.server.url + TASK)
        for _ in range(20):
            await task.run(line, 0.005)
        times = []
        for _ in range(count):
            asked = time.time()
            _, job = await task.run(line, 0.005)
            times.append(await task.value(line, job["jobId"], "Output") - asked)
        return times

    times = sorted(1000 * each for each in uvloop.run(run()))
    print(f"  submit to start   p50 {times[count // 2]:.1f} ms   p95 {times[count * 95 // 100]:.1f} ms")


def jobs(setup: SetUp, count: int = 2000) -> None:
    """Jobs that clients submit as fast as they can, until the last has succeeded."""

    async def client(task: Jobs) -> None:
        line = await Line.to(setup.server.url)
        for job_id in [await task.submit(line) for _ in range(count // CLIENTS)]:
            await task.end(line, job_id, 0.05)
        line.writer.close()

    async def all_clients() -> None:
        await asyncio.gather(*[client(Jobs(setup.server.url + TASK)) for _ in range(CLIENTS)])

    began = time.perf_counter()
    cpu, _ = setup.cpu_during(lambda: uvloop.run(all_clients()))
    seconds = time.perf_counter() - began
    print(f"  durable jobs      {count / seconds:.0f} a second   CPU a job: {_shares(cpu, count, 1e3, 'ms')}")


def _shares(cpu: Mapping[str, float], count: int, scale: float, unit: str) -> str:
    total = sum(cpu.values())
    parts = ", ".join(f"{part} {scale * spent / count:.2f}" for part, spent in cpu.items())
    return f"{scale * total / count:.2f} {unit}" + (f" ({parts})" if len(cpu) > 1 else "")


def polls(setup: SetUp, seconds: float = 3, rounds: int = 3) -> None:
    """Polls of one finished job, beside a bare route that answers with the same bytes."""

    async def one() -> str:
        line, task = await Line.to(setup.server.url), Jobs(setup.server.url + TASK)
        return str((await task.run(line, 0.01))[1]["jobId"])

    url = f"{setup.server.url}{TASK}/jobs/{uvloop.run(one())}?f=json"
    body = setup.server.client.http.get(url).content
    rates, costs, floors = [], [], []
    with tempfile.TemporaryDirectory() as folder, bare_route(body, Path(folder)) as (floor, process):
        for _ in range(rounds):
            cpu, count = setup.cpu_during(lambda: answers(url, POLLERS, seconds))
            rates.append(count / seconds)
            costs.append(1e6 * sum(cpu.values()) / count)
            before = sum(process.cpu_times()[:2])
            floors.append((answers(floor, POLLERS, seconds), sum(process.cpu_times()[:2]) - before))
    floor_rate = statistics.median(count / seconds for count, _ in floors)
    floor_cost = statistics.median(1e6 * spent / count for count, spent in floors)
    print(
        f"  polls, {stored(setup):6d} jobs     {statistics.median(rates):.0f} a second, CPU"
        f" {statistics.median(costs):.0f} us   bare route {floor_rate:.0f} a second, {floor_cost:.0f} us"
    )


def _connect(setup: SetUp) -> Any:
    return psycopg.connect(setup.database) if setup.database else sqlite3.connect(setup.data / "jobs.sqlite")


def stored(setup: SetUp) -> int:
    with closing(_connect(setup)) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])


def fill(setup: SetUp, count: int) -> None:
    """So many jobs more, each like one that has succeeded."""
    with closing(_connect(setup)) as connection:
        [model] = connection.execute("SELECT id FROM jobs WHERE status = 'succeeded' LIMIT 1").fetchone()
        for table, key in (("jobs", "id"), ("results", "job_id"), ("inputs", "job_id")):
            cursor = connection.execute(f"SELECT * FROM {table} WHERE {key} = '{model}'")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            for row in rows:
                row.pop("seq", None)
            copies = [tuple((row | {key: f"{n:032x}"}).values()) for n in range(count) for row in rows]
            _insert(connection, table, [name for name in names if name != "seq"], copies)
        connection.commit()


def _insert(connection: Any, table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    mark = "?" if isinstance(connection, sqlite3.Connection) else "%s"
    marks = ", ".join([mark] * len(names))
    connection.cursor().executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


if __name__ == "__main__":
    main()
