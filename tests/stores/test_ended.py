"""One suite over every store: what becomes of ended jobs."""

import pytest

from gpserver.job import JobFilter, JobStatus, NewJob, Tally, Terms
from gpserver.stores import JobStore


def add(store: JobStore, job_id: str, ended: float | None = None, size: int | None = None) -> None:
    """A job that was submitted at 1, and ran from 2 on until it succeeded, if it did."""
    store.add(NewJob(job_id, "S", "T", (), {}, Terms(), created=1.0))
    if ended is None:
        return
    assert store.claim("host:1", 2.0)
    assert store.move(job_id, JobStatus.RUNNING, JobStatus.SUCCEEDED, now=ended)
    if size is not None:
        store.ended.weigh({job_id: size})


def test_a_job_is_weighed_once_it_has_ended(store: JobStore) -> None:
    add(store, "1", ended=3.0)
    add(store, "2")
    assert store.ended.unweighed(9) == ["1"]
    store.ended.weigh({"1": 5_000_000_000, "gone": 1})
    assert store.ended.unweighed(9) == []
    job = store.get("1")
    assert job is not None
    assert job.size == 5_000_000_000


def test_those_that_ended_first_go_first_whatever_the_reason(store: JobStore) -> None:
    for n, size in enumerate([10, 0, 20, 30, 40]):
        add(store, str(n), ended=10.0 - n, size=size)
    add(store, "running")
    overdue = store.ended.overdue
    assert overdue(0.0, 0, 0, 9) == []
    assert overdue(8.0, 0, 0, 9) == ["4", "3"]
    assert overdue(8.0, 0, 0, 1) == ["4"]
    assert overdue(0.0, 3, 0, 9) == ["4", "3"]
    assert overdue(0.0, 5, 100, 9) == []
    assert overdue(0.0, 0, 99, 9) == ["4"]
    assert overdue(0.0, 0, 55, 9) == ["4", "3"]
    assert overdue(0.0, 0, 1, 9) == ["4", "3", "2", "0"]  # what takes no room is not in the way


def test_a_pinned_job_counts_but_never_goes(store: JobStore) -> None:
    for n in range(3):
        add(store, str(n), ended=3.0 + n, size=10)
    assert store.ended.pin("0", pinned=True)
    assert store.ended.overdue(99.0, 0, 0, 9) == ["1", "2"]
    assert store.ended.overdue(0.0, 2, 0, 9) == ["1"]
    assert store.ended.overdue(0.0, 0, 25, 9) == ["1"]
    assert store.ended.condemn(["0", "1"]) == ["1"]
    assert [job.id for job in store.find(JobFilter(pinned=True))] == ["0"]
    assert store.ended.pin("0", pinned=False)
    assert store.ended.condemn(["0"]) == ["0"]
    assert not store.ended.pin("nothing", pinned=True)


def test_a_condemned_job_is_gone_for_clients_and_found_by_the_sweep(store: JobStore) -> None:
    add(store, "1", ended=3.0)
    add(store, "2")
    assert sorted(store.ended.condemn(["1", "2", "gone"])) == ["1", "2"]
    assert store.ended.condemn(["1", "2"]) == []
    assert not store.ended.pin("1", pinned=True)
    assert store.find(JobFilter()) == []
    assert store.count(JobFilter()) == {}
    assert store.latest("S", "T") is None
    assert store.ended.condemned(9) == ["1"]  # the other one must end first
    assert store.ended.overdue(99.0, 0, 0, 9) == []
    store.delete("1")
    assert store.ended.condemned(9) == []
    assert store.ended.known(["1", "2"]) == {"2"}


def test_one_of_several_does_what_is_done_once_in_a_while(store: JobStore) -> None:
    assert store.ended.take_turn("sweep", 60.0)
    assert not store.ended.take_turn("sweep", 60.0)
    assert store.ended.take_turn("other", -1.0)
    assert store.ended.take_turn("other", 60.0)
    # A clock that was set back by hours must not keep everybody from it.
    assert store.ended.take_turn("jump", 7200.0)
    assert store.ended.take_turn("jump", 60.0)


def test_statistics_say_how_many_and_how_long(store: JobStore) -> None:
    for n, ended in enumerate([4.0, 8.0]):
        add(store, str(n), ended=ended)
    add(store, "2")
    assert store.claim("host:1", 6.0)
    add(store, "3")
    assert sorted(store.ended.statistics(JobFilter("S")), key=lambda tally: tally.status) == [
        Tally("S", "T", JobStatus.QUEUED, 1, None, None, None, None),
        Tally("S", "T", JobStatus.RUNNING, 1, 5.0, 5.0, None, None),
        Tally("S", "T", JobStatus.SUCCEEDED, 2, 1.0, 1.0, 4.0, 6.0),
    ]
    assert store.ended.statistics(JobFilter("other")) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(machine="HOST"), ["2", "1"]),
        (JobFilter(machine="hos"), []),
        (JobFilter(ended_before=5.0), ["1"]),
    ],
)
def test_jobs_are_found_by_machine_and_end(store: JobStore, wanted: JobFilter, found: list[str]) -> None:
    add(store, "1", ended=4.0)
    add(store, "2", ended=6.0)
    add(store, "3")
    assert [job.id for job in store.find(wanted)] == found
