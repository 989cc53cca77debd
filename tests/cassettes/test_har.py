"""HAR files: ours are read by others, and those of others by us."""

import json
from pathlib import Path

import pytest
from haralyzer import HarParser
from msgspec import UNSET

from gpserver.cassettes.har import (
    Entry,
    Request,
    Response,
    Timings,
    content_of,
    dump_har,
    har,
    load_har,
    moment_of,
    pairs_of,
    post_of,
    query_of,
    read_har,
    write_har,
)
from gpserver.errors import GPServerError

URL = "http://127.0.0.1:6080/arcgis/rest/services/Emulated/GPServer/Buffer/submitJob?f=json&Name=Stra%C3%9Fe"
PICTURE = b"\x89PNG\r\n\x1a\n\xff\x00"


def entry() -> Entry:
    return Entry(
        started_date_time=moment_of(1_700_000_000.25),
        time=12.5,
        request=Request(
            method="POST",
            url=URL,
            headers=pairs_of([("Content-Type", "application/octet-stream")]),
            query_string=query_of(URL),
            post_data=post_of(b"\xff\xfe", "application/octet-stream"),
            body_size=2,
        ),
        response=Response(
            status=200,
            status_text="OK",
            headers=pairs_of([("Content-Type", "image/png")]),
            content=content_of(PICTURE, "image/png"),
            body_size=len(PICTURE),
        ),
        timings=Timings(wait=12.5),
        comment="a fault",
    )


def test_another_reader_finds_what_was_written(tmp_path: Path) -> None:
    write_har(tmp_path / "one.har", har([entry()]))
    parser = HarParser.from_file(str(tmp_path / "one.har"))
    [found] = parser.pages[0].entries
    facts = found.raw_entry
    assert parser.har_data["creator"]["name"] == "gpserver"
    assert found.request.method == "POST"
    assert found.response.mimeType == "image/png"
    assert facts["startedDateTime"] == "2023-11-14T22:13:20.250Z"
    assert facts["request"]["queryString"][1] == {"name": "Name", "value": "Straße"}
    assert facts["response"]["content"]["encoding"] == "base64"
    assert facts["response"]["redirectURL"] == ""


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path, file = tmp_path / "one.har", har([entry()], "of a test")
    write_har(path, file)
    again = read_har(path)
    assert again == file
    assert again.log.entries[0].response.content.body == PICTURE
    assert again.log.entries[0].started == 1_700_000_000.25
    sent = again.log.entries[0].request.post_data
    assert sent is not UNSET
    assert sent.body == b"\xff\xfe"
    assert dump_har(again) == path.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["one.har"]


def test_all_that_the_format_demands_is_written() -> None:
    log = json.loads(dump_har(har([Entry()])))["log"]
    assert log.keys() == {"version", "creator", "entries"}
    [written] = log["entries"]
    assert written.keys() == {"startedDateTime", "time", "request", "response", "cache", "timings"}
    assert written["timings"].keys() == {"send", "wait", "receive"}
    both = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
    assert written["request"].keys() == both | {"method", "url", "queryString"}
    assert written["response"].keys() == both | {"status", "statusText", "content", "redirectURL"}
    assert written["response"]["content"].keys() >= {"size", "mimeType"}


def test_files_of_browsers_are_read() -> None:
    file = load_har(
        b"\xef\xbb\xbf"
        + json.dumps(
            {
                "log": {
                    "version": "1.2",
                    "creator": {"name": "WebInspector", "version": "537.36"},
                    "pages": [{"id": "page_1", "title": "", "pageTimings": {}}],
                    "entries": [
                        {
                            "_initiator": {"type": "script"},
                            "_priority": "High",
                            "startedDateTime": "2026-01-01T12:00:00.123+03:00",
                            "time": 3,
                            "serverIPAddress": "127.0.0.1",
                            "cache": None,
                            "request": {
                                "method": "POST",
                                "url": URL,
                                "bodySize": 12.0,
                                "postData": {
                                    "mimeType": "application/x-www-form-urlencoded",
                                    "params": [{"name": "Distance", "value": "5 m"}, {"name": "empty"}],
                                },
                            },
                            "response": {"status": "200", "content": {"size": 2, "mimeType": None}},
                            "timings": {"blocked": -1, "_blocked_queueing": 1.1, "wait": 3},
                        }
                    ],
                }
            }
        ).encode()
    )
    [found] = file.log.entries
    assert found.started_date_time.endswith("+03:00")
    assert found.response.status == 200
    assert found.response.content.body == b""
    assert found.request.post_data is not UNSET
    assert found.request.post_data.body == b"Distance=5+m&empty="


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"log": {"entries": [{"time": "long"}]}}', r"\$\.log\.entries\[0\]\.time"),
        (b'{"log": {}}', "entries"),
    ],
)
def test_what_is_no_har_is_refused_by_its_place(text: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.har"
    path.write_bytes(text)
    with pytest.raises(GPServerError, match=f"bad.har.*{told}"):
        read_har(path)
    with pytest.raises(GPServerError, match=r"none\.har cannot be read"):
        read_har(tmp_path / "none.har")
