"""Orders that run to their end: values, events, failures, and what is left for the next order."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sandbox.recorder import Recorder, gone

from gpserver.sandbox import Ending, Outcome

MakePool = Callable[..., Recorder]


def test_the_value_of_the_entry_function_comes_back(pool: Recorder) -> None:
    outcome = pool.result("answer", value=[1, "ä", None])
    assert (outcome.ending, outcome.reason, outcome.detail) == (Ending.FINISHED, "", "")
    assert outcome.value["value"] == [1, "ä", None]
    assert outcome.value["pid"] != os.getpid()


def test_children_are_used_again(pool: Recorder) -> None:
    pids = [pool.result("answer").value["pid"] for _ in range(8)]
    assert len(set(pids)) <= 2


def test_events_come_in_order_and_before_the_end(pool: Recorder) -> None:
    job = pool.submit("events", count=3000)
    assert pool.outcome(job).ending == Ending.FINISHED
    assert pool.events(job) == [["number", number] for number in range(3000)]
    assert all(0 < len(batch) <= 200 for batch in pool.batches[job])


def test_an_event_does_not_wait_for_the_end(pool: Recorder) -> None:
    job = pool.submit("sleep")
    pool.pid(job)
    pool.sandbox.cancel(job)
    assert pool.outcome(job).ending == Ending.CANCELLED


def test_lines_that_python_code_prints_are_events(pool: Recorder) -> None:
    job = pool.submit("speak")
    pool.outcome(job)
    assert pool.events(job) == [
        ["first"],
        ["output", "printed"],
        ["output", "30 %"],
        ["output", "unfinished"],
    ]


def test_an_exception_is_a_failure_with_its_traceback(pool: Recorder) -> None:
    outcome = pool.result("raises")
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "ValueError: no roads here")
    assert "entries.py" in outcome.detail


def test_sys_exit_is_a_failure(pool: Recorder) -> None:
    outcome = pool.result("sys_exit")
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


def test_last_words_are_heard(pool: Recorder) -> None:
    job = pool.submit("os_exit")
    pool.outcome(job)
    assert pool.events(job) == [["last words"]]


def test_a_child_killed_from_outside_is_a_crash(pool: Recorder) -> None:
    job = pool.submit("sleep")
    pool.pid(job).kill()
    outcome = pool.outcome(job)
    assert (outcome.ending, outcome.reason) == (Ending.CRASHED, "the process was killed by SIGKILL (Killed)")


def test_a_child_killed_while_it_speaks_harms_nobody(new_pool: MakePool) -> None:
    heard, go_on = threading.Event(), threading.Event()

    def listen(job_id: str, events: list[list[object]]) -> None:
        pool.on_events(job_id, events)
        heard.set()
        go_on.wait()

    pool = new_pool(on_events=listen)
    job = pool.submit("say_much", megabytes=30)
    heard.wait()  # nobody reads on now, so the large event is stuck in the middle
    child = pool.pid(job)
    child.kill()
    go_on.set()
    assert pool.outcome(job).ending == Ending.CRASHED
    assert [kind for kind, *_ in pool.events(job)] == ["pid"]
    assert pool.result("answer").ending == Ending.FINISHED


@pytest.mark.parametrize("way", ["child", "session", "daemon"])
def test_processes_that_a_job_leaves_behind_die(pool: Recorder, way: str) -> None:
    job = pool.submit("with_process", wait=0, way=way)
    left = pool.pid(job)
    outcome = pool.outcome(job)
    assert outcome.ending == Ending.FINISHED
    assert gone(left)
    assert outcome.value["pid"] not in [pool.result("answer").value["pid"] for _ in range(4)]


def test_threads_that_a_job_leaves_behind_are_not_heard(pool: Recorder) -> None:
    job = pool.submit("late_thread")
    pid = pool.outcome(job).value["pid"]
    assert pid not in [pool.result("answer").value["pid"] for _ in range(4)]
    assert pool.events(job) == []


def test_large_payloads_values_and_events_pass(pool: Recorder) -> None:
    text = "x" * (20 << 20)
    assert pool.result("answer", value=text).value["value"] == text
    job = pool.submit("say_much", megabytes=20)
    assert pool.outcome(job).ending == Ending.FINISHED
    assert pool.events(job)[-1] == ["much", text]


def test_what_is_too_large_fails_its_job(pool: Recorder) -> None:
    payload = pool.result("answer", value="x" * (65 << 20))
    assert (payload.ending, payload.value) == (Ending.FAILED, {})
    assert payload.reason == "the job cannot be handed over: 65 MB in one piece is over the limit of 64 MB"
    event = pool.result("say_much", megabytes=65)
    assert event.reason == "TooLarge: 65 MB in one piece is over the limit of 64 MB"
    returned = pool.result("returns_much", megabytes=65)
    assert returned.reason == "the result cannot be sent: 65 MB in one piece is over the limit of 64 MB"


def test_a_result_that_is_no_json_fails_its_job(pool: Recorder) -> None:
    outcome = pool.result("returns_a_set")
    assert outcome.ending == Ending.FAILED
    assert outcome.reason.startswith("the result cannot be sent: ")


def test_a_child_that_does_not_read_holds_up_nobody(pool: Recorder) -> None:
    pool.wait_until(lambda: len(pool.sandbox.slot_pids()) == 2)
    stopped = psutil.Process(pool.sandbox.slot_pids()[0])
    stopped.suspend()
    jobs = [pool.submit("answer", value="x" * (10 << 20)) for _ in range(2)]
    pool.wait(lambda: pool.outcomes[jobs[0]] or pool.outcomes[jobs[1]])
    (stuck,) = [job for job in jobs if not pool.outcomes[job]]
    assert pool.sandbox.pid_of(stuck) == stopped.pid
    pool.sandbox.cancel(stuck)
    assert pool.outcome(stuck).ending == Ending.CANCELLED


def test_run_refuses_what_it_cannot_take(new_pool: MakePool) -> None:
    pool = new_pool(slots=1)
    assert pool.sandbox.free() == 1
    job = pool.submit("sleep")
    assert pool.sandbox.free() == 0
    with pytest.raises(RuntimeError, match="no slot is free"):
        pool.submit("answer")
    with pytest.raises(RuntimeError, match="here already"):
        pool.submit("answer", job_id=job)
    pool.sandbox.close()
    assert pool.outcome(job).ending == Ending.CLOSED
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit("answer")


def test_callbacks_that_raise_harm_nobody(new_pool: MakePool, caplog: pytest.LogCaptureFixture) -> None:
    def fail_late(outcome: Outcome) -> None:
        pool.on_end(outcome)
        raise LookupError("a bug of the caller")

    def fail(*_: object) -> None:
        raise LookupError("a bug of the caller")

    pool = new_pool(on_end=fail_late, on_events=fail)
    for _ in range(3):
        assert pool.result("events", count=1).ending == Ending.FINISHED
    assert "a bug of the caller" in caplog.text


def test_the_next_order_may_come_from_the_end_of_the_last(new_pool: MakePool) -> None:
    def go_on(outcome: Outcome) -> None:
        if int(outcome.job_id) < 20:
            pool.submit(
                "answer" if int(outcome.job_id) % 2 else "os_exit", job_id=str(int(outcome.job_id) + 1)
            )
        pool.on_end(outcome)

    pool = new_pool(slots=1, on_end=go_on)
    pool.submit("answer", job_id="0")
    assert pool.outcome("20").job_id == "20"


def test_a_slot_tells_when_it_is_free(new_pool: MakePool) -> None:
    free: list[int] = []
    pool = new_pool(on_free=lambda: free.append(pool.sandbox.free()))
    pool.result("answer")
    pool.sandbox.close()
    assert free == [2]


def test_an_entry_that_cannot_be_imported_fails_its_jobs(
    new_pool: MakePool, method: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    pool = new_pool(start_method=method, entry="no_such_module:run", child_log=log)
    outcome = pool.result("answer")
    assert (outcome.ending, outcome.reason) == (
        Ending.FAILED,
        "ModuleNotFoundError: No module named 'no_such_module'",
    )
    assert "no_such_module" in log.read_text()


def test_a_preload_that_calls_sys_exit_harms_nobody(new_pool: MakePool, method: str, tmp_path: Path) -> None:
    pool = new_pool(start_method=method, preload=["sandbox.exits"], child_log=tmp_path / "log")
    assert pool.result("answer").ending == Ending.FINISHED


def test_native_output_goes_to_the_log(new_pool: MakePool, tmp_path: Path) -> None:
    pool = new_pool(child_log=tmp_path / "log")
    pool.result("speak")
    assert (tmp_path / "log").read_text() == "from native code\n"


def test_children_are_replaced_after_some_orders(new_pool: MakePool) -> None:
    pool = new_pool(slots=1, recycle_after=3)
    pids = [pool.result("answer").value["pid"] for _ in range(7)]
    assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3, 3, 6]


def test_a_child_that_keeps_much_memory_is_replaced(new_pool: MakePool) -> None:
    pool = new_pool(slots=1)
    first = [pool.result("leak", megabytes=1).value["pid"] for _ in range(2)]
    assert first[0] == first[1] == pool.result("leak", megabytes=500).value["pid"]
    assert pool.result("answer").value["pid"] != first[0]
