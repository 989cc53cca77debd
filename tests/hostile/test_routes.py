"""Every route of the table, with whatever its handlers read."""

import ast
import json
import re
from typing import Any, cast

import pytest
from conftest import ROOT
from hostile import wire
from hostile.checks import check
from hostile.conftest import Target
from hostile.values import KNOWN, PATHS, hostile
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from gpserver.protocols.esri.routes import routes


class Anything:
    """Stands for a site: no handler is called, only their routes are read."""

    def __getattr__(self, _: str) -> "Anything":
        return self

    def __add__(self, _: object) -> "Anything":
        return self


PATHS_OF_ROUTES = sorted({route.path for route in routes(cast(Any, Anything())) if isinstance(route, Route)})

# How handlers ask for a parameter: the first text among the arguments is its name.
READERS = {"text", "long_text", "flag", "number", "document", "values", "_numbers"}


def names_read() -> list[str]:
    """The name of every parameter that a handler of the protocols reads."""
    found = set()
    for path in (ROOT / "gpserver" / "protocols").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            texts = [item.value for item in node.args if isinstance(item, ast.Constant)]
            found |= {text for text in texts[:1] if name in READERS and isinstance(text, str)}
    return sorted(found)


NAMES = names_read()

EXAMPLES = 5  # for each route


def test_the_names_are_found() -> None:
    assert {"f", "callback", "where", "geometry", "bbox", "outSR", "env:outSR", "returnMessages"} <= set(
        NAMES
    )
    assert len(PATHS_OF_ROUTES) > 50


def places(target: Target) -> dict[str, list[str]]:
    """Values of path parameters that lead somewhere."""
    return {
        "service": ["Buffer", "Tools", "BufferSync"],
        "task": ["BufferPoints", "EchoTypes", "FileTask"],
        "job_id": list(target.jobs.values()),
        "name": ["Output_Polygons", "Input_Features", "Output_File", "Text"],
        "layer": ["0"],
        "level": ["0"],
        "row": ["0"],
        "column": ["0"],
        "file": ["output.txt"],
        "place": ["tools_gpserver"],
        "folder": ["Buffer"],
    }


inputs = st.sampled_from(["Input_Features", "Distance", "Text", "In_String", "In_List", "In_Table"])
pairs = st.lists(st.tuples(st.sampled_from(NAMES) | inputs | st.text(max_size=8), hostile), max_size=5)
formats = st.sampled_from(KNOWN) | hostile
kinds = st.sampled_from(
    [
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x-boundary",
        b"multipart/form-data",
        b"multipart/form-data; boundary=" + b"x" * 300,
        b"application/json",
        b"text/plain; charset=utf-16",
        b"\xff\xfe",
        b"",
    ]
)


@st.composite
def requests(draw: st.DrawFn, route: str) -> dict[str, Any]:
    return {
        "route": route,
        "parts": [
            draw(st.none() | st.none() | st.none() | st.sampled_from(PATHS) | st.text(max_size=6) | hostile)
            for _ in re.findall(r"{(\w+)", route)
        ],
        "pick": draw(st.integers(0, 9)),
        "pairs": draw(pairs),
        "format": draw(formats),
        "method": draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS"])),
        "kind": draw(kinds),
        "plain": draw(st.booleans()),
    }


def target_of(asked: dict[str, Any], known: dict[str, list[str]]) -> bytes:
    """The path of a route, with what was drawn for its parts."""
    parts = iter(asked["parts"])

    def part(match: re.Match[str]) -> str:
        drawn = next(parts)
        if drawn is None:
            values = known.get(match[1], ["x"])
            return values[asked["pick"] % len(values)]
        raw = drawn[:3000] if asked["plain"] else wire.encoded(drawn[:1000]).decode()
        return re.sub(r"[\x00-\x20\x7f-\U0010ffff?#]", "_", raw)

    return re.sub(r"{(\w+)[^}]*}", part, asked["route"]).encode()


def test_every_route_answers_whatever_it_is_asked(target: Target) -> None:
    known = places(target)

    def attack(asked: dict[str, Any]) -> None:
        path = target_of(asked, known)
        values = [("f", asked["format"]), *asked["pairs"]]
        if asked["method"] != "POST":
            query = wire.form(values)[:60_000]
            check(wire.send(target.server.url, asked["method"], path + b"?" + query))
            return
        body = wire.multipart(values) if b"multipart" in asked["kind"] else wire.form(values)
        check(wire.send(target.server.url, "POST", path, {b"Content-Type": asked["kind"]}, body))

    for route in PATHS_OF_ROUTES:
        settings(max_examples=EXAMPLES)(given(requests(route))(attack))()


OPERATIONS = {
    "{map}/0/query": {"where": "1=1"},
    "{map}/export": {"bbox": "-10,-10,10,10"},
    "{map}/identify": {
        "geometry": "0,0",
        "tolerance": "3",
        "mapExtent": "-10,-10,10,10",
        "imageDisplay": "100,100,96",
    },
    "{map}/find": {"searchText": "p1"},
    "{map}/0/generateRenderer": {"classificationDef": '{"type": "uniqueValueDef"}'},
    "{job}/results/Output_Polygons": {},
    "{job}": {},
    "Buffer/GPServer/BufferPoints/submitJob": {},
    "BufferSync/GPServer/BufferPoints/execute": {},
    "Tools/GPServer/uploads/upload": {},
    "Tools/GPServer/uploads/register": {"itemName": "a.txt"},
}


@settings(max_examples=120)
@given(st.sampled_from(sorted(OPERATIONS)), pairs, formats)
def test_an_operation_refuses_what_it_cannot_do(
    target: Target, place: str, values: list[tuple[str, str]], name: str
) -> None:
    job = target.jobs["Buffer/BufferPoints"]
    path = place.format(map=f"Buffer/MapServer/jobs/{job}", job=f"Buffer/GPServer/BufferPoints/jobs/{job}")
    # What was drawn stands last, so it counts.
    body = wire.form([*OPERATIONS[place].items(), ("f", name), *values])
    kind = {b"Content-Type": b"application/x-www-form-urlencoded"}
    check(wire.send(target.server.url, "POST", f"/arcgis/rest/services/{path}".encode(), kind, body))


@settings(max_examples=30)
@given(st.sampled_from(PATHS) | st.text(min_size=1, max_size=20), st.integers(1, 3), st.booleans())
def test_no_path_leads_out_of_the_folders_of_files(
    target: Target, text: str, times: int, twice: bool
) -> None:
    name = wire.encoded("/".join([text] * times))
    name = wire.encoded(name) if twice else name
    job = target.jobs["Tools/FileTask"].encode()
    for path in (
        b"/arcgis/rest/directories/arcgisjobs/tools_gpserver/%s/scratch/%s" % (job, name),
        b"/arcgis/rest/directories/arcgisjobs/%s/%s/scratch/output.txt" % (name, job),
        b"/arcgis/rest/directories/arcgisoutput/%s" % name,
        b"/arcgis/rest/static/%s" % name,
        b"/arcgis/rest/services/Tools/GPServer/uploads/%s/download" % name,
        b"/%s" % name,
    ):
        answer = check(wire.send(target.server.url, "GET", path))
        assert answer is None or b"SQLite format" not in answer.body


@settings(max_examples=40)
@given(pairs, st.integers(0, 400), st.binary(max_size=3))
def test_a_multipart_body_may_end_or_break_anywhere(
    target: Target, values: list[tuple[str, str]], at: int, noise: bytes
) -> None:
    whole = wire.multipart([("f", "json"), ("Text", "x"), *[(name, text[:100]) for name, text in values]])
    kind = {b"Content-Type": b"multipart/form-data; boundary=x-boundary"}
    for body in (whole[:at], whole[:at] + noise + whole[at:], whole[:at] + noise * 1000 + whole[at + 5 :]):
        for place in (b"Tools/GPServer/FileTask/submitJob", b"Tools/GPServer/uploads/upload"):
            check(wire.send(target.server.url, "POST", b"/arcgis/rest/services/" + place, kind, body))


@settings(max_examples=60)
@given(
    st.sampled_from(
        [
            b"Host",
            b"X-Forwarded-Host",
            b"X-Forwarded-Proto",
            b"If-None-Match",
            b"Accept-Encoding",
            b"Origin",
            b"Referer",
            b"Cookie",
            b"Authorization",
            b"X-Esri-Authorization",
            b"Range",
            b"Content-Encoding",
            b"Last-Event-ID",
        ]
    ),
    st.binary(max_size=40) | hostile.map(lambda text: text[:3000].encode("utf-8", "surrogatepass")),
)
def test_headers_are_only_text(target: Target, name: bytes, value: bytes) -> None:
    value = re.sub(rb"[\x00\r\n]", b"_", value)
    for path in (
        b"/arcgis/rest/services/Tools/GPServer/FileTask?f=html",
        b"/arcgis/rest/services/Tools/GPServer/FileTask/jobs/%s" % target.jobs["Tools/FileTask"].encode(),
        b"/arcgis/rest/services/Tools/GPServer/FileTask/submitJob?Text=x",
        b"/metrics",
        b"/arcgis/rest/directories/arcgisjobs/tools_gpserver/%s/scratch/output.txt"
        % target.jobs["Tools/FileTask"].encode(),
    ):
        answer = check(wire.send(target.server.url, "GET", path, {name: value}))
        if answer and "html" in answer.headers.get("content-type", ""):
            assert b"<script>alert" not in answer.body


@settings(max_examples=40)
@given(hostile, st.sampled_from(["callback", "f", "Text", "jobId", "token"]))
def test_nothing_that_was_sent_becomes_a_header_or_markup(target: Target, value: str, name: str) -> None:
    query = wire.form([(name, value[:2000] + "\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>")])
    for place in (b"Tools/GPServer/FileTask/submitJob", b"Tools/GPServer/FileTask", b"Tools/GPServer/No"):
        answer = check(wire.send(target.server.url, "GET", b"/arcgis/rest/services/" + place + b"?" + query))
        if answer and "html" in answer.headers.get("content-type", ""):
            assert b"<script>alert" not in answer.body


def test_a_body_that_is_too_large_is_an_error_and_not_a_file(target: Target) -> None:
    body = b"Text=" + b"x" * (5 << 20)
    path = b"/arcgis/rest/services/Tools/GPServer/FileTask/submitJob?f=json"
    kind = {b"Content-Type": b"application/x-www-form-urlencoded"}
    answer = wire.send(target.server.url, "POST", path, kind, body)
    assert answer is not None
    assert "up to" in json.dumps(answer.json["error"])


@pytest.mark.parametrize("body", [b"=" + b"x" * 100_000, b"a&" * 100_000, b"&" * 100_000, b"a=1&" * 9_000])
def test_odd_forms_are_read_or_refused(target: Target, body: bytes) -> None:
    kind = {b"Content-Type": b"application/x-www-form-urlencoded"}
    check(wire.send(target.server.url, "POST", b"/arcgis/rest/services?f=json", kind, body))
