"""What `gpserver diff` sends, and what it takes for a difference."""

import json
from typing import Any

import httpcore
import pytest
from loopback import Web, serving

from gpserver.cassettes.cassette import Cassette, Exchange
from gpserver.cassettes.comparison import differences
from gpserver.cassettes.nearness import Masks
from gpserver.cassettes.rehearsal import Outcome, Rehearsal, Target

JSON = "application/json"
OLD, NEW = "j0123456789abcdef0123456789abcdef", "jfedcba9876543210fedcba9876543210"


class Real(Web):
    """A server whose one job ends when it is looked at for the third time."""

    def on_server(self, rest: str) -> None:
        looks = sum(path.partition("?")[0].endswith(NEW) for path, _ in self.server.asked)
        status = "Succeeded" if looks > 2 else "Executing"
        said = {"jobId": NEW, "jobStatus": f"esriJob{status}"}
        self.answer(json.dumps(said).encode(), content_type=JSON)

    def on_sp(self, rest: str) -> None:
        self.answer(b"{}", content_type=JSON)


def answered(
    body: Any, status: int = 200, kind: str = "application/json", url: str = "https://a.example/"
) -> Exchange:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange("GET", url, (), b"", 0.0, 0.0, status, (("content-type", kind),), raw)


def rehearse(*exchanges: Exchange, root: str = "", **facts: Any) -> tuple[list[Outcome], list[Any]]:
    """What comes of it, and what the server was asked."""
    with serving(Real) as real, httpcore.ConnectionPool() as pool:
        target = Target(real.url + root, **facts)
        return list(Rehearsal(Cassette(exchanges), target, pool).outcomes()), real.asked


def of_job(url: str, status: str) -> Exchange:
    body = {"jobId": OLD, "jobStatus": f"esriJob{status}"}
    return answered(body, url=f"https://a.example/arcgis/rest/services/Buffer/GPServer/Buffer/{url}")


def test_jobs_are_waited_for_by_their_new_ids_and_at_their_new_place() -> None:
    outcomes, asked = rehearse(
        of_job("submitJob?f=json&token=redacted-token-1", "Submitted"),
        of_job(f"jobs/{OLD}?f=json", "Succeeded"),
        root="/server/rest/services",
        token="abc",
    )
    paths = [path for path, _ in asked]
    assert [outcome.differences for outcome in outcomes] == [(), ()]
    assert paths[0] == "/server/rest/services/Buffer/GPServer/Buffer/submitJob?f=json&token=abc"
    assert paths[1:] == [f"/server/rest/services/Buffer/GPServer/Buffer/jobs/{NEW}?f=json"] * 3
    assert asked[1][1]["Authorization"] == "Bearer abc"


def test_a_job_that_does_not_become_what_it_was_is_a_difference() -> None:
    submit, poll = of_job("submitJob?f=json", "Submitted"), of_job(f"jobs/{OLD}?f=json", "Failed")
    outcomes, _ = rehearse(submit, poll, root="/server/rest/services")
    [found] = outcomes[1].differences
    assert (found.place, found.recorded, found.now) == ("$.jobStatus", "esriJobFailed", "esriJobSucceeded")


def test_requests_name_their_sender() -> None:
    _, asked = rehearse(answered({}, url="https://a.example/sp/layers/redacted-user-1.places"), user="ada")
    assert [path for path, _ in asked] == ["/sp/layers/ada.places"]


def test_what_cannot_be_asked_again_is_not() -> None:
    signing_in = answered({}, url="https://a.example/sp/x?password=redacted-password-1")
    [outcome], asked = rehearse(signing_in)
    assert "--token" in outcome.skipped
    assert asked == []


SAME = {
    "ids": ({"id": OLD}, {"id": NEW}),
    "dates": ({"at": "2026-11-22T10:00:00Z"}, {"at": "2027-01-01T23:59:59.5Z"}),
    "moments": ({"createdDate": 1700000000000}, {"createdDate": 1800000000000}),
    "durations": (
        {"description": "Succeeded at Mon Nov 22 10:00:00 2026 (Elapsed Time: 0.53 seconds)"},
        {"description": "Succeeded at Tue Jan 5 23:59:59 2027 (Elapsed Time: 12.00 seconds)"},
    ),
    "secrets": ({"token": "redacted-token-1", "a": "by redacted-user-1!"}, {"token": "abc", "a": "by ada!"}),
    "digits": ({"x": 0.1 + 0.2}, {"x": 0.3}),
    "whole numbers": ({"x": 1}, {"x": 1.0}),
    "order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
}
OTHER = {
    "missing": ({"a": 1}, {}, ("missing", "$.a", "1", "")),
    "added": ({}, {"a": [1]}, ("added", "$.a", "", "[1]")),
    "type": ({"a": 1}, {"a": "1"}, ("type", "$.a", "number 1", "string 1")),
    "null": ({"a": None}, {"a": 0}, ("type", "$.a", "null null", "number 0")),
    "value": ([{"a": 1}, {"a": 2}], [{"a": 3}, {"a": 4}], ("value", "$[*].a", "1", "3")),
    "length": ([1, 2], [1], ("length", "$", "2", "1")),
    "texts": ({"a": "in 5 steps"}, {"a": "in 6 steps"}, ("value", "$.a", "in 5 steps", "in 6 steps")),
}


@pytest.mark.parametrize("name", SAME)
def test_what_differs_from_run_to_run_is_no_difference(name: str) -> None:
    recorded, now = SAME[name]
    assert differences(answered(recorded), answered(now), Masks()) == []


@pytest.mark.parametrize("name", OTHER)
def test_what_differs_is_told(name: str) -> None:
    recorded, now, told = OTHER[name]
    [found] = differences(answered(recorded), answered(now), Masks())
    assert (found.kind, found.place, found.recorded, found.now) == told
    assert found.count == (2 if name == "value" else 1)


def test_heads_and_texts_are_compared_as_well() -> None:
    recorded, now = (
        answered(b"a,b\n1,2\n", kind="text/csv; charset=utf-8"),
        answered(b"a,b\n1,3\n", 500, "text/csv"),
    )
    told = [(item.kind, item.place) for item in differences(recorded, now, Masks())]
    assert told == [("status", ""), ("value", "line 2")]
    page = differences(answered({}), answered(b"<html>", kind="text/html"), Masks())
    assert ("content type", "application/json", "text/html") in [(d.kind, d.recorded, d.now) for d in page]
