"""The desk with real processes: answers, refusals, waiting, and what is left when nobody wants it more."""

import threading
from concurrent.futures import wait

import pytest

from gpserver.errors import GPServerError, InvalidRequest
from gpserver.sandbox import Desk

PATIENCE = 60
LIMITS = {"what": "The sum could not be found", "seconds": 30.0, "memory": None}


@pytest.fixture(scope="module")
def desk():
    desk = Desk("sandbox.entries:run", slots=1)
    yield desk
    desk.close()


def ask(desk, do, after=lambda: None, **options):
    return desk.ask({"do": do, "with": options}, lambda answer: answer, **LIMITS, after=after)


def test_an_answer_is_read(desk):
    future = desk.ask({"do": "answer", "with": {"value": 20}}, lambda answer: answer["value"] + 1, **LIMITS)
    assert future.result(PATIENCE) == 21


def test_more_is_asked_than_there_are_slots(desk):
    futures = [ask(desk, "answer", value=number) for number in range(8)]
    assert [future.result(PATIENCE)["value"] for future in futures] == list(range(8))


def test_a_wrong_request_is_the_askers_fault(desk):
    with pytest.raises(InvalidRequest, match="no such sum"):
        ask(desk, "problem", text="no such sum").result(PATIENCE)


def test_what_dies_is_told_in_the_askers_words(desk):
    with pytest.raises(GPServerError, match=r"The sum could not be found: .*SIGSEGV"):
        ask(desk, "segfault").result(PATIENCE)
    assert ask(desk, "answer", value=1).result(PATIENCE)["value"] == 1


def test_what_takes_too_long_is_told(desk):
    limits = LIMITS | {"seconds": 0.2}
    slow = desk.ask({"do": "sleep"}, lambda answer: answer, **limits)
    with pytest.raises(GPServerError, match="The sum could not be found"):
        slow.result(PATIENCE)


def test_an_answer_that_cannot_be_read_is_an_error(desk):
    future = desk.ask({"do": "answer"}, lambda answer: answer["nothing"], **LIMITS)
    with pytest.raises(KeyError):
        future.result(PATIENCE)


def test_after_comes_once_and_before_the_answer(desk):
    calls = []
    future = ask(desk, "answer", after=lambda: calls.append("after"))
    future.add_done_callback(lambda _: calls.append("done"))
    wait([future], PATIENCE)
    assert ask(desk, "answer").result(PATIENCE)  # the callbacks of the first one have run
    assert calls == ["after", "done"]


def test_a_cancelled_request_ends_its_work_and_one_that_waits_never_begins(desk):
    over = [threading.Event(), threading.Event()]
    running = ask(desk, "sleep", after=over[0].set, seconds=300)
    waiting = ask(desk, "answer", after=over[1].set)
    assert waiting.cancel()
    assert over[1].wait(PATIENCE)
    assert not over[0].is_set()
    assert running.cancel()
    assert over[0].wait(PATIENCE)
    assert ask(desk, "answer", value=3).result(PATIENCE)["value"] == 3


def test_a_closed_desk_answers_nobody():
    desk = Desk("sandbox.entries:run", slots=1)
    after = []
    open_ = [ask(desk, "sleep", after=lambda: after.append(1), seconds=300) for _ in range(3)]
    desk.close()
    for future in [*open_, ask(desk, "answer", after=lambda: after.append(1))]:
        with pytest.raises(GPServerError):
            future.result(PATIENCE)
    assert after == [1] * 4


def test_a_desk_that_nobody_came_to_closes():
    Desk("sandbox.entries:run", slots=1).close()
