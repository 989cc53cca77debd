"""Every data type of the echo task, with values that are none, almost one, or far too much."""

import json
import re
from typing import Any

import pytest
from hostile import wire
from hostile.checks import check
from hostile.conftest import Target
from hostile.values import DOCUMENTS, hostile
from hypothesis import given, settings
from hypothesis import strategies as st

ECHO = "Tools/GPServer/EchoTypes"

# What Python says of a fault in our own code; a fault in a value is told in words.
RAW_EXCEPTION = re.compile(r"^\w*(Error|Exception|Warning): (?!ERROR)")


# PROJ takes a second to be sure that it knows no reference of a name.
SLOW = ("GPSpatialReference", "GPCoordinateSystem")


def text_for(item: dict[str, Any]) -> st.SearchStrategy[str]:
    return st.sampled_from(DOCUMENTS) if item["dataType"] in SLOW else hostile


@pytest.fixture(scope="module")
def inputs(target: Target) -> list[dict[str, Any]]:
    parameters = target.server.client.get(ECHO)["parameters"]
    return [item for item in parameters if item["direction"] == "esriGPParameterDirectionInput"]


def post(target: Target, place: str, values: list[tuple[str, str]]) -> Any:
    body = wire.form([("f", "json"), *values])
    kind = {b"Content-Type": b"application/x-www-form-urlencoded"}
    path = f"/arcgis/rest/services/{place}".encode()
    answer = check(wire.send(target.server.url, "POST", path, kind, body))
    assert answer is not None
    return answer.json


@settings(max_examples=30)
@given(st.data())
def test_every_value_is_read_or_refused_in_words(
    target: Target, inputs: list[dict[str, Any]], data: st.DataObject
) -> None:
    values = [(item["name"], data.draw(text_for(item), item["name"])) for item in inputs]
    found = post(target, f"{ECHO}/validate", values)
    assert len(found["validationResults"]) == len(inputs), found
    for item in found["validationResults"]:
        text = item.get("message", {}).get("description", "")
        assert not RAW_EXCEPTION.search(text.removeprefix(f"{item['name']}: ")), item


@settings(max_examples=25)
@given(st.data())
def test_a_job_ends_and_what_it_gives_can_be_read(
    target: Target, inputs: list[dict[str, Any]], data: st.DataObject
) -> None:
    item = data.draw(st.sampled_from(inputs))
    value = data.draw(text_for(item))
    job = f"{ECHO}/jobs/{post(target, f'{ECHO}/submitJob', [(item['name'], value)])['jobId']}"
    state = target.server.client.wait(target.server.client.place(job))
    assert state["jobStatus"] in ("esriJobSucceeded", "esriJobFailed"), state
    errors = [line["description"] for line in state["messages"] if line["type"].endswith("Error")]
    assert not any(RAW_EXCEPTION.search(line) for line in errors), (item["name"], value, errors)
    for place in (
        f"inputs/{item['name']}",
        "inputs",
        "results",
        *[f"results/{name}" for name in state.get("results", {})],
    ):
        for name in ("json", "html", "kmz"):
            path = f"/arcgis/rest/services/{job}/{place}?f={name}".encode()
            check(wire.send(target.server.url, "GET", path))


def spellings(port: int) -> list[str]:
    """The loopback, as somebody would write it who wants to get there."""
    hosts = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0"]
    hosts += [
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ]
    hosts += ["127.0.0.1.", "LOCALHOST", "user:secret@127.0.0.1", "example.com@127.0.0.1", "①②⑦.0.0.1"]
    urls = [f"http://{host}:{port}/layer/0?f=json" for host in hosts]
    urls += [
        f"{scheme}://127.0.0.1:{port}/x" for scheme in ("https", "ftp", "gopher", "HTTP", "file", "dict")
    ]
    return [
        *urls,
        f"//127.0.0.1:{port}/",
        f"http:127.0.0.1:{port}",
        f"http:\\\\127.0.0.1:{port}",
        "file:///etc/passwd",
    ]


def test_no_spelling_of_a_forbidden_address_is_asked(target: Target, inputs: list[dict[str, Any]]) -> None:
    kinds = ("GPFeatureRecordSetLayer", "GPRecordSet", "GPDataFile", "GPRasterDataLayer", "GPRasterData")
    names = [item["name"] for item in inputs if item["dataType"].removeprefix("GPMultiValue:") in kinds]
    names += [
        item["name"] for item in inputs if "Composite" in item["dataType"] or "Coord" in item["dataType"]
    ]
    assert names
    for url in spellings(target.canary.port):
        for document in (
            {"url": url},
            {"URL": url, "filter": "1=1"},
            url,
            [{"url": url}],
            {"projectionFile": url},
        ):
            value = document if isinstance(document, str) else json.dumps(document)
            found = post(target, f"{ECHO}/validate", [(name, value) for name in names])
            assert "validationResults" in found, found
    job = target.server.client.submit(
        "Tools/EchoTypes", In_File=json.dumps({"url": spellings(target.canary.port)[0]})
    )
    assert target.server.client.wait(job)["jobStatus"] == "esriJobFailed"
    assert target.canary.calls == 0
