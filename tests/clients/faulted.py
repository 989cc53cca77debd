"""Runs one job of each service with arcgis for Python, all at once; prints what came of each, as JSON.

It runs in the environment of its own that setup.sh makes.
Usage: python faulted.py <services URL> <service>...
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from arcgis.geoprocessing import import_toolbox

SERVICES, *NAMES = sys.argv[1:]


def outcome(service):
    try:
        return import_toolbox(f"{SERVICES}/{service}/GPServer").double(2)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


with ThreadPoolExecutor(len(NAMES)) as threads:
    print(json.dumps(dict(zip(NAMES, threads.map(outcome, NAMES), strict=True))))
