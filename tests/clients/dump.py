"""Downloads all features of a layer with esridump, page by page in both of its ways; prints them as JSON.

It runs in the environment of its own that setup.sh makes.
Usage: python dump.py <layer URL>
"""

import json
import sys

from esridump import EsriDumper

[LAYER] = sys.argv[1:]


def features(**options):
    """Every feature as [properties, coordinates]; without the ten seconds' rest after every fifth request."""
    dumper = EsriDumper(LAYER, pause_seconds=0, num_of_retry=1, **options)
    return [[feature["properties"], feature["geometry"]["coordinates"]] for feature in dumper]


print(json.dumps({"by_offset": features(), "by_object_id": features(paginate_oid=True)}))
