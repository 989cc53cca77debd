"""QGIS Processing gives the same answers as the tools: geometry, pairs, counts and statistics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gpserver.tools.aggregate import aggregate
from gpserver.tools.bins import bins
from gpserver.tools.buffer import buffer
from gpserver.tools.dissolve import dissolve
from gpserver.tools.join import join
from gpserver.tools.nearest import nearest
from gpserver.tools.outline import Outline
from gpserver.tools.overlay import overlay
from gpserver.tools.selection import select
from gpserver.tools.statistics import Statistic
from gpserver.tools.zones import zones

Layers = dict[str, gpd.GeoDataFrame]
Shapes = dict[tuple[Any, ...], Any]


@pytest.fixture(scope="module")
def layers() -> Layers:
    """Disks that overlap each other, points with a number that may be null, and zigzag lines."""
    dice = np.random.default_rng(11)

    def frame(shapes: Any, **columns: Any) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame({"id": range(len(shapes)), **columns}, geometry=shapes, crs=32633)

    def disks() -> gpd.GeoDataFrame:
        centres = shapely.points(dice.uniform(0, 1000, (80, 2)))
        kinds = [("a", "b", "c", None)[each % 4] for each in range(80)]
        return frame(shapely.buffer(centres, dice.uniform(15, 60, 80), quad_segs=3), kind=kinds)

    size = np.where(dice.random(300) < 0.1, np.nan, dice.integers(0, 50, 300))
    steps = dice.uniform(0, 1000, (40, 1, 2)) + np.cumsum(dice.uniform(-40, 80, (40, 5, 2)), axis=1)
    return {
        "left": disks(),
        "right": disks(),
        "cities": frame(shapely.points(dice.uniform(0, 1000, (300, 2))), size=size, kind=np.arange(300) % 5),
        "lines": frame(shapely.linestrings(steps)),
    }


@pytest.fixture(scope="module")
def said(
    qgis_python: str, converse: Any, told: Any, layers: Layers, tmp_path_factory: Any
) -> Callable[[str], Any]:
    """What came of each algorithm of processing_tools.py."""
    if not Path("/usr/share/qgis/python/plugins/processing").exists():
        pytest.skip("needs QGIS Processing: run tests/clients/setup.sh")
    folder = tmp_path_factory.mktemp("processing")
    for name, frame in layers.items():
        frame.to_file(folder / "layers.gpkg", layer=name)
    found: Callable[[str], Any] = told(
        converse(qgis_python, Path(__file__).parent / "processing_tools.py", folder / "layers.gpkg", folder)
    )
    return found


def theirs(rows: list[list[Any]]) -> Shapes:
    """Geometry by the values before it, without features that have none."""
    shapes = {tuple(row[:-1]): shapely.from_wkt(row[-1]) for row in rows if row[-1]}
    return {key: shape for key, shape in shapes.items() if not shape.is_empty}


def ours(frame: gpd.GeoDataFrame, *names: str) -> Shapes:
    frame = frame[frame.geometry.notna()]
    table = frame[list(names)].astype(object)
    keys = table.where(table.notna(), None).itertuples(index=False, name=None)
    return dict(zip(keys, frame.geometry, strict=True))


def agree(found: Shapes, expected: Shapes, tolerance: float = 1e-6) -> None:
    assert found.keys() == expected.keys()
    assert found
    pairs = np.array([[found[key], expected[key]] for key in found], dtype=object)
    apart = shapely.area(shapely.symmetric_difference(pairs[:, 0], pairs[:, 1]))
    assert apart.max() < tolerance


OVERLAYS = {
    "intersection": ("intersection", ["id", "id_1"]),
    "difference": ("subtraction", ["id"]),
    "symmetrical_difference": ("symmetric_difference", ["id", "id_1"]),
    "union": ("union", ["id", "id_1"]),
    "clip": ("clip", ["id"]),
}


@pytest.mark.parametrize("algorithm", OVERLAYS)
def test_overlays(algorithm: str, said: Any, layers: Layers) -> None:
    how, names = OVERLAYS[algorithm]
    found = overlay(layers["left"], layers["right"], how)  # type: ignore[arg-type]
    agree(ours(found, *names), theirs(said(algorithm)))


def test_identity_is_their_intersection_and_difference(said: Any, layers: Layers) -> None:
    found = overlay(layers["left"], layers["right"], "identity")
    rests = {(*key, None): shape for key, shape in theirs(said("difference")).items()}
    agree(ours(found, "id", "id_1"), theirs(said("intersection")) | rests)


def test_dissolve_by_a_field_with_nulls(said: Any, layers: Layers) -> None:
    agree(ours(dissolve(layers["left"], ["kind"]), "kind"), theirs(said("dissolve")))


def test_join_one_to_many(said: Any, layers: Layers) -> None:
    found = join(layers["left"], layers["cities"], many=True)
    pairs = sorted(zip(found["id"], found["id_1"], strict=True))
    assert pairs == sorted((left, city) for left, city, _ in said("joined"))


def test_count_and_statistics_of_points_in_polygons(said: Any, layers: Layers) -> None:
    wanted = [
        Statistic("size", function, f"{function}_")
        for function in ("count", "sum", "avg", "median", "std_deviation", "min", "max", "distinct_count")
    ]
    found = aggregate(layers["cities"], layers["left"], wanted).areas
    assert found.Count.tolist() == [count for _, count, _ in said("counted")]
    table = pd.DataFrame(
        [row[:-1] for row in said("summarized")],
        columns=["id", "count", "sum", "avg", "median", "population", "min", "max", "distinct_count"],
    ).set_index("id")
    mine = found.set_index("id").loc[table.index].rename(columns=lambda name: name.removesuffix("_"))
    for name in ("count", "sum", "avg", "median", "min", "max"):
        some = table["count"] > 0
        assert mine[name][some].tolist() == pytest.approx(table[name][some].tolist()), name
    # Theirs is that of a population, ours (and PostgreSQL's) that of a sample.
    several = table["count"] > 1
    count = table["count"][several]
    sample = table.population[several] * np.sqrt(count / (count - 1))
    assert mine.std_deviation[several].tolist() == pytest.approx(sample.tolist())


def test_statistics_by_categories_are_those_of_a_population_too(said: Any, layers: Layers) -> None:
    groups = layers["cities"].dropna(subset="size").groupby("kind")["size"]
    assert dict(said("kinds")) == pytest.approx(groups.std(ddof=0).to_dict())


def test_hexagons_have_the_same_shape(said: Any, layers: Layers) -> None:
    """Only their first one lies in the corner of the extent, ours in the origin of the coordinates."""
    expected = shapely.from_wkt([wkt for (wkt,) in said("hexagons")])
    found = bins(layers["cities"], "hexagon", 100).geometry.to_numpy()

    def at_home(shapes: Any) -> Any:
        middle = shapely.get_coordinates(shapely.centroid(shapes[0]))[0]
        return shapely.normalize(shapely.transform(shapes[0], lambda flat: np.round(flat - middle, 6)))

    assert shapely.equals_exact(at_home(found), at_home(expected), 1e-5)
    columns = [np.unique(np.round(shapely.get_x(shapely.centroid(each)), 6)) for each in (found, expected)]
    assert np.diff(columns[0])[0] == pytest.approx(np.diff(columns[1])[0])


BUFFERS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "round_buffers": ("lines", 10, {}),
    "flat_mitred_buffers": ("lines", 10, {"ends": "flat", "joins": "mitre"}),
    "square_bevelled_buffers": ("lines", 10, {"ends": "square", "joins": "bevel"}),
    "shrunk": ("left", -20, {}),
}


@pytest.mark.parametrize("algorithm", BUFFERS)
def test_buffers(algorithm: str, said: Any, layers: Layers) -> None:
    name, distance, outline = BUFFERS[algorithm]
    found = buffer(layers[name], distance, outline=Outline(**outline))
    agree(ours(found, "id"), theirs(said(algorithm)))


def test_one_side(said: Any, layers: Layers) -> None:
    """Where a line turns sharply, theirs has places at its other hand, too: GEOS before 3.12 left those."""
    found = ours(buffer(layers["lines"], 10, outline=Outline(side="left")), "id")
    expected = theirs(said("left_side"))
    assert found.keys() == expected.keys()
    more = [found[key].difference(expected[key]).area for key in found]
    less = np.array([expected[key].difference(found[key]).area for key in found])
    assert max(more) < 1e-6
    assert (less < 1e-6).mean() > 0.6


def test_rings(said: Any, layers: Layers) -> None:
    found = zones(layers["cities"], [10, 20, 30], rings=True)
    found["ring"] = (found["BUFF_DIST"] / 10).astype(int)
    mine, expected = ours(found, "id", "ring"), theirs(said("rings"))
    assert mine.keys() == expected.keys()
    # A circle of theirs has 40 corners, ours 64: 0.4 and 0.2 % of its area are missing.
    areas = [expected[key].area for key in mine]
    assert [shape.area for shape in mine.values()] == pytest.approx(areas, rel=0.003)


def test_nearest(said: Any, layers: Layers) -> None:
    found = nearest(layers["cities"], layers["lines"], 3).lines
    mine = dict(
        zip(zip(found["From_id_1"], found["To_id_1"], strict=True), found["Total_Meters"], strict=True)
    )
    assert mine == pytest.approx({(city, line): distance for city, line, distance, _ in said("nearest")})


def test_what_is_within_a_distance(said: Any, layers: Layers) -> None:
    found = select(layers["cities"], layers["lines"], "within_distance", meters=25)
    assert found["id"].tolist() == sorted(each for each, _ in said("near"))
