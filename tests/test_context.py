import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpserver import JobContext
from gpserver.errors import JobCancelled
from gpserver.job import Message, MessageType, Progress


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gpserver.context.time.monotonic", clock)
    return clock


def texts(job: JobContext) -> list[tuple[str, str]]:
    return [(message.type.value, message.text) for message in job.messages]


def test_a_context_of_a_unit_test_keeps_what_was_said() -> None:
    job = JobContext()
    job.info("one")
    job.warning("two")
    job.error("three")
    job.progress(50, "half")
    assert texts(job) == [("informative", "one"), ("warning", "two"), ("error", "three")]
    assert job.reports == [Progress("half", 50.0)]
    assert not job.cancelled


def test_a_context_of_a_worker_sends_what_was_said(tmp_path: Path) -> None:
    sent: list[Message | Progress] = []
    job = JobContext(sent.append, tmp_path, lambda: False)
    job.info("one")
    job.progress(None, "somewhere")
    assert isinstance(sent[0], Message)
    assert sent[0].type is MessageType.INFORMATIVE
    assert sent[1] == Progress("somewhere", None)
    assert job.scratch == tmp_path
    assert job.messages == []


@pytest.mark.parametrize(("percent", "expected"), [(None, None), (-5, 0.0), (33, 33.0), (120, 100.0)])
def test_progress_stays_between_0_and_100(percent: float | None, expected: float | None) -> None:
    job = JobContext()
    job.progress(percent)
    assert job.reports == [Progress("", expected)]


def test_the_scratch_folder_of_a_unit_test_lives_as_long_as_its_context() -> None:
    job = JobContext()
    folder = job.scratch
    assert folder.is_dir()
    assert job.scratch == folder
    del job
    gc.collect()
    assert not folder.exists()


def test_each_reports_at_most_five_times_a_second(clock: Clock) -> None:
    job = JobContext()
    seen = []
    for item in job.each(range(100), "Counting"):
        seen.append(item)
        clock.now += 0.0625
    assert seen == list(range(100))
    assert [report.percent for report in job.reports][:3] == [0.0, 4.0, 8.0]
    assert len(job.reports) == 26
    assert job.reports[-1] == Progress("Counting", 100.0)


def test_each_counts_where_there_is_no_length(clock: Clock) -> None:
    def numbers() -> Iterator[int]:
        for number in range(1001):
            clock.now += 0.2
            yield number

    job = JobContext()
    assert sum(1 for _ in job.each(numbers(), "Reading")) == 1001
    assert job.reports[-2:] == [Progress("Reading (1,000)"), Progress("Reading")]


def test_each_of_nothing() -> None:
    job = JobContext()
    assert list(job.each([], "Nothing")) == []
    assert job.reports == [Progress("Nothing", 100.0)]


def test_each_stops_at_a_cancel(clock: Clock) -> None:
    seen: list[int] = []

    def work(job: JobContext) -> None:
        for item in job.each(range(10)):
            seen.append(item)
            clock.now += 1

    job = JobContext(cancelled=lambda: len(seen) > 2)
    with pytest.raises(JobCancelled, match="The job was cancelled"):
        work(job)
    assert seen == [0, 1, 2]
    assert job.cancelled


def test_check_cancelled() -> None:
    JobContext().check_cancelled()
    with pytest.raises(JobCancelled):
        JobContext(cancelled=lambda: True).check_cancelled()


def test_log_records_become_messages_while_the_task_runs() -> None:
    job = JobContext()
    log = logging.getLogger("some.tool")
    root_level, handlers = logging.getLogger().level, list(logging.getLogger().handlers)
    with job.logging():
        log.debug("details")
        log.info("read %d rows", 5)
        log.warning("careful")
        log.error("wrong")
        log.critical("very wrong")
        try:
            raise ValueError("no roads here")
        except ValueError:
            log.exception("failed")
    log.warning("afterwards")
    assert texts(job) == [
        ("informative", "read 5 rows"),
        ("warning", "careful"),
        ("error", "wrong"),
        ("error", "very wrong"),
        ("error", "failed (ValueError: no roads here)"),
    ]
    assert (logging.getLogger().level, logging.getLogger().handlers) == (root_level, handlers)


def test_what_other_threads_log_is_no_business_of_a_job_in_a_thread() -> None:
    logger, said = logging.getLogger("tools"), {}
    level, both = logging.getLogger().level, threading.Barrier(2)

    def work(name: str) -> None:
        job = JobContext()
        with job.logging():
            both.wait(5)
            logger.info("of %s", name)
            both.wait(5)
        said[name] = [message.text for message in job.messages]

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {"a": ["of a"], "b": ["of b"]}
    assert logging.getLogger().level == level
