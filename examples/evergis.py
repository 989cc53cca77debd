"""Buffers the populated places through EverGIS' REST with the standard library alone.

Sign in, upload a file, import it into a layer, buffer the layer, poll, export the buffers, download them.

Usage: python evergis.py [server, default http://127.0.0.1:6080]
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

SERVER = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6080") + "/sp"
PLACES = Path(__file__).parent / "data" / "populated_places.geojson"
USER, PASSWORD = "demo", "demo"  # a server without users takes any
RUNNING = ("Scheduled", "Planning", "Executing")


def ask(path, body=None, kind="application/json", **headers):
    """GET, or POST a body; gives the bytes of the answer."""
    request = Request(SERVER + path, body, {"Content-Type": kind, **headers})
    with urlopen(request) as response:
        return response.read()


def run(kind, **body):
    """Create a task of the scheduler and wait for its end; gives what came of it."""
    task = json.loads(ask(f"/scheduler/tasks?type={kind}", json.dumps(body).encode(), **signed_in))
    print(f"{kind}: task {task['taskId']}")
    while task["status"] in RUNNING:
        time.sleep(0.5)
        place = f"/scheduler/{task.get('id') or task['taskId']}/progress"
        task = json.loads(ask(place, **signed_in))
    result = task["taskResult"]
    if task["status"] != "Completed":
        sys.exit(f"{task['status']}: {result['message']}")
    print(f"  {result['inputObjectCount']} objects read, {result['outputObjectCount']} written")
    return result


def upload(path):
    """Send a file as a form; gives the name by which tasks call it."""
    edge = "----a-line-that-no-file-has"
    name = f'Content-Disposition: form-data; name="file"; filename="{path.name}"'
    rewrite = 'Content-Disposition: form-data; name="rewrite"'
    head = f"--{edge}\r\n{rewrite}\r\n\r\ntrue\r\n--{edge}\r\n{name}\r\n\r\n".encode()
    body = head + path.read_bytes() + f"\r\n--{edge}--\r\n".encode()
    answer = ask("/upload/file", body, f"multipart/form-data; boundary={edge}", **signed_in)
    return json.loads(answer)["fileId"]


def layer(name, **more):
    """A named layer as the source or the target of a task."""
    return {"type": "layerTaskDataStorage", "serviceName": name, **more}


def file(name):
    """A file of the server as the source (import) or the target (export) of a task."""
    return {"type": "staticTaskDataStorage", "fileName": name}


credentials = json.dumps({"username": USER, "password": PASSWORD}).encode()
signed_in = {"Authorization": f"Bearer {json.loads(ask('/account/login', credentials))['token']}"}

run_name = f"{USER}.places_{time.time_ns()}"
run("copy", source=file(upload(PLACES)), target=layer(run_name, createNewService=True))
buffers = f"{run_name}_buffers"
run("buffer", source=layer(run_name), target=layer(buffers, createNewService=True), radii=["10000"])
run("copy", source=layer(buffers), target=file(f"{buffers}.geojson"))

exported = json.loads(ask(f"/resources/file/{quote(buffers)}.geojson", **signed_in))
print(f"{len(exported['features'])} polygons in {buffers}.geojson")
