"""A job as a stream of events, as the page of a running job reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conftest import Server, StartServer
from gpclient import Client

SPEAK = '''
import time

from gpserver import JobContext, task


@task(output="said")
def speak(job: JobContext, lines: int = 3, pause: float = 0.1) -> int:
    """Say some lines."""
    for number in job.each(range(lines), "Speaking"):
        job.info(f"line {number}")
        time.sleep(pause)
    return lines
'''


def follow(client: Client, job: str, headers: Any = None, **asked: Any) -> Iterator[dict[str, Any]]:
    """The events of a stream, with their ids."""
    with client.http.stream("GET", f"{job}/events", params=asked, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert "content-encoding" not in answer.headers
        number = ""
        for line in answer.iter_lines():
            name, _, text = line.partition(": ")
            if name == "id":
                number = text
            elif name == "data":
                yield {"id": int(number), **json.loads(text)}


def serve_speech(start_server: StartServer, folder: Path) -> Server:
    (folder / "services").mkdir()
    (folder / "services/speech.py").write_text(SPEAK)
    return start_server(folder / "services")


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [message["description"] for event in events for message in event["messages"]]


def test_a_stream_tells_every_message_once_and_ends_with_the_job(client: Client) -> None:
    job = client.submit("Tools/SlowTask", Seconds="1.5")
    events = list(follow(client, job))
    assert [event["ended"] for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1]["jobStatus"] == "esriJobSucceeded"
    assert texts(events) == [message["description"] for message in client.get(job)["messages"]]
    assert events[-1]["id"] == len(texts(events))
    percents = [event["progress"]["percent"] for event in events if "percent" in (event["progress"] or {})]
    assert percents == sorted(percents)
    assert percents
    running, whole = (event["elapsed"] for event in events[-2:])
    assert running <= whole + 0.1  # a job's end is stamped a moment before anybody sees it


def test_whoever_comes_back_gets_what_is_new(client: Client) -> None:
    job = client.submit("Tools/FailTask", Reason="no water")
    client.wait(job)
    [whole] = follow(client, job)
    assert len(whole["messages"]) > 2
    for again in (follow(client, job, after=2), follow(client, job, {"Last-Event-ID": "2"}, after=0)):
        [event] = again
        assert event["messages"] == whole["messages"][2:]
        assert event["id"] == whole["id"]
    [event] = follow(client, job, {"Last-Event-ID": b"\xb2"})
    assert event["messages"] == whole["messages"]


def test_there_is_no_stream_of_what_is_not_there(client: Client) -> None:
    answer = client.http.get(client.place("Tools/GPServer/SlowTask/jobs/j" + "0" * 32 + "/events"))
    assert answer.status_code == 404


def test_where_there_is_no_room_a_page_gets_the_job_and_comes_back(
    client: Client, start_server: StartServer, tmp_path: Any
) -> None:
    server = serve_speech(start_server, tmp_path)
    job = server.client.submit("Speech/Speak", Lines="600")
    open_streams = []
    try:
        for _ in range(64):
            stream = follow(server.client, job)
            open_streams.append(stream)
            assert not next(stream)["ended"]
        events = list(follow(server.client, job))
        assert len(events) == 1
        assert not events[0]["ended"]
    finally:
        for stream in open_streams:
            stream.close()


def test_a_stream_ends_when_the_server_stops(start_server: StartServer, tmp_path: Any) -> None:
    server = serve_speech(start_server, tmp_path)
    stream = follow(server.client, server.client.submit("Speech/Speak", Lines="600"))
    assert not next(stream)["ended"]
    server.process.terminate()
    assert not any(event["ended"] for event in stream)
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()
