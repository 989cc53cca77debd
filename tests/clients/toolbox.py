"""Runs scenarios of arcgis for Python against a server; prints what came of each, as JSON.

It runs in the environment of its own that setup.sh makes.
Usage: python toolbox.py <services URL> <GeoJSON file of points>
"""

import inspect
import io
import json
import logging
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import arcgis
from arcgis.features import FeatureSet
from arcgis.geoprocessing import DataFile, LinearUnit, import_toolbox
from arcgis.geoprocessing._uploads import Uploads
from scenarios import run_all

SERVICES, PLACES = sys.argv[1:]
TEN_KILOMETERS = {"distance": 10, "units": "esriKilometers"}
NO_SUCH_UNITS = {"distance": 1, "units": "esriCubits"}


def toolbox(service):
    return import_toolbox(f"{SERVICES}/{service}/GPServer")


def points(count=None):
    features = [
        {
            "geometry": dict(zip("xy", place["geometry"]["coordinates"], strict=True)),
            "attributes": place["properties"],
        }
        for place in json.loads(Path(PLACES).read_text("utf-8"))["features"][:count]
    ]
    return FeatureSet.from_dict({"spatialReference": {"wkid": 4326}, "features": features})


def error_of(call, *args):
    """The text of the exception that a call must end with."""
    try:
        result = call(*args)
    except Exception as error:
        return str(error)
    raise AssertionError(f"it should have failed: {result}")


def signatures():
    """The functions that the client wrote from the descriptions of the tasks."""
    tools = toolbox("Tools")
    names = ["slow_task", "fail_task", "file_task", "echo_types"]
    tasks = {name: getattr(tools, name) for name in names}
    return {name: [str(inspect.signature(task)), task.__doc__] for name, task in tasks.items()}


def asynchronous():
    return toolbox("BufferPlain").buffer_points(points(), TEN_KILOMETERS).to_dict()


def synchronous():
    return toolbox("BufferSync").buffer_points(points(), TEN_KILOMETERS).to_dict()


def units():
    """Distances in the spellings that LinearUnit makes of "esriKilometers" and "NauticalMiles"."""
    buffer = toolbox("BufferSync").buffer_points
    spellings = [LinearUnit(1, units) for units in ("esriKilometers", "NauticalMiles", "Miles")]
    return {unit.units: buffer(points(1), unit).features[0].attributes["BUFF_DIST"] for unit in spellings}


def default_distance():
    """The client itself sends the default that the task's description names."""
    return toolbox("BufferPlain").buffer_points(points(1)).to_dict()


def web_mercator():
    arcgis.env.out_spatial_reference = 3857
    try:
        return toolbox("BufferPlain").buffer_points(points(3)).to_dict()
    finally:
        arcgis.env.out_spatial_reference = None


def values():
    date = datetime(2024, 2, 29, tzinfo=UTC)
    table = FeatureSet.from_dict({"features": [{"attributes": {"name": "one", "size": 1}}]})
    echo = toolbox("Tools").echo_types(
        "green", 42, 0.5, False, date, ["a", "b;c"], LinearUnit(3, "esriFeet"), table
    )
    return echo._asdict() | {"out_unit": echo.out_unit.to_dict(), "out_table": echo.out_table.to_dict()}


def defaults():
    """Optional parameters that are left out arrive as empty texts and as {"url": ""}."""
    return toolbox("Tools").echo_types()._asdict()


def file():
    data_file = toolbox("Tools").file_task("Grüße")
    return [type(data_file).__name__, arcgis.auth.EsriSession().get(data_file.url).content.decode()]


def uploads():
    """What a toolbox of the client calls its uploads; it offers none without a portal."""
    return Uploads(f"{SERVICES}/Tools/GPServer/uploads", arcgis.auth.EsriSession())


def upload_in_parts():
    """A file goes up in two parts, through a task and back; what the client makes of each step."""
    content = bytes(range(256)) * 500
    item = uploads().register("lake.zip", "in two parts")
    parts = [item.upload_by_part(n, io.BytesIO(content[n::2]), "lake.zip") for n in range(2)]
    told = {"limit": uploads().info["maxUploadFileSize"], "parts": [parts, item.parts]}
    told["committed"] = [item.properties["committed"], item.commit([1, 0]), item.properties["committed"]]
    given = DataFile(item_id=item.properties["itemID"])
    back = toolbox("Tools").echo_types(in_file=given).out_file.url
    fetched = arcgis.auth.EsriSession().get(back).content
    told["same"] = [fetched == content[1::2] + content[0::2], back.rpartition("/")[2]]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(item._download(folder))
        told["download"] = [place.name, place.read_bytes() == fetched]
    return told | {"deleted": item.delete()}


def upload_whole():
    item = uploads().upload(io.BytesIO(b"hello"), file_name="Grüße.txt")
    item = uploads().get(item.properties["itemID"])
    refused = uploads().upload(io.BytesIO(b"hello"), file_name="virus.exe")
    return [item.properties["itemName"], item.commit(), refused["error"]["details"]]


def future():
    job = toolbox("Tools").slow_task(0.5, future=True)
    return {"result": job.result(), "status": job.status, "messages": job.messages}


def cancel():
    job = toolbox("Tools").slow_task(60, future=True)
    while job.status != "esriJobExecuting":
        time.sleep(0.05)
    answer = job.cancel()
    while job.status == "esriJobCancelling":
        time.sleep(0.05)
    return {"answer": answer, "cancelled": job.cancelled(), "status": job.status}


def failure():
    return error_of(toolbox("Tools").fail_task, "The river has no water")


def bad_value():
    return error_of(toolbox("BufferPlain").buffer_points, points(1), NO_SUCH_UNITS)


def bad_value_synchronous():
    return error_of(toolbox("BufferSync").buffer_points, points(1), NO_SUCH_UNITS)


def bad_choice():
    return error_of(toolbox("Tools").echo_types, "purple")


def log():
    """What the messages of a job become in the client's log."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(f"{record.levelname}: {record.getMessage()}")
    logger = logging.getLogger("arcgis.geoprocessing._support")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    error_of(toolbox("Tools").fail_task, "The river has no water")
    logger.removeHandler(handler)
    return lines


SCENARIOS = [
    signatures, asynchronous, synchronous, units, default_distance, web_mercator, values, defaults,
    file, upload_in_parts, upload_whole, future, cancel, failure, bad_value, bad_value_synchronous,
    bad_choice, log,
]  # fmt: skip

run_all(SCENARIOS)
