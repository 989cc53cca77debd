"""QGIS finds the same shortest paths and reaches the same streets."""

import json
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from town import town

from gpserver.tools.network import network_of
from gpserver.tools.routes import shortest_paths
from gpserver.tools.streets import reachable_streets

SECONDS = 45


def test_paths_and_service_areas(qgis_python, tmp_path):
    # In degrees, since QGIS measures on the ellipsoid.
    made = town(16)
    streets = made.streets.to_crs(4326)
    streets.to_file(tmp_path / "streets.gpkg")
    middle = gpd.GeoSeries(shapely.points(np.random.default_rng(4).uniform(100, 1400, (40, 2))), crs=32633)
    pairs = shapely.get_coordinates(middle.to_crs(4326)).round(7).reshape(20, 2, 2)
    script = Path(__file__).with_name("roads.py")
    command = [script, tmp_path / "streets.gpkg", json.dumps(pairs.tolist()), SECONDS, tmp_path]
    done = subprocess.run([qgis_python, *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout.splitlines()[-1])

    network = network_of(streets, speed="speed", oneway="oneway")
    start, end = (gpd.GeoDataFrame(geometry=shapely.points(each), crs=4326) for each in pairs.swapaxes(0, 1))
    paths = shortest_paths(network, start, end)
    assert paths.seconds.tolist() == pytest.approx([seconds for seconds, _ in theirs["paths"]], rel=1e-4)
    assert alike(paths.geometry.to_numpy(), [path for _, path in theirs["paths"]])
    reached = reachable_streets(network, start, SECONDS).groupby(level=0).geometry.apply(shapely.union_all)
    assert alike(reached.to_numpy(), theirs["areas"])


def alike(lines, texts):
    """Whether all lines and those of QGIS, as text, are within 5 cm of each other."""
    others = shapely.from_wkt(texts)
    return all(
        shapely.covers(shapely.buffer(one, 5e-7), two).all()
        for one, two in ((lines, others), (others, lines))
    )
