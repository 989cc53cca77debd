"""Orders that do not run to their end: cancelled, over a limit, or cancelled at the very moment they end."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest
from sandbox.recorder import Recorder, alive, gone

from gpserver.sandbox import Ending

MakePool = Callable[..., Recorder]

# Code that listens to nothing, with the interpreter's lock held and without.
DEAF = ["hold_the_gil", "native_code", "sleep"]


@pytest.mark.parametrize("do", DEAF)
def test_cancel_kills_and_the_neighbour_goes_on(pool: Recorder, do: str) -> None:
    neighbour = pool.submit("sleep", seconds=0.5)
    job = pool.submit(do)
    pid = pool.pid(job)
    pool.sandbox.cancel(job)
    outcome = pool.outcome(job)
    assert (outcome.ending, outcome.reason) == (Ending.CANCELLED, "")
    assert not alive(pid)  # its death was seen, not just asked for
    assert pool.outcome(neighbour).ending == Ending.FINISHED


@pytest.mark.parametrize("do", DEAF)
def test_a_time_limit_kills(fast_pool: Recorder, do: str) -> None:
    job = fast_pool.submit(do, time_limit=0.5)
    pid = fast_pool.pid(job)
    outcome = fast_pool.outcome(job)
    assert (outcome.ending, outcome.reason) == (Ending.TIMED_OUT, "over the time limit of 0.5 s")
    assert not alive(pid)


def test_a_time_limit_ends_with_its_job(fast_pool: Recorder) -> None:
    assert fast_pool.result("answer", time_limit=0.5).ending == Ending.FINISHED
    assert fast_pool.result("sleep", seconds=0.6).ending == Ending.FINISHED


@pytest.mark.parametrize("way", ["child", "daemon"])
def test_processes_of_a_job_die_with_it(pool: Recorder, way: str) -> None:
    job = pool.submit("with_process", wait=300, way=way)
    below = pool.pid(job)
    pool.sandbox.cancel(job)
    assert pool.outcome(job).ending == Ending.CANCELLED
    assert gone(below)


def test_processes_of_a_job_that_is_killed_from_outside_die(fast_pool: Recorder) -> None:
    job = fast_pool.submit("with_process", wait=300, way="daemon")
    below = fast_pool.pid(job)
    os.kill(fast_pool.sandbox.pid_of(job), signal.SIGKILL)
    assert fast_pool.outcome(job).ending == Ending.CRASHED
    assert gone(below)


def test_cancel_twice_is_one_cancel_and_later_none(fast_pool: Recorder) -> None:
    job = fast_pool.submit("sleep")
    fast_pool.sandbox.cancel(job)
    fast_pool.sandbox.cancel(job)
    assert fast_pool.outcome(job).ending == Ending.CANCELLED
    fast_pool.sandbox.cancel(job)
    fast_pool.sandbox.cancel("no such job")
    assert fast_pool.result("answer").ending == Ending.FINISHED
    assert len(fast_pool.outcomes[job]) == 1


def test_a_job_can_be_cancelled_while_it_waits_for_a_warm_child(new_pool: MakePool) -> None:
    pool = new_pool()
    job = pool.submit("sleep")
    pool.sandbox.cancel(job)
    assert pool.outcome(job).ending == Ending.CANCELLED
    assert pool.result("answer").ending == Ending.FINISHED


def test_a_cooperative_task_ends_by_itself(pool: Recorder) -> None:
    job = pool.submit("cooperate", cancel_grace=60)
    pool.pid(job)
    pool.sandbox.cancel(job)
    assert pool.outcome(job).ending == Ending.CANCELLED
    assert pool.events(job)[-1] == ["stopped by itself"]


def test_a_task_that_only_claims_to_cooperate_is_killed(fast_pool: Recorder) -> None:
    job = fast_pool.submit("hold_the_gil", cancel_grace=0.2, time_limit=60)
    pid = fast_pool.pid(job)
    fast_pool.sandbox.cancel(job)
    assert fast_pool.outcome(job).ending == Ending.CANCELLED
    assert not alive(pid)


def test_racing_cancels_hit_their_job_or_nobody(pool: Recorder) -> None:
    chance = random.Random(7)
    victims, neighbours = [], []
    count = 200 if pool.method == "fork" else 3  # a spawned child takes its time to import
    for _ in range(count):
        pool.wait(lambda: pool.sandbox.free() == 2)
        victims.append(pool.submit("sleep", seconds=0.002 * chance.random()))
        neighbours.append(pool.submit("answer", value=len(neighbours)))
        time.sleep(0.003 * chance.random())
        pool.sandbox.cancel(victims[-1])
        pool.outcome(victims[-1])
        pool.outcome(neighbours[-1])
    assert [pool.outcome(job).value["value"] for job in neighbours] == list(range(count))
    assert {pool.outcome(job).ending for job in victims} <= {Ending.FINISHED, Ending.CANCELLED}
    assert all(len(pool.outcomes[job]) == 1 for job in victims + neighbours)


def test_a_cancel_that_meets_a_crash_is_one_outcome(fast_pool: Recorder) -> None:
    chance = random.Random(7)
    jobs = []
    for _ in range(50):
        jobs.append(fast_pool.submit("os_exit", cancel_grace=60))
        time.sleep(0.004 * chance.random())
        fast_pool.sandbox.cancel(jobs[-1])
        fast_pool.outcome(jobs[-1])
    assert {fast_pool.outcome(job).ending for job in jobs} <= {Ending.CRASHED, Ending.CANCELLED}
    assert all(len(fast_pool.outcomes[job]) == 1 for job in jobs)


def test_the_memory_limit_stops_numpy(pool: Recorder) -> None:
    outcome = pool.result("hog", megabytes=2000, memory_limit=200 << 20)
    assert (outcome.ending, outcome.reason) == (Ending.OUT_OF_MEMORY, "over the memory limit of 200 MB")
    assert "MemoryError" in outcome.detail


def test_the_memory_limit_stops_geos(fast_pool: Recorder) -> None:
    outcome = fast_pool.result("geos_hog", memory_limit=300 << 20)
    assert (outcome.ending, outcome.reason) == (Ending.OUT_OF_MEMORY, "over the memory limit of 300 MB")


def test_the_supervisor_watches_what_the_system_does_not_limit(fast_pool: Recorder) -> None:
    outcome = fast_pool.result("hog", megabytes=2000, unbound=True, memory_limit=200 << 20)
    assert (outcome.ending, outcome.reason) == (Ending.OUT_OF_MEMORY, "over the memory limit of 200 MB")
    assert not outcome.detail


def test_a_memory_limit_is_what_the_job_adds_and_ends_with_it(fast_pool: Recorder) -> None:
    assert fast_pool.result("hog", megabytes=100, memory_limit=200 << 20).ending == Ending.FINISHED
    assert fast_pool.result("hog", megabytes=400).ending == Ending.FINISHED
