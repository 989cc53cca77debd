"""A cassette as a server: what it answers, and when."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
import pytest

from gpserver.cassettes.asked import asked_of
from gpserver.cassettes.cassette import Cassette, Exchange
from gpserver.cassettes.file import read_cassette, write_cassette
from gpserver.cassettes.player import Player
from gpserver.cassettes.replay import MATCHED, replay
from gpserver.clock import Clock
from gpserver.errors import GPServerError

HOST = "https://recorded.example"
TASK = "/arcgis/rest/services/Buffer/GPServer/Buffer"
FORM = (("content-type", "application/x-www-form-urlencoded"),)
JSON = (("content-type", "application/json"),)
ID = "j0123456789abcdef0123456789abcdef"
JOB = f"{TASK}/jobs/{ID}"


def exchange(place: str, answer: Any, started: float = 0.0, **form: Any) -> Exchange:
    """A GET, or the POST of a form."""
    sent, method = urlencode(form).encode(), "POST" if form else "GET"
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return Exchange(method, HOST + place, FORM, sent, started, 0.0, 200, JSON, body)


def status(word: str) -> dict[str, str]:
    return {"jobId": ID, "jobStatus": f"esriJob{word}"}


def of_job(*words: str, seconds: float = 10.0) -> list[Exchange]:
    """A job, and a look at it every so many seconds."""
    polls = [exchange(f"{JOB}?f=json", status(word), n * seconds) for n, word in enumerate(words, 1)]
    return [exchange(f"{TASK}/submitJob", status("Submitted"), f="json", Distance=10), *polls]


class Browser:
    """Asks a replay without a network."""

    def __init__(self, *recorded: Exchange | Cassette, **options: Any) -> None:
        exchanges = tuple(item for item in recorded if isinstance(item, Exchange))
        cassettes = [item for item in recorded if isinstance(item, Cassette)]
        self._app = replay(cassettes[0] if cassettes else Cassette(exchanges), **options)

    def ask(self, method: str, place: str, **rest: Any) -> httpx.Response:
        async def work() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://replay.test:81") as client:
                return await client.request(method, place, **rest)

        return anyio.run(work)

    def submit(self, **form: Any) -> str:
        answer = self.ask("POST", f"{TASK}/submitJob", data={"f": "json", "Distance": "10", **form})
        return str(answer.json()["jobId"])

    def look(self, job: str) -> str:
        answer = self.ask("GET", f"{TASK}/jobs/{job}?f=json").json()
        assert answer["jobId"] == job
        return str(answer["jobStatus"]).removeprefix("esriJob")


def execute(distance: float, answer: str) -> Exchange:
    inputs = json.dumps({"points": [1, 2], "distance": distance})
    return exchange(f"{TASK}/execute", {"value": answer}, f="json", Input=inputs)


def test_the_same_is_asked_however_it_is_written() -> None:
    browser = Browser(execute(10, "ten"))
    form = {
        "token": "abc",
        "_ts": "1",
        "input": '{"distance": 10,\n "points": [1,2]}',
        "f": "json",
        "env:outSR": "",
    }
    answer = browser.ask("POST", f"{TASK}/execute/", data=form)
    assert answer.json() == {"value": "ten"}
    assert answer.headers[MATCHED] == "exact"


def test_another_format_is_another_request() -> None:
    browser = Browser(exchange(f"{TASK}?f=json", {"name": "Buffer"}))
    assert "error" in browser.ask("GET", f"{TASK}?f=html").json()


def test_what_was_not_recorded_is_an_error_that_names_what_was() -> None:
    browser = Browser(execute(10, "ten"), exchange("/sp/layers", []))
    missed = browser.ask("POST", f"{TASK}/execute", data={"f": "json", "Input": '{"distance": 11}'})
    error = missed.json()["error"]
    assert (missed.status_code, error["code"], missed.headers[MATCHED]) == (200, 404, "none")
    assert f"POST {TASK}/execute" in error["details"][0]
    assert '"distance": 10' in error["details"][0]
    problem = browser.ask("GET", "/sp/layer").json()
    assert (set(problem), problem["statusCode"]) == ({"errorType", "message", "statusCode"}, 404)
    assert "GET /sp/layers" in problem["message"]


@pytest.mark.parametrize(("distance", "answer"), [(12, "ten"), (45, "fifty"), (10, "ten")])
def test_the_nearest_parameters_win(distance: float, answer: str) -> None:
    browser = Browser(execute(10, "ten"), execute(50, "fifty"), match="fuzzy")
    inputs = json.dumps({"points": [1, 2], "distance": distance})
    found = browser.ask("POST", f"{TASK}/execute", data={"f": "json", "Input": inputs})
    assert found.json() == {"value": answer}
    assert found.headers[MATCHED] == ("exact" if distance == 10 else "fuzzy")


def test_placeholders_stand_for_anything() -> None:
    browser = Browser(exchange(f"{TASK}/execute", {"value": 1}, f="json", User="redacted-user-1"))
    assert browser.ask("POST", f"{TASK}/execute", data={"f": "json", "User": "ada"}).json() == {"value": 1}


def test_polls_go_on_to_the_end_and_stay_there() -> None:
    browser = Browser(*of_job("Submitted", "Executing", "Succeeded"))
    job = browser.submit()
    assert job == ID
    assert [browser.look(job) for _ in range(4)] == ["Submitted", "Executing", "Succeeded", "Succeeded"]


def test_each_submit_is_seen_from_the_beginning() -> None:
    browser = Browser(*of_job("Submitted", "Executing", "Succeeded"))
    first = browser.submit()
    browser.look(first)
    second = browser.submit()
    assert len(second) == len(first)
    assert second != first
    assert [browser.look(job) for job in (second, first, first, second)] == [
        *("Submitted", "Executing", "Succeeded", "Executing")
    ]


def test_with_time_a_job_is_where_it_was_at_that_moment() -> None:
    clock = Clock(start=0.0, speed=0)
    player = Player(Cassette(tuple(of_job("Submitted", "Executing", "Succeeded"))), clock=clock)
    submit = asked_of("POST", f"{TASK}/submitJob?f=json&Distance=10")
    poll = asked_of("GET", f"{JOB}?f=json")

    def look() -> str:
        found = player.play(poll)
        assert found
        return str(json.loads(found.exchange.body)["jobStatus"])

    clock.advance(100)
    assert player.play(submit)
    seen = [look(), look()]
    for seconds in (21, 8, 1, 500):
        clock.advance(seconds)
        seen.append(look())
    states = ("Submitted", "Submitted", "Executing", "Executing", "Succeeded", "Succeeded")
    assert seen == [f"esriJob{state}" for state in states]


def test_urls_lead_to_the_replay() -> None:
    body = b'{"a":"https://recorded.example/x","b":"https:\\/\\/recorded.example\\/y","c":"https://recorded.example.org/"}'
    moved = replace(exchange("/moved", b""), status=302, answered=(("location", f"{HOST}/there"),))
    browser = Browser(exchange(f"{TASK}?f=json", body), moved)
    told = browser.ask("GET", f"{TASK}?f=json").json()
    assert told == {
        "a": "http://replay.test:81/x",
        "b": "http://replay.test:81/y",
        "c": "https://recorded.example.org/",
    }
    assert browser.ask("GET", "/moved").headers["location"] == "http://replay.test:81/there"


def test_a_url_of_the_replay_is_one_of_the_recording() -> None:
    browser = Browser(exchange(f"{TASK}/execute", {"value": 1}, Input=f'{{"url":"{HOST}/file"}}'))
    form = {"Input": '{"url": "http://replay.test:81/file"}'}
    assert browser.ask("POST", f"{TASK}/execute", data=form).json() == {"value": 1}


def test_scripts_get_their_own_callback() -> None:
    browser = Browser(exchange(f"{TASK}?f=json&callback=dojo_1", b'dojo_1({"name":"Buffer"});'))
    assert browser.ask("GET", f"{TASK}?f=json&callback=jq.p7").text == 'jq.p7({"name":"Buffer"});'


def test_pages_of_other_origins_may_ask() -> None:
    browser = Browser(exchange(f"{TASK}?f=json", {}))
    answer = browser.ask("GET", f"{TASK}?f=json", headers={"origin": "http://app.test"})
    assert answer.headers["access-control-allow-origin"] == "http://app.test"


def test_what_a_browser_saved_is_a_cassette(tmp_path: Path) -> None:
    request = {
        "method": "POST",
        "url": f"https://gis.example.org{TASK}/execute",
        "httpVersion": "h2",
        "headers": [{"name": name, "value": text} for name, text in ((":authority", "gis"), *FORM)],
        "postData": {"mimeType": FORM[0][1], "params": [{"name": "Distance", "value": "10"}]},
    }
    content = {"size": 7, "mimeType": "application/json", "text": "eyJhIjoxfQ==", "encoding": "base64"}
    response = {
        "status": 200,
        "content": content,
        "headers": [{"name": "content-encoding", "value": "br"}],
    }
    entry = {
        "_initiator": {"type": "script"},
        "startedDateTime": "2026-01-01T12:00:00.123+01:00",
        "time": 12.5,
        "request": request,
        "response": response,
    }
    aside = entry | {"request": request | {"method": "OPTIONS"}}
    log = {"version": "1.2", "creator": {"name": "Chrome"}, "entries": [aside, entry]}
    (tmp_path / "saved.har").write_text(json.dumps({"log": log}))
    cassette = read_cassette(tmp_path / "saved.har")
    answer = Browser(*cassette.exchanges).ask("POST", f"{TASK}/execute", data={"Distance": "10"})
    assert len(cassette.exchanges) == 1
    assert (answer.json(), answer.headers["content-type"]) == ({"a": 1}, "application/json")
    assert "content-encoding" not in answer.headers


def test_a_cassette_is_read_as_it_was_written(tmp_path: Path) -> None:
    png = (("content-type", "image/png"),)
    picture = replace(exchange("/picture", b"\x89PNG\xff", 20.0), answered=png, note="One.")
    written = Cassette((*of_job("Executing"), picture), ("OWNER",), moved=True)
    write_cassette(tmp_path / "a.har", written)
    write_cassette(tmp_path / "b.har", read_cassette(tmp_path / "a.har"))
    assert (tmp_path / "a.har").read_text() == (tmp_path / "b.har").read_text()
    assert set(read_cassette(tmp_path / "a.har").exchanges) == set(written.exchanges)
    assert read_cassette(tmp_path / "a.har").fields == ("OWNER",)


def test_what_is_no_cassette_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.har").write_text('{"log": {"entries": 1}}')
    with pytest.raises(GPServerError, match="no HAR file"):
        read_cassette(tmp_path / "a.har")


def test_names_that_were_redacted_may_be_anything_in_a_path() -> None:
    browser = Browser(exchange("/sp/layers/redacted-user-1.places", {"name": "redacted-user-1.places"}))
    assert browser.ask("GET", "/sp/layers/ada.places").json()["name"] == "redacted-user-1.places"
    assert browser.ask("GET", "/sp/layers/ada.roads").status_code == 404


def test_what_was_hidden_may_be_anything() -> None:
    place = {"geometry": {"x": 1.0, "y": 2.0}, "attributes": {"PHONE": 1, "kind": "a"}}
    recorded = exchange(f"{TASK}/execute", {"value": 1}, Input=json.dumps(place))
    app = Browser(Cassette((recorded,), ("PHONE",), moved=True))

    def ask(kind: str) -> httpx.Response:
        own = {"geometry": {"x": 7.5, "y": 51.25}, "attributes": {"PHONE": 5551815, "kind": kind}}
        return app.ask("POST", f"{TASK}/execute", data={"Input": json.dumps(own)})

    assert ask("a").json() == {"value": 1}
    assert "error" in ask("b").json()
