"""Several writers at once, writers that are killed, many small writes, and what the sweep takes away."""

import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pytest
from shapely import Point

from gpserver.errors import GPServerError
from gpserver.layers import Attribute, LayerInfo, Layers, Place
from gpserver.settings import Settings

BATCH = 10_000


def writer(place: Place, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, Path(__file__).with_name("writer.py"), place.location, place.files, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def files(place: Place) -> set[Path]:
    return set(Path(place.location).glob("*/*.parquet"))


def test_writers_at_once_and_one_of_them_killed(place: Place, layers: Layers) -> None:
    info = layers.create(LayerInfo("u.log", (Attribute("batch"),), geometry_type="Point", sr_id=3857))
    doomed = writer(place, info.name, "doomed", "0", str(BATCH))
    other = writer(place, info.name, "other", "6", "500")
    assert doomed.stdout
    for _ in range(4):  # the fourth has begun, and the third is there
        doomed.stdout.readline()
    time.sleep(0.03)
    doomed.kill()
    assert other.wait(60) == 0
    doomed.wait()
    frame = layers.read("u.log")
    assert frame["gid"].is_unique
    assert frame["gid"].is_monotonic_increasing
    assert layers.find("u.log").count == len(frame)
    sizes = frame["batch"].str.rstrip("!").value_counts()
    assert {sizes[f"other{batch}"] for batch in range(6)} == {500}
    assert set(sizes[sizes.index.str.startswith("doomed")]) == {BATCH}
    assert len(sizes) >= 9
    updated = frame["batch"].str.endswith("!")
    assert updated[frame["batch"].str.startswith("other")].sum() == 6
    assert list(layers.append("u.log", frame.iloc[:1])) > [int(frame["gid"].max())]
    for stream in (doomed.stdout, other.stdout):
        stream.close()


def test_the_sweep_takes_what_nobody_names(
    tmp_path: Path, folder_layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, place = folder_layers, Place(str(tmp_path / "layers"))
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[Point(1, 2)] * 2, crs=4326)
    info = layers.write("u.kept", frame)
    layers.write("temp.new", frame)
    orphan = Path(place.location) / info.id / f"{'0' * 32}.parquet"
    orphan.write_bytes(b"half of a file")
    layers.update("u.kept", pd.DataFrame({"gid": [1], "a": [7]}))
    assert len(files(place)) == 4
    layers.sweep(time.time() - 3600)
    assert len(files(place)) == 4  # a reader may still have the one that was replaced
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    layers.sweep(later - 1)
    assert [item.name for item in layers.all()] == ["u.kept"]
    later += 3600
    layers.sweep(later - 1)
    assert len(files(place)) == 1
    assert list(layers.read("u.kept")["a"]) == [7, 2]


def test_many_small_writes_make_few_files(tmp_path: Path, folder_layers: Layers) -> None:
    layers = folder_layers
    info = layers.create(LayerInfo("u.log", (Attribute("n", "Int32"),), geometry_attribute=None))
    for number in range(100):
        layers.append("u.log", pd.DataFrame({"n": [number]}))
    frame = layers.read("u.log")
    assert list(frame["n"]) == list(range(100))
    assert list(frame["gid"]) == list(range(1, 101))
    version = layers.find("u.log").version
    assert version > 100
    read = {path.name for path in _parts(layers, info)}
    assert len(read) < 40


def _parts(layers: Layers, info: LayerInfo) -> tuple[Path, ...]:
    return layers._store._table(info).parts


def test_parts_are_geoparquet_for_others(folder_layers: Layers) -> None:
    points = gpd.points_from_xy(range(3), range(3), crs=32637)
    info = folder_layers.write("u.points", gpd.GeoDataFrame({"a": [1, 2, 3]}, geometry=points))
    [path] = _parts(folder_layers, info)
    others = gpd.read_parquet(path)
    assert others.crs == 32637
    assert others.geometry.x.tolist() == [0, 1, 2]
    assert pq.read_schema(path).names == ["gid", "a", "geometry"]


def test_a_place_travels_as_json() -> None:
    place = Place("/somewhere", "/files", True, ("root",))
    assert asdict(Place(**asdict(place))) == asdict(place)


def test_a_database_that_is_not_there_is_said() -> None:
    layers = Place("postgresql://nobody:secret@127.0.0.1:1/none", "/nowhere").open()
    with pytest.raises(GPServerError, match=r"^The database of the layers cannot be reached\.$"):
        layers.find("u.a")


def test_nobody_reads_the_password_of_the_database() -> None:
    url = "postgresql://gpserver:secret@host/layers"
    assert "secret" not in repr(Place(url)) + repr(Settings(layers=url))
