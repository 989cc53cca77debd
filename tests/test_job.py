"""The table of moves."""

from gpserver.job import MOVES, JobStatus
from gpserver.protocols.esri.log import STATUS

ENDS = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELLED}


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(JobStatus)


def test_nothing_leads_out_of_an_end() -> None:
    assert {status for status in JobStatus if status.is_terminal} == ENDS


def test_every_state_can_reach_an_end() -> None:
    for status in set(JobStatus) - ENDS:
        assert MOVES[status] & ENDS, status


def test_a_cancel_has_one_exit() -> None:
    assert MOVES[JobStatus.CANCELLING] == {JobStatus.CANCELLED}


def test_arcgis_has_a_name_for_every_state() -> None:
    assert set(STATUS) == set(JobStatus)
    assert len(set(STATUS.values())) == len(JobStatus)
