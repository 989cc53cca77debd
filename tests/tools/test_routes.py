"""Shortest paths and matrices, against NetworkX, pgRouting's published example, and pgRouting itself."""

from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import LineString, Point
from town import Town, segments, town

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.matrix import matrix
from gpserver.tools.network import network_of
from gpserver.tools.routes import shortest_paths


def layer(*shapes, crs=32633, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def spots(places, crs=32633):
    return gpd.GeoDataFrame(geometry=shapely.points(np.asarray(places, float)), crs=crs)


@pytest.fixture(scope="module")
def streets() -> Town:
    return town()


def graph_of(streets: Town, weight: str) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(len(streets.corners)))
    for start, end, meters, seconds in segments(streets):
        graph.add_edge(start, end, meters=meters, seconds=seconds, weight=locals()[weight])
    return graph


@pytest.mark.parametrize("by", ["time", "length"])
def test_paths_and_matrix_cost_what_networkx_says(by, streets):
    weight = {"time": "seconds", "length": "meters"}[by]
    network = network_of(streets.streets, speed="speed", oneway="oneway", by=by)
    graph = graph_of(streets, weight)
    start, end = np.random.default_rng(3).integers(0, len(streets.corners), (2, 80))
    found = shortest_paths(network, spots(streets.corners[start]), spots(streets.corners[end]))
    lengths = {node: nx.single_source_dijkstra_path_length(graph, node) for node in set(start.tolist())}
    wanted = [
        lengths[one].get(other, np.nan) for one, other in zip(start.tolist(), end.tolist(), strict=True)
    ]
    assert found[weight].to_numpy() == pytest.approx(wanted, rel=1e-9, nan_ok=True)
    there = found[found.geometry.notna()]
    assert len(there) > 50
    assert there.length.to_numpy() == pytest.approx(there.meters.to_numpy(), rel=1e-9)
    ends = shapely.get_point(there.geometry.array, -1)
    assert shapely.get_coordinates(ends) == pytest.approx(streets.corners[end][there.index])

    every = matrix(network, spots(streets.corners[start[:9]]), spots(streets.corners[end]))
    wanted = [(row, column, lengths[one][other])
              for row, one in enumerate(start[:9].tolist()) for column, other in enumerate(end.tolist())
              if other in lengths[one]]  # fmt: skip
    assert every[["origin", "destination", weight]].to_numpy() == pytest.approx(np.array(wanted), rel=1e-9)
    own = every[every.origin == every.destination].set_index("origin")
    assert own.meters.to_numpy() == pytest.approx(found.meters[own.index].to_numpy(), rel=1e-9)
    limit = every[weight].median()
    assert len(matrix(network, spots(streets.corners[start[:9]]), spots(streets.corners[end]), limit)) == (
        (every[weight] <= limit).sum()
    )


def test_first_and_last_edge_in_part():
    network = network_of(
        layer(LineString([(0, 0), (10, 0), (10, 10)]), LineString([(10, 10), (30, 10)]), speed=[36, 18]),
        speed="speed",
    )
    found = shortest_paths(
        network,
        layer(Point(4, 1), Point(4, 0), Point(7, 0), Point(5, 0), name=["a", "b", "c", "d"]),
        layer(Point(20, 9), Point(8, -1), Point(1, 0), Point(5, 0)),
    )
    assert found.geometry.iloc[0].equals(LineString([(4, 0), (10, 0), (10, 10), (20, 10)]))
    assert found.geometry.iloc[1].equals(LineString([(4, 0), (8, 0)]))
    assert found.geometry.iloc[2].equals_exact(LineString([(7, 0), (1, 0)]), 1e-9)
    assert found.geometry.iloc[3] is None
    assert found.meters.tolist() == pytest.approx([26, 4, 6, 0])
    assert found.seconds.tolist() == pytest.approx([1.6 + 2, 0.4, 0.6, 0])
    assert found.name.tolist() == ["a", "b", "c", "d"]
    assert counts_of(found) == (4, 4, 0)


def test_one_way_streets():
    square = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    ring = layer(*map(LineString, pairwise(square)), oneway=["yes"] * 4)
    network = network_of(ring, oneway="oneway")
    ahead, behind = Point(8, 0), Point(2, 0)
    found = shortest_paths(network, layer(behind, ahead), layer(ahead, behind))
    # Back again is all the way round.
    assert found.meters.tolist() == pytest.approx([6, 34])
    assert matrix(network, layer(behind), layer(ahead)).meters.tolist() == pytest.approx([6])
    assert shortest_paths(network_of(ring), layer(ahead), layer(behind)).meters.tolist() == pytest.approx([6])


def test_of_parallel_edges_the_cheaper_one_is_taken():
    lines = layer(
        LineString([(0, 0), (10, 0)]), LineString([(0, 0), (5, 5), (10, 0)]), LineString([(10, 0), (20, 0)]),
        speed=[5, 50, 50],
    )  # fmt: skip
    found = shortest_paths(network_of(lines, speed="speed"), layer(Point(0, 0)), layer(Point(20, 0)))
    assert found.geometry.iloc[0].equals(LineString([(0, 0), (5, 5), (10, 0), (20, 0)]))


def test_where_there_is_no_way():
    network = network_of(layer(LineString([(0, 0), (10, 0)]), LineString([(0, 5), (10, 5)])))
    found = shortest_paths(
        network, layer(Point(0, 0), Point(0, 90000), None), layer(Point(0, 5), Point(1, 0), Point(1, 0))
    )
    assert found.geometry.isna().all()
    assert found[["meters", "seconds"]].isna().all(axis=None)
    assert counts_of(found) == (3, 3, 3)
    assert len(matrix(network, layer(Point(0, 0)), layer(Point(0, 5)))) == 0
    assert len(shortest_paths(network, layer(), layer())) == 0
    with pytest.raises(InvalidValue, match="as many destinations"):
        shortest_paths(network, layer(Point(0, 0)), layer())


def test_across_180_degrees():
    network = network_of(
        layer(LineString([(179.9, 0), (180, 0)]), LineString([(-180, 0), (-179.9, 0)]), crs=4326)
    )
    found = shortest_paths(network, layer(Point(179.95, 0), crs=4326), layer(Point(-179.95, 0), crs=4326))
    assert found.meters.tolist() == pytest.approx([11131.949], abs=0.01)
    assert found.geometry.iloc[0].geom_type == "MultiLineString"
    assert found.total_bounds == pytest.approx([-180, 0, 180, 0])


# pgRouting's documented example: x and y of both ends, what it costs to go and to come; -1 is closed.
EXAMPLE = [
    (2, 0, 2, 1, 1, 1), (2, 1, 3, 1, -1, 1), (3, 1, 4, 1, -1, 1), (2, 1, 2, 2, 1, 1), (3, 1, 3, 2, 1, -1),
    (0, 2, 1, 2, 1, 1), (1, 2, 2, 2, 1, 1), (2, 2, 3, 2, 1, 1), (3, 2, 4, 2, 1, 1), (2, 2, 2, 3, 1, 1),
    (3, 2, 3, 3, 1, -1), (2, 3, 3, 3, 1, -1), (3, 3, 4, 3, 1, -1), (2, 3, 2, 4, 1, 1), (4, 2, 4, 3, 1, 1),
    (4, 1, 4, 2, 1, 1),
]  # fmt: skip


def example(directed=True):
    words = {(1, 1): "no", (1, -1): "yes", (-1, 1): "-1"}
    lines = layer(
        *(LineString([(a, b), (c, d)]) for a, b, c, d, *_ in EXAMPLE),
        crs=None,
        oneway=[words[there, back] for *_, there, back in EXAMPLE],
    )
    return network_of(lines, oneway="oneway" if directed else None, by="length")


@pytest.mark.parametrize(
    ("directed", "start", "end", "path"),
    [
        (True, (2, 1), (3, 1), [(2, 1), (2, 2), (3, 2), (4, 2), (4, 1), (3, 1)]),
        (False, (2, 1), (3, 1), [(2, 1), (3, 1)]),
        (True, (3, 1), (2, 1), [(3, 1), (2, 1)]),
    ],
)
def test_paths_of_the_published_example(directed, start, end, path):
    found = shortest_paths(example(directed), spots([start], None), spots([end], None))
    assert found.geometry.iloc[0].equals(LineString(path))
    assert found.meters.tolist() == [len(path) - 1]


def test_what_the_published_example_reaches():
    nodes = sorted({(a, b) for a, b, *_ in EXAMPLE} | {(c, d) for _, _, c, d, *_ in EXAMPLE})
    found = matrix(example(), spots([(2, 1)], None), spots(nodes, None), 3)
    assert {nodes[to]: int(cost) for to, cost in zip(found.destination, found.meters, strict=True)} == {
        (2, 1): 0, (2, 0): 1, (2, 2): 1, (3, 2): 2, (1, 2): 2, (2, 3): 2,
        (0, 2): 3, (4, 2): 3, (3, 3): 3, (2, 4): 3,
    }  # fmt: skip


@pytest.fixture(scope="module")
def pgrouting(postgis):
    if not postgis.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pgrouting'").fetchone():
        pytest.skip("needs pgRouting: run tests/clients/setup.sh")
    postgis.execute("CREATE EXTENSION IF NOT EXISTS pgrouting")
    return postgis


def test_pgrouting_finds_the_same(pgrouting, streets):
    meters = np.hypot(*(streets.corners[streets.end] - streets.corners[streets.start]).T)
    seconds = meters / streets.streets.speed.to_numpy()[streets.street] * 3.6
    oneway = streets.streets.oneway.to_numpy()[streets.street]
    pgrouting.execute("DROP TABLE IF EXISTS town")
    pgrouting.execute(
        "CREATE TABLE town (id bigint, source bigint, target bigint, cost float, reverse_cost float)"
    )
    rows = zip(
        range(len(meters)), streets.start.tolist(), streets.end.tolist(),
        np.where(oneway == "-1", -1, seconds).tolist(), np.where(oneway == "yes", -1, seconds).tolist(),
        strict=True,
    )  # fmt: skip
    with pgrouting.cursor() as cursor:
        cursor.executemany("INSERT INTO town VALUES (%s, %s, %s, %s, %s)", list(rows))
    # Places somewhere along segments, as pgRouting wants them: segment and share.
    dice = np.random.default_rng(8)
    segment, share = dice.integers(0, len(meters), 40), dice.random(40)
    points = ", ".join(
        f"({n}, {edge}, {part}::float)" for n, (edge, part) in enumerate(zip(segment, share, strict=True), 1)
    )
    there = pgrouting.execute(
        "SELECT start_pid, end_pid, agg_cost FROM pgr_withPointsCost('SELECT * FROM town',"
        f" 'SELECT * FROM (VALUES {points}) AS place (pid, edge_id, fraction)',"
        " (SELECT array_agg(-n) FROM generate_series(1, 20) n),"
        " (SELECT array_agg(-n) FROM generate_series(21, 40) n),"
        " directed => true, driving_side => 'b')"
    ).fetchall()
    wanted = {(-start - 1, -end - 21): cost for start, end, cost in there}
    start, end = streets.corners[streets.start[segment]], streets.corners[streets.end[segment]]
    places = start + share[:, None] * (end - start)
    found = matrix(
        network_of(streets.streets, speed="speed", oneway="oneway"), spots(places[:20]), spots(places[20:])
    )
    assert len(wanted) > 300
    assert {
        (row.origin, row.destination): pytest.approx(row.seconds, rel=1e-9) for row in found.itertuples()
    } == wanted
