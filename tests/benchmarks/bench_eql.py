"""What both query languages cost: expressions next to pandas and numpy, SELECT next to geopandas.

Run it with ``python -m tests.benchmarks eql``. A SELECT opens a database of its own, which is in its time;
geopandas finds its frame in memory, or reads it from the same Parquet file first.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from gpserver.eql import Table, read_condition, read_expression, read_select, run_select
from tests.benchmarks.timing import compare, table

ROWS, POINTS, ZONES = 1_000_000, 200_000, 400


def sample() -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "a": random.integers(0, 1000, ROWS),
            "b": random.uniform(0, 1, ROWS),
            "s": random.choice(["north road", "south road", "market"], ROWS),
        }
    )


def expressions() -> dict[str, dict[str, Callable[[], Any]]]:
    frame = sample()
    a, b = frame["a"].to_numpy(), frame["b"].to_numpy()
    condition = read_condition("a > 500 && b < 0.25 || a == 7")
    number, text = read_expression("a * 2 + b / 3"), read_condition("s == '%road'")
    return {
        "a > 500 && b < 0.25 || a == 7": {
            "numpy": lambda: (a > 500) & (b < 0.25) | (a == 7),
            "expression": lambda: condition.mask(frame),
            "DataFrame.query": lambda: frame.query("a > 500 and b < 0.25 or a == 7"),
        },
        "a * 2 + b / 3": {
            "numpy": lambda: a * 2 + b / 3,
            "expression": lambda: number.values(frame),
            "DataFrame.eval": lambda: frame.eval("a * 2 + b / 3"),
        },
        "s == '%road'": {
            "Series.str.endswith": lambda: frame["s"].str.endswith("road"),
            "expression": lambda: text.mask(frame),
        },
    }


def stored(folder: Path, name: str, frame: gpd.GeoDataFrame) -> Table:
    columns = {"gid": np.arange(1, len(frame) + 1), "kind": frame["kind"]}
    geometry = pa.array(shapely.to_wkb(frame.geometry.to_numpy()), pa.large_binary())
    rows = pa.table(columns | {"geometry": geometry})
    pq.write_table(rows, folder / f"{name}.parquet", compression="zstd")
    return Table((folder / f"{name}.parquet",), rows.schema, "geometry", 4326)


def selects(folder: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    random = np.random.default_rng(6)
    places = gpd.points_from_xy(random.uniform(0, 20, POINTS), random.uniform(40, 60, POINTS))
    points = gpd.GeoDataFrame({"kind": random.integers(0, 9, POINTS)}, geometry=places, crs=4326)
    corner = np.arange(ZONES)
    cells = shapely.box(corner % 20, 40 + corner // 20, corner % 20 + 1, 41 + corner // 20)
    zones = gpd.GeoDataFrame({"kind": corner}, geometry=cells, crs=4326)
    tables = {"u.p": stored(folder, "p", points), "u.z": stored(folder, "z", zones)}

    def read() -> gpd.GeoDataFrame:
        rows = pq.read_table(folder / "p.parquet")
        return gpd.GeoDataFrame(
            {"kind": rows["kind"].to_numpy()},
            geometry=shapely.from_wkb(rows["geometry"].to_numpy()),
            crs=4326,
        )

    def select(text: str) -> Callable[[], Any]:
        return lambda: run_select(read_select(text), tables)

    def counted(frame: gpd.GeoDataFrame) -> Any:
        return frame.sjoin(zones, predicate="within").groupby("kind_right").size()

    text = (
        "SELECT z.kind, count(*) FROM u.p p JOIN u.z z ON ST_Within(p.geometry, z.geometry) GROUP BY z.kind"
    )
    return {
        "one row by id": {"SELECT": select("SELECT * FROM u.p WHERE gid = 7")},
        "features of one kind": {
            "geopandas": lambda: points[points["kind"] == 3],
            "geopandas, read": lambda: (frame := read())[frame["kind"] == 3],
            "SELECT": select("SELECT * FROM u.p WHERE kind = 3"),
        },
        "points in zones": {
            "geopandas": lambda: counted(points),
            "geopandas, read": lambda: counted(read()),
            "SELECT": select(text),
        },
        "metres between neighbours": {
            "SELECT": select(
                "SELECT sum(ST_Distance(a.geometry::geography, b.geometry::geography)) FROM u.p a"
                " JOIN u.p b ON a.gid = b.gid + 1"
            )
        },
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for title, variants in (expressions() | selects(Path(folder))).items():
            print(table(title, compare(variants, 5), floor=next(iter(variants))))


if __name__ == "__main__":
    main()
