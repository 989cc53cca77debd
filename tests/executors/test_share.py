"""Who may have the next slot: instances, slots that are kept, and one slot that is everybody's."""

from hypothesis import given
from hypothesis import strategies as st

from gpserver.executors.share import next_turn
from gpserver.job import Job, JobStatus, Terms

NAMES = "abcd"


def running(*services: str, instances: int | None = None) -> list[Job]:
    facts = ("T", JobStatus.RUNNING, 1, 1, 0.0, 0.0, None, None, 0, {})
    return [Job(str(n), name, *facts, Terms(instances=instances)) for n, name in enumerate(services)]


def may_begin(service: str, jobs: list[Job], slots: int, kept: dict[str, int]) -> bool:
    turn = next_turn(jobs, slots, kept)
    return len(jobs) < slots and service not in turn.full and (turn.only is None or service in turn.only)


def test_without_minima_everybody_may_have_every_slot() -> None:
    assert may_begin("a", running("a", "a", "b"), 4, {})
    assert not may_begin("a", running("a", "a", instances=2), 4, {})
    assert may_begin("b", running("a", "a", instances=2), 4, {})


def test_slots_that_are_kept_are_left_to_whom_they_are_kept_for() -> None:
    kept = {"a": 2}
    assert may_begin("b", running("b"), 4, kept)
    assert not may_begin("b", running("b", "b"), 4, kept)
    assert may_begin("a", running("b", "b"), 4, kept)
    assert may_begin("b", running("b", "a"), 4, kept)
    assert not may_begin("b", running("b", "b", "a"), 4, kept)


def test_one_slot_is_everybodys_however_much_is_kept() -> None:
    kept = {"a": 2, "b": 5}
    assert may_begin("c", [], 2, kept)
    assert may_begin("c", running("a"), 2, kept)
    assert not may_begin("c", running("c"), 2, kept)
    assert may_begin("a", running("c"), 2, kept)


@given(
    st.integers(1, 8),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 3)),
    st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=60),
)
def test_a_service_gets_its_minimum_whatever_came_before(
    slots: int, kept: dict[str, int], changes: list[tuple[str, bool]]
) -> None:
    """Where the minima leave one slot free, whoever is below its minimum finds a slot at any time."""
    services: list[str] = []
    for name, begins in changes:
        if begins and may_begin(name, running(*services), slots, kept):
            services.append(name)
        elif not begins and name in services:
            services.remove(name)
        jobs = running(*services)
        assert len(jobs) <= slots
        for service, least in kept.items():
            if sum(kept.values()) < slots and services.count(service) < least:
                assert may_begin(service, jobs, slots, kept)
