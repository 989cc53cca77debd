"""Questions to netEngine that are answered at once: an area, a way, a matrix; as GeoJSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS
from shapely.geometry import mapping

from gpserver.errors import InvalidValue
from gpserver.evergis.methods import Area, Pairs, PointFeature, Way
from gpserver.evergis.netengine import all_pairs, is_towards, refuse_many
from gpserver.evergis.parameters import convert
from gpserver.features import parse_spatial_reference
from gpserver.layers import Layers
from gpserver.tools.isochrones import isochrones
from gpserver.tools.matrix import matrix
from gpserver.tools.reproject import reproject
from gpserver.tools.roads import roads_of
from gpserver.tools.routes import shortest_paths

MOST_PAIRS = 250_000
"""Ways of a matrix."""


def area(layers: Layers, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The area that is reached from a point within minutes, as a FeatureCollection; empty off the network."""
    body = convert(asked, Area, "data")
    if not body.duration > 0:
        raise InvalidValue(f"The duration is a number of minutes above 0, not {body.duration:g}.")
    start = _points([(body.x, body.y)], body.sr_in)
    network = roads_of(layers, body.provider_name)
    found = isochrones(network, start, [60 * body.duration], towards=is_towards(body.provider_name))
    facts = [{"duration": body.duration}] * len(found)
    return _collection(found, body.sr_out, facts)


def way(layers: Layers, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The fastest way from one point to another, as a FeatureCollection; empty where there is none."""
    body = convert(asked, Way, "data")
    network = roads_of(layers, body.provider_name)
    start, end = _points([(body.x1, body.y1)], body.sr_in), _points([(body.x2, body.y2)], body.sr_in)
    found = shortest_paths(network, start, end)
    found = found[found.geometry.notna()]
    facts = found[["meters", "seconds"]].rename(columns={"meters": "distance", "seconds": "duration"})
    return _collection(found, body.sr_out, facts.to_dict("records"))


def pairs(layers: Layers, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the fastest way of each pair takes, as features without geometry; null where there is none.

    ``distance`` and ``weightparameter`` are both seconds, or both metres, as clients read either.

    Raises:
        InvalidValue: There are too many pairs.
    """
    body = convert(asked, Pairs, "data")
    count = len(body.array_from) * len(body.array_to)
    refuse_many(count, MOST_PAIRS)
    network = roads_of(layers, body.transport_type)
    starts, ends = (_of_features(each, body.epsg_code) for each in (body.array_from, body.array_to))
    ways = all_pairs(matrix(network, starts, ends), len(starts), len(ends))
    measure = ways["seconds" if body.seconds else "meters"]
    amounts = measure.astype(object).where(measure.notna(), None).tolist()
    origins, goals = starts["gid"].tolist(), ends["gid"].tolist()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": None,
                "properties": {
                    "from": origins[origin],
                    "to": goals[goal],
                    "distance": amount,
                    "transporttype": body.transport_type,
                    "weightparameter": amount,
                },
            }
            for origin, goal, amount in zip(ways["origin"], ways["destination"], amounts, strict=True)
        ],
    }


def _points(places: Sequence[Sequence[float]], code: int) -> GeoDataFrame:
    flat = np.array(places, dtype=np.float64).reshape(-1, 2)
    return GeoDataFrame(geometry=shapely.points(flat), crs=_crs(code))


def _of_features(features: tuple[PointFeature, ...], code: int) -> GeoDataFrame:
    """Points with their gids, which are their places in the list where they have none."""
    labels = [item.properties.get("gid", place) for place, item in enumerate(features)]
    found = _points([item.geometry.coordinates[:2] for item in features], code)
    return found.assign(gid=pd.Series(labels, dtype=object))


def _crs(code: int) -> CRS:
    crs = parse_spatial_reference(code)
    if crs is None:
        raise InvalidValue(f"There is no spatial reference {code}.")
    return crs


def _collection(frame: GeoDataFrame, code: int, facts: list[dict[str, Any]]) -> dict[str, Any]:
    placed = reproject(frame, _crs(code)).geometry
    features = [
        {"type": "Feature", "geometry": {**mapping(shape), "srId": code}, "properties": properties}
        for shape, properties in zip(placed, facts, strict=True)
        if shape is not None
    ]
    return {"type": "FeatureCollection", "features": features}
