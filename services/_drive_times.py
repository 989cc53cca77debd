"""Areas within a time or a distance along roads, as portals know the task; part of the service "tasks"."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from geopandas import GeoDataFrame

from gpserver import (
    Features,
    JobContext,
    LinearUnit,
    Lines,
    Param,
    Points,
    Polygons,
    TaskError,
    TimeUnit,
    task,
)
from gpserver.tools.barriers import without
from gpserver.tools.counts import counts_of
from gpserver.tools.isochrones import isochrones
from gpserver.tools.network import Network
from gpserver.tools.portal import placed, title_of, within_extent
from gpserver.tools.roads import network_of_roads, road_layer, roads_in, roads_of
from gpserver.tools.streets import reachable_streets

Times = ("Seconds", "Minutes", "Hours")
Units = Literal["Seconds", "Minutes", "Hours", "Feet", "Meters", "Kilometers", "Miles", "Yards"]
BREAKS = (5.0, 10.0, 15.0)


@task(name="CreateDriveTimeAreas", output="driveTimeAreasLayer")
def create_drive_time_areas(
    job: JobContext,
    input_layer: Annotated[Points, Param(name="inputLayer")],
    values: Annotated[list[float], Param(name="breakValues", minimum=0)] = list(BREAKS),  # noqa: B006 - never changed
    units: Annotated[Units, Param(name="breakUnits")] = "Minutes",
    travel_mode: Annotated[str, Param(name="travelMode")] = "Driving Time",
    policy: Annotated[Literal["Overlap", "Dissolve", "Split"], Param(name="overlapPolicy")] = "Overlap",
    time_of_day: Annotated[datetime | None, Param(name="timeOfDay")] = None,
    time_zone: Annotated[Literal["GeoLocal", "UTC"], Param(name="timeZoneForTimeOfDay")] = "GeoLocal",
    point_barriers: Annotated[Points | None, Param(name="pointBarrierLayer", category="Barriers")] = None,
    line_barriers: Annotated[Lines | None, Param(name="lineBarrierLayer", category="Barriers")] = None,
    polygon_barriers: Annotated[
        Polygons | None, Param(name="polygonBarrierLayer", category="Barriers")
    ] = None,
    direction: Annotated[
        Literal["AwayFromFacility", "TowardsFacility"], Param(name="travelDirection")
    ] = "AwayFromFacility",
    holes: Annotated[bool, Param(name="showHoles")] = False,
    streets: Annotated[bool, Param(name="includeReachableStreets")] = False,
    output_name: Annotated[str | None, Param(name="outputName", category="Output")] = None,
    context: Annotated[str | None, Param(name="context", category="Output")] = None,
) -> Annotated[Polygons, Param(name="driveTimeAreasLayer")]:
    """Draw the area that can be reached from points along roads within times or distances.

    The roads are the named layer networks.car, for walking networks.walk: lines whose attributes speed (km/h)
    and oneway count for driving. Walking goes everywhere at 5 km/h.

    Args:
        input_layer: The points to start from.
        values: The times or distances.
        units: Their units: of time, or of distance along the roads.
        travel_mode: The name of a travel mode (Driving Time, Walking Distance ...), or a travel mode as JSON.
        policy: Areas of several points may overlap, be dissolved, or be split where another point is nearer.
        time_of_day: Has no effect: speeds are the same at all times.
        time_zone: Has no effect.
        point_barriers: Places on roads where nobody passes.
        line_barriers: Lines that nobody crosses.
        polygon_barriers: Areas whose roads are closed.
        direction: Whether to go away from the points or to come to them.
        holes: Whether areas have holes where roads are not reached.
        streets: Whether the roads that are reached become a temporary named layer; a message tells its name.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that points must meet, and outSR, the spatial reference of the result.

    Returns:
        The areas as rings from FromBreak to ToBreak, with FacilityOID (the number of the point, from 1) and
        the attributes of the point, where areas are not dissolved.
    """
    points = within_extent(input_layer, context).drop(columns=["FromBreak", "ToBreak"], errors="ignore")
    one = TimeUnit(1, units).seconds if units in Times else LinearUnit(1, units).meters
    barriers = [each for each in (point_barriers, line_barriers, polygon_barriers) if each is not None]
    network = _network(job, "walk" if _walks(travel_mode) else "car", units in Times, barriers)
    if time_of_day is not None:
        job.info("Speeds do not depend on the time of day.")
    towards = direction == "TowardsFacility"
    found = isochrones(
        network,
        points.assign(FacilityOID=range(1, len(points) + 1)),
        [value * one for value in values],
        towards=towards,
        overlap=policy.lower(),
        rings=True,
        holes=holes,
        blocks=lambda batches: job.each(batches, "Searching roads"),
    )
    if streets:
        _keep_streets(job, reachable_streets(network, points, max(values) * one, towards=towards))
    counts = counts_of(found)
    job.info(f"{title_of(output_name) or 'Result'}: {counts.written:,} areas of {counts.read:,} points.")
    found = found.assign(FromBreak=found["FromBreak"] / one, ToBreak=found["ToBreak"] / one)
    return placed(found.reset_index(drop=True), context)


def _network(job: JobContext, provider: str, timed: bool, barriers: list[Features]) -> Network:
    by: Any = "time" if timed else "length"
    if not barriers:
        return roads_of(job.layers, provider, by=by)
    roads = roads_in(job.layers, road_layer(job.layers, provider))
    return network_of_roads(without(roads, barriers), provider, by=by)


def _walks(travel_mode: str) -> bool:
    """Whether a travel mode is on foot, by its name or its type."""
    text = travel_mode.strip()
    if text.startswith("{"):
        try:
            mode = json.loads(text)
        except ValueError as error:
            raise TaskError("travelMode is not JSON.") from error
        text = str(mode.get("type") or mode.get("name") or "")
    if any(word in text.lower() for word in ("walk", "pedestrian")):
        return True
    if not any(word in text.lower() for word in ("driv", "truck", "auto", "car", "other")):
        raise TaskError(f'There is no travel mode "{text}"; say Driving Time or Walking Time, for example.')
    return False


def _keep_streets(job: JobContext, found: GeoDataFrame) -> None:
    name = f"temp.reachable_streets_{uuid.uuid4().hex[:8]}"
    table = found.assign(FacilityOID=found.index + 1)[["FacilityOID", "meters", found.active_geometry_name]]
    job.layers.write(name, table.reset_index(drop=True))
    job.info(f"The {len(found):,} streets that are reached are the layer {name}.")
