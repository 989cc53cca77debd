"""Orders that run to their end: values, events, failures, and what is left for the next order."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sandbox.recorder import PATIENCE, Recorder, gone

from gpserver.sandbox import Ending, Outcome

MakePool = Callable[..., Recorder]


def test_the_value_of_the_entry_function_comes_back(pool: Recorder) -> None:
    outcome = pool.result("answer", value=[1, "ä", None])
    assert (outcome.ending, outcome.reason, outcome.detail) == (Ending.FINISHED, "", "")
    assert outcome.value["value"] == [1, "ä", None]
    assert outcome.value["pid"] != os.getpid()


def test_children_are_used_again(fast_pool: Recorder) -> None:
    pids = [fast_pool.result("answer").value["pid"] for _ in range(8)]
    assert len(set(pids)) <= 2


def test_events_come_in_order_and_before_the_end(pool: Recorder) -> None:
    job = pool.submit("events", count=3000)
    assert pool.outcome(job).ending == Ending.FINISHED
    assert pool.events(job) == [["number", number] for number in range(3000)]
    assert all(0 < len(batch) <= 200 for batch in pool.batches[job])


def test_an_event_does_not_wait_for_the_end(fast_pool: Recorder) -> None:
    job = fast_pool.submit("sleep")
    fast_pool.pid(job)
    fast_pool.sandbox.cancel(job)
    assert fast_pool.outcome(job).ending == Ending.CANCELLED


def test_lines_that_python_code_prints_are_events(fast_pool: Recorder) -> None:
    job = fast_pool.submit("speak")
    fast_pool.outcome(job)
    assert fast_pool.events(job)[0] == ["first"]
    lines = [line for kind, *line in fast_pool.events(job)[1:] if kind == "output"]
    assert lines == [["printed"], ["30 %"], ["no text: ?"], ["unfinished"]]


def test_an_exception_is_a_failure_with_its_traceback(pool: Recorder) -> None:
    outcome = pool.result("raises")
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "ValueError: no roads here")
    assert "entries.py" in outcome.detail


def test_sys_exit_is_a_failure(fast_pool: Recorder) -> None:
    outcome = fast_pool.result("sys_exit")
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "the task called sys.exit(3)")


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("os_exit", "the process ended with exit code 3"),
        ("segfault", "the process was killed by SIGSEGV (Segmentation fault) in string_at, line "),
        ("abort", "the process was killed by SIGABRT (Aborted) in abort, line "),
    ],
)
def test_a_crash_says_why_and_where(pool: Recorder, do: str, reason: str) -> None:
    outcome = pool.result(do)
    assert outcome.ending == Ending.CRASHED
    assert outcome.reason.startswith(reason)
    assert ("most recent call first" in outcome.detail) == ("line" in reason)
    assert pool.result("answer").ending == Ending.FINISHED


def test_last_words_are_heard(fast_pool: Recorder) -> None:
    job = fast_pool.submit("os_exit")
    fast_pool.outcome(job)
    assert fast_pool.events(job) == [["last words"]]


def test_a_child_killed_from_outside_is_a_crash(fast_pool: Recorder) -> None:
    job = fast_pool.submit("sleep")
    os.kill(fast_pool.pid(job), signal.SIGKILL)
    outcome = fast_pool.outcome(job)
    assert (outcome.ending, outcome.reason) == (Ending.CRASHED, "the process was killed by SIGKILL (Killed)")


def test_a_child_killed_while_it_speaks_harms_nobody(fast_pool: Recorder) -> None:
    heard, go_on = threading.Event(), threading.Event()

    def hold_up(_: object) -> None:
        heard.set()
        go_on.wait(PATIENCE)

    fast_pool.then = hold_up
    job = fast_pool.submit("say_much", megabytes=30, pause=0.3)  # by then the first event was passed on
    assert heard.wait(PATIENCE)
    time.sleep(1)  # nobody reads on now, so the large event gets stuck in the middle
    os.kill(fast_pool.pid(job), signal.SIGKILL)
    go_on.set()
    assert fast_pool.outcome(job).ending == Ending.CRASHED
    assert [kind for kind, *_ in fast_pool.events(job)] == ["pid"]
    assert fast_pool.result("answer").ending == Ending.FINISHED


@pytest.mark.parametrize("way", ["child", "daemon"])
def test_processes_that_a_job_leaves_behind_die(pool: Recorder, way: str) -> None:
    job = pool.submit("with_process", wait=0, way=way)
    left = pool.pid(job)
    outcome = pool.outcome(job)
    assert outcome.ending == Ending.FINISHED
    assert gone(left)
    assert outcome.value["pid"] not in [pool.result("answer").value["pid"] for _ in range(4)]


def test_threads_that_a_job_leaves_behind_are_not_heard(fast_pool: Recorder) -> None:
    job = fast_pool.submit("late_thread")
    pid = fast_pool.outcome(job).value["pid"]
    assert pid not in [fast_pool.result("answer").value["pid"] for _ in range(4)]
    assert fast_pool.events(job) == []


def test_large_payloads_values_and_events_pass(fast_pool: Recorder) -> None:
    text = "x" * (20 << 20)
    assert fast_pool.result("answer", value=text).value["value"] == text
    job = fast_pool.submit("say_much", megabytes=20)
    assert fast_pool.outcome(job).ending == Ending.FINISHED
    assert fast_pool.events(job)[-1] == ["much", text]


def test_what_is_too_large_fails_its_job(fast_pool: Recorder) -> None:
    payload = fast_pool.result("answer", value="x" * (65 << 20))
    assert (payload.ending, payload.value) == (Ending.FAILED, {})
    assert payload.reason == "the job cannot be handed over: 65 MB in one piece is over the limit of 64 MB"
    event = fast_pool.result("say_much", megabytes=65)
    assert event.reason == "TooLarge: 65 MB in one piece is over the limit of 64 MB"
    returned = fast_pool.result("returns_much", megabytes=65)
    assert returned.reason == "the result cannot be sent: 65 MB in one piece is over the limit of 64 MB"


def test_a_result_that_is_no_json_fails_its_job(fast_pool: Recorder) -> None:
    outcome = fast_pool.result("returns_a_set")
    assert outcome.ending == Ending.FAILED
    assert outcome.reason.startswith("the result cannot be sent: ")


def test_a_child_that_does_not_read_holds_up_nobody(fast_pool: Recorder) -> None:
    fast_pool.wait(lambda: len(fast_pool.sandbox.slot_pids()) == 2)
    stopped = psutil.Process(fast_pool.sandbox.slot_pids()[0])
    stopped.suspend()
    jobs = [fast_pool.submit("answer", value="x" * (10 << 20)) for _ in range(2)]
    fast_pool.wait(lambda: set(jobs) & set(fast_pool.outcomes))
    (stuck,) = [job for job in jobs if job not in fast_pool.outcomes]
    assert fast_pool.sandbox.pid_of(stuck) == stopped.pid
    fast_pool.sandbox.cancel(stuck)
    assert fast_pool.outcome(stuck).ending == Ending.CANCELLED


def test_run_refuses_what_it_cannot_take(fast_pool: Recorder) -> None:
    jobs = [fast_pool.submit("sleep")]
    assert fast_pool.sandbox.free() == 1
    with pytest.raises(RuntimeError, match="here already"):
        fast_pool.submit("answer", job_id=jobs[0])
    jobs.append(fast_pool.submit("sleep"))
    assert fast_pool.sandbox.free() == 0
    with pytest.raises(RuntimeError, match="no slot is free"):
        fast_pool.submit("answer")
    for job in jobs:
        fast_pool.sandbox.cancel(job)
        assert fast_pool.outcome(job).ending == Ending.CANCELLED


def test_callbacks_that_raise_harm_nobody(fast_pool: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise LookupError("a bug of the caller")

    fast_pool.then = fail
    for _ in range(3):
        assert fast_pool.result("events", count=1).ending == Ending.FINISHED
    assert "a bug of the caller" in caplog.text


def test_the_next_order_may_come_from_the_end_of_the_last(fast_pool: Recorder) -> None:
    numbers = iter(range(20))

    def go_on(news: object) -> None:
        for number in itertools.islice(numbers, isinstance(news, Outcome)):
            fast_pool.submit("os_exit" if number % 2 else "answer", job_id=f"chain-{number}")

    fast_pool.then = go_on
    fast_pool.result("answer")
    assert fast_pool.outcome("chain-19").ending == Ending.CRASHED


def test_a_slot_tells_when_it_is_free(fast_pool: Recorder) -> None:
    fast_pool.free_again.clear()
    fast_pool.result("answer")
    fast_pool.wait(lambda: fast_pool.free_again)
    assert fast_pool.free_again == [2]


def test_what_cannot_be_imported_fails_its_jobs_only(new_pool: MakePool, method: str, tmp_path: Path) -> None:
    pool = new_pool(
        start_method=method, entry="no_such_module:run", preload=["sandbox.exits"], child_log=tmp_path / "log"
    )
    outcome = pool.result("answer")
    assert outcome.ending == Ending.FAILED
    assert outcome.reason == "ModuleNotFoundError: No module named 'no_such_module'"
    log = (tmp_path / "log").read_text()
    assert "a module that leaves at import" in log
    assert "no_such_module" in log


def test_children_are_replaced_after_some_orders(new_pool: MakePool, tmp_path: Path) -> None:
    pool = new_pool(slots=1, recycle_after=3, child_log=tmp_path / "log")
    pids = [pool.result("answer").value["pid"] for _ in range(5)]
    assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3]
    pool.result("speak")
    assert (tmp_path / "log").read_text() == "from native code\n"


def test_a_child_that_keeps_much_memory_is_replaced(fast_pool: Recorder) -> None:
    pid = fast_pool.result("leak", megabytes=500).value["pid"]
    assert pid not in [fast_pool.result("answer").value["pid"] for _ in range(4)]
