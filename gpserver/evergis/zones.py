"""Buffer and route: polygons around objects, by metres or by seconds on the roads."""

from functools import partial
from typing import Any

import numpy as np
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pandas import DataFrame, concat, to_numeric

from gpserver.context import JobContext
from gpserver.eql import read_expression
from gpserver.errors import InvalidValue
from gpserver.evergis.bodies import Amount, Buffer, Route, Zones
from gpserver.evergis.sources import Taken, take
from gpserver.evergis.steps import Steps
from gpserver.evergis.targets import Made
from gpserver.tools.isochrones import isochrones
from gpserver.tools.roads import roads_of
from gpserver.tools.zones import zones

Numbers = NDArray[np.float64]


def buffer(job: JobContext, body: Buffer, steps: Steps) -> Made:
    """Buffer each object by each radius, in metres on the ground: see ``gpserver.tools.buffer``.

    A buffer has the id of its object and its radius; EverGIS says of no other attribute that it is copied.
    A negative radius shrinks polygons. Where a radius of an object is null or 0, or the object has no
    geometry, or nothing is left, there is no buffer.

    Raises:
        InvalidValue: A radius is no number and no expression that gives numbers.
    """
    taken = take(job, body.source)
    steps.at(0, len(taken.frame))
    places = taken.features[[taken.features.active_geometry_name]]
    radii = np.column_stack([numbers(f"radii[{n}]", each, taken) for n, each in enumerate(body.radii)])
    found = _buffers(places, radii, body)
    table = {
        body.base_object_id_attribute_name: taken.ids.take(found.index).array,
        body.radius_attribute_name: found["radius"].array,
    }
    return _made(body, taken, found, table, "they have no geometry, or no radius that leaves something.")


def _buffers(places: GeoDataFrame, radii: Numbers, body: Buffer) -> GeoDataFrame:
    """Buffers of all radii that there are, shape (objects, radii); the index says whose each one is."""
    sound = np.isfinite(radii) & (radii != 0)
    unit = 1.0 if places.crs is None or places.crs.is_geographic else _metres(places)
    pieces = [places.iloc[:0].assign(radius=np.zeros(0))]
    patterns, owner = np.unique(sound, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = np.flatnonzero(owner.ravel() == number)
        if not pattern.any() or not len(rows):
            continue
        own = radii[np.ix_(rows, pattern)]
        found = zones(
            places.iloc[rows],
            list(own.T),
            rings=body.exclude_inner_buffers,
            outside=body.exclude_source_polygon,
        )
        # The tool sorts distances and leaves out empty rings: each radius is found again by its size.
        wanted = radii[found.index][:, pattern]
        nearest = np.abs(wanted - (found["BUFF_DIST"].to_numpy(float) * unit)[:, None]).argmin(axis=1)
        found = found[[found.active_geometry_name]]
        pieces.append(found.assign(radius=wanted[np.arange(len(found)), nearest]))
    return _together(pieces)


def _metres(places: GeoDataFrame) -> float:
    return float(places.crs.axis_info[0].unit_conversion_factor)


def _together(pieces: list[GeoDataFrame]) -> GeoDataFrame:
    some = [piece for piece in pieces if len(piece)] or pieces[:1]
    found: GeoDataFrame = concat(some).sort_index(kind="stable")
    return found[found.geometry.notna()]


def route(job: JobContext, body: Route, steps: Steps) -> Made:
    """Find what can be reached from each object within its duration, in seconds.

    The roads are a named layer: see ``gpserver.tools.roads``. A line or polygon starts from its centroid. The
    coordinates that are written are those of the start in the spatial reference of the source.

    Raises:
        NotFound: There is no layer of roads.
        InvalidValue: The duration is no number and no expression that gives numbers.
    """
    taken = take(job, body.source)
    steps.at(0, len(taken.frame))
    starts = taken.features[[taken.features.active_geometry_name]]
    starts = starts.set_geometry(starts.geometry.where(starts.geom_type == "Point", _centres(starts)))
    seconds = numbers("duration", body.duration, taken)
    sound = np.isfinite(seconds) & (seconds > 0) & starts.geometry.notna() & ~starts.geometry.is_empty
    rows = np.flatnonzero(sound)
    network = roads_of(job.layers, body.provider_type)
    batches = partial(steps.through, of=len(rows))
    found = isochrones(network, starts.iloc[rows], seconds[rows][:, None], blocks=batches)
    found = found[found.geometry.notna()]
    centre = starts.geometry.take(found.index)
    table: dict[str, Any] = {body.base_object_id_attribute_name: taken.ids.take(found.index).array}
    values = (seconds[found.index], centre.x.array, centre.y.array)
    names = (
        body.duration_attribute_name,
        body.route_center_x_attribute_name,
        body.route_center_y_attribute_name,
    )
    table |= {name: value for name, value in zip(names, values, strict=True) if name}
    return _made(body, taken, found, table, "they are far from every road, or have no duration above 0.")


def _centres(places: GeoDataFrame) -> Any:
    return GeoDataFrame(geometry=places.geometry.array.centroid).geometry.set_axis(places.index)


def numbers(path: str, amount: Amount, taken: Taken) -> Numbers:
    """A number for each object, shape (n,); NaN for null.

    Raises:
        InvalidValue: The expression is wrong, or gives something else; names the path of the field.
    """
    if not isinstance(amount, str):
        return np.full(len(taken.frame), float(amount))
    try:
        frame = taken.frame.assign(**{taken.like.id_attribute: taken.ids}) if taken.like else taken.frame
        values = read_expression(amount).values(frame)
        return np.asarray(to_numeric(values), dtype=np.float64)
    except (InvalidValue, ValueError, TypeError) as error:
        raise InvalidValue(f"{path}: {error}") from error


def _made(body: Zones, taken: Taken, found: GeoDataFrame, table: dict[str, Any], reason: str) -> Made:
    geometry = found.geometry.array
    frame = GeoDataFrame(DataFrame(table), geometry=geometry)
    lost = len(taken.frame) - found.index.nunique()
    problems = _problems(lost, len(taken.frame), reason)
    names = body.id_attribute_name, body.geometry_attribute_name
    return Made(frame, len(taken.frame), lost, problems, taken.like, *names)


def _problems(lost: int, count: int, reason: str) -> list[str]:
    return [f"{lost} of {count} objects were left out: {reason}"] if lost else []
