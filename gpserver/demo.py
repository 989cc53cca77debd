"""Show a newcomer what the server does: buffer the example points through its own REST interface."""

import json
import shlex
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from gpserver.settings import EXAMPLE_DATA, Settings

_TASK = "Buffer/GPServer/BufferPoints"
_POINTS = EXAMPLE_DATA / "populated_places.geojson"
_ENDED = ("esriJobSucceeded", "esriJobFailed", "esriJobTimedOut", "esriJobCancelled")


def show(url: str, settings: Settings) -> None:
    """Submit the Buffer task on the example data and print what happens.

    Args:
        url: Scheme, host and port of the running server.
        settings: Its settings.
    """
    task = f"{url}/arcgis/rest/services/{_TASK}"
    try:
        job = _submit(task)
    except (OSError, KeyError, ValueError) as error:
        print(f"The demonstration needs the task {_TASK} in {settings.services}: {error}", flush=True)
        return
    print(f"\nA job was submitted: {job}\n")
    _follow(job)
    _print_curl(task)


def _submit(task: str) -> str:
    answer = _get(
        f"{task}/submitJob",
        {
            "Input_Features": _POINTS.read_text("utf-8"),
            "Distance": json.dumps({"distance": 100, "units": "esriKilometers"}),
        },
    )
    return f"{task}/jobs/{answer['jobId']}"


def _follow(job: str) -> None:
    status, seen = "", 0
    while status not in _ENDED:
        answer = _get(job)
        if answer["jobStatus"] != status:
            status = answer["jobStatus"]
            print(f"  {status}")
        for message in answer["messages"][seen:]:
            print(f"    {message['description']}")
        seen = len(answer["messages"])
        time.sleep(0.05)
    for name, place in answer.get("results", {}).items():
        value = _get(f"{job}/{place['paramUrl']}", {"returnType": "data"})["value"]
        print(f"\n  {name}: {len(value['features'])} features\n    {job}/{place['paramUrl']}")
    service, _, rest = job.partition("/GPServer/")
    print(f"\n  The map of the job:\n    {service}/MapServer/jobs/{rest.rpartition('/')[2]}")


def _print_curl(task: str) -> None:
    point = {"geometry": {"x": 2.35, "y": 48.86, "spatialReference": {"wkid": 4326}}}
    features = shlex.quote("Input_Features=" + json.dumps({"features": [point]}))
    distance = shlex.quote('Distance={"distance": 5, "units": "esriKilometers"}')
    print(
        f"\nLook at it in a browser: {task}\nOr submit a job yourself:\n\n"
        f"  curl {task}/submitJob -d f=json --data-urlencode {features} --data-urlencode {distance}\n\n"
        "The server goes on; stop it with Ctrl+C.",
        flush=True,
    )


def _get(url: str, values: dict[str, str] | None = None) -> Any:
    form = urllib.parse.urlencode({"f": "json", **(values or {})}).encode()
    with urllib.request.urlopen(url, form, timeout=60) as answer:  # noqa: S310 - our own server
        value = json.load(answer)
    if "error" in value:
        raise ValueError(value["error"]["message"])
    return value
