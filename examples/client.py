"""Buffers the populated places with the standard library alone: submit a job, poll it, fetch its result.

Usage: python client.py [server, default http://127.0.0.1:6080]
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6080"
TASK = f"{SERVER}/arcgis/rest/services/Buffer/GPServer/BufferPoints"
PLACES = Path(__file__).parent / "data" / "populated_places.geojson"
RUNNING = ("esriJobSubmitted", "esriJobWaiting", "esriJobExecuting")


def ask(url, **parameters):
    """POST a form, read JSON. An error comes with the HTTP status 200, so the body has to be looked at."""
    with urlopen(url, urlencode({"f": "json", **parameters}).encode()) as response:
        answer = json.load(response)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer


distance = json.dumps({"distance": 10, "units": "esriKilometers"})
job = ask(f"{TASK}/submitJob", Input_Features=PLACES.read_text("utf-8"), Distance=distance)
url = f"{TASK}/jobs/{job['jobId']}"
print(url)

while job["jobStatus"] in RUNNING:
    time.sleep(0.5)
    job = ask(url)
for message in job["messages"]:
    print(f"  {message['description']}")
if job["jobStatus"] != "esriJobSucceeded":
    sys.exit(job["jobStatus"])

# returnType=data: the features themselves, also where the service draws its results as a map.
polygons = ask(f"{url}/results/Output_Polygons", returnType="data")["value"]["features"]
print(f"{len(polygons)} polygons, the first one around {polygons[0]['attributes']['name']}")
