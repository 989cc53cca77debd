"""Jobs write and read layers, in a folder and in PostGIS, and the sweep of jobs takes temporary ones."""

import json
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import StartServer

from gpserver import JobContext
from gpserver.app import create_engine
from gpserver.errors import GPServerError
from gpserver.layers import Place, open_layers
from gpserver.settings import Settings

SERVICE = '''
"""Layers."""
from gpserver import JobContext, Points, task


@task(output="rows")
def keep(job: JobContext, points: Points, name: str) -> int:
    """Keep points as a layer."""
    job.layers.write(name, points)
    return job.layers.find(name).count


@task(output="found")
def show(job: JobContext, name: str) -> Points:
    """Show a layer."""
    return job.layers.read(name)
'''
POINTS = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "features": [{"attributes": {"a": n}, "geometry": {"x": n, "y": 50}} for n in range(3)],
}


def test_jobs_share_layers(start_server: StartServer, tmp_path: Path, place: Place) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "shelf.py").write_text(SERVICE)
    (tmp_path / "gpserver.toml").write_text(f'layers = "{place.location}"\n')
    server = start_server(tmp_path / "services")
    rows = server.client.run("Shelf/Keep", Points=json.dumps(POINTS), Name="u.points")
    assert rows["Rows"] == 3
    found = server.client.run("Shelf/Show", Name="u.points")["Found"]
    assert [feature["attributes"]["gid"] for feature in found["features"]] == [1, 2, 3]
    layers = place.open()
    assert layers.extent("u.points") == (0, 50, 2, 50)
    layers.drop("u.points")
    layers.close()


def test_the_sweep_of_jobs_takes_temporary_layers(tmp_path: Path) -> None:
    engine = create_engine(Settings(data=tmp_path))
    engine.layers.write("temp.a", pd.DataFrame({"a": [1]}))
    engine.layers.write("u.a", pd.DataFrame({"a": [1]}))
    engine.sweep(time.time() - 60)
    assert len(engine.layers.all()) == 2
    engine.sweep(time.time() + 60)
    assert [info.name for info in engine.layers.all()] == ["u.a"]
    engine.close()


def test_a_task_may_be_called_with_layers_or_without(tmp_path: Path) -> None:
    layers = open_layers(tmp_path)
    assert JobContext(layers=layers).layers is layers
    layers.close()
    with pytest.raises(GPServerError, match="JobContext"):
        _ = JobContext().layers
