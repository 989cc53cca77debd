"""Spatial analysis as portals know it: the feature analysis tasks of ArcGIS, with their names and parameters.

Layers come as features, as a feature collection, or by the URL of a layer with a filter. Distances are
measured on the ground where layers are in longitude and latitude or in Web Mercator. Results are features
of the job, and nothing is published elsewhere: outputName only names them in the job's messages.
"""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import shapely
from _drive_times import create_drive_time_areas as create_drive_time_areas
from geopandas import GeoDataFrame

from gpserver import (
    ArealUnit,
    Features,
    JobContext,
    LinearUnit,
    Lines,
    Param,
    Points,
    Polygons,
    Service,
    Table,
    TaskError,
    task,
)
from gpserver.tools.aggregate import AREA, LENGTH, aggregate
from gpserver.tools.attributes import field_of
from gpserver.tools.binning import bin_points
from gpserver.tools.bins import bins
from gpserver.tools.counts import counts_of
from gpserver.tools.dissolve import dissolve
from gpserver.tools.join import join
from gpserver.tools.merge import merge
from gpserver.tools.nearest import nearest
from gpserver.tools.outline import Outline
from gpserver.tools.overlay import overlay
from gpserver.tools.portal import (
    best_records,
    field_pairs,
    merging,
    placed,
    summaries,
    summarized_areas,
    title_of,
    within_extent,
)
from gpserver.tools.zones import zones

Distance = Literal["Meters", "Kilometers", "Feet", "Miles", "NauticalMiles", "Yards"]
Shape = Literal[
    "Meters", "Kilometers", "Feet", "Yards", "Miles", "Acres", "Hectares", "SquareMeters", "SquareKilometers",
    "SquareFeet", "SquareYards", "SquareMiles",
]  # fmt: skip
OutputName = Annotated[str | None, Param(name="outputName", category="Output")]
Context = Annotated[str | None, Param(name="context", category="Output")]
SummaryFields = Annotated[list[str] | None, Param(name="summaryFields")]
BinType = Annotated[Literal["Square", "Hexagon"] | None, Param(name="binType", category="Bins")]
BinSize = Annotated[float | None, Param(name="binSize", minimum=0, category="Bins")]
BinUnit = Annotated[Distance, Param(name="binSizeUnit", category="Bins")]
GroupBy = Annotated[str | None, Param(name="groupByField", category="Groups")]
Extremes = Annotated[bool, Param(name="minorityMajority", category="Groups")]

OVERLAYS: dict[str, Any] = {"Intersect": "intersection", "Union": "union", "Erase": "subtraction"}
RELATIONS = {
    "identicalto": "equals",
    "intersects": "intersects",
    "completelycontains": "contains_properly",
    "completelywithin": "within_properly",
    "contains": "contains",
    "within": "within",
    "withindistance": "within_distance",
}
DIMENSIONS = {"Input": 2, "Line": 1, "Point": 0}


@task(name="CreateBuffers", output="bufferLayer")
def create_buffers(
    job: JobContext,
    input_layer: Annotated[Features, Param(name="inputLayer")],
    distances: Annotated[list[float] | None, Param(name="distances")] = None,
    field: Annotated[str | None, Param(name="field")] = None,
    units: Annotated[Distance, Param(name="units")] = "Meters",
    dissolve_type: Annotated[Literal["None", "Dissolve"], Param(name="dissolveType")] = "None",
    ring_type: Annotated[Literal["Disks", "Rings"], Param(name="ringType")] = "Disks",
    side_type: Annotated[Literal["Full", "Left", "Right", "Outside"], Param(name="sideType")] = "Full",
    end_type: Annotated[Literal["Round", "Flat"], Param(name="endType")] = "Round",
    output_name: OutputName = None,
    context: Context = None,
) -> Annotated[Polygons, Param(name="bufferLayer")]:
    """Draw the area within one or several distances of points, lines or polygons.

    Args:
        input_layer: The features to buffer.
        distances: One or several distances. Give these or a field.
        field: A field with the distance of each feature.
        units: The units of distances and field.
        dissolve_type: Dissolve unites the buffers of one distance into one feature without attributes.
        ring_type: With several distances: Disks overlap each other, Rings have the smaller ones cut out.
        side_type: Left and Right are sides of lines, seen along them; Outside cuts polygons out of theirs.
        end_type: The ends of lines.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.

    Returns:
        The buffers, with the distance in BUFF_DIST in units of the spatial reference (metres in degrees).
    """
    frame = within_extent(input_layer, context)
    meters = _meters(units)
    if not distances and not field:
        raise TaskError("CreateBuffers needs distances or a field.")
    radii: list[Any] = [each * meters for each in distances or ()]
    if not radii:
        radii = [frame[field_of(frame, str(field))].to_numpy(float, na_value=np.nan) * meters]
    side: Any = side_type.lower() if side_type in ("Left", "Right") else "both"
    found = zones(
        frame,
        radii,
        rings=ring_type == "Rings",
        outside=side_type == "Outside",
        dissolve=dissolve_type == "Dissolve",
        outline=Outline(ends="flat" if end_type == "Flat" else "round", side=side),
        blocks=lambda blocks: job.each(blocks, "Buffering"),
    )
    return _result(job, found, context, output_name)


@task(name="DissolveBoundaries", output="dissolvedLayer")
def dissolve_boundaries(
    job: JobContext,
    input_layer: Annotated[Polygons, Param(name="inputLayer")],
    dissolve_fields: Annotated[list[str] | None, Param(name="dissolveFields")] = None,
    summary_fields: SummaryFields = None,
    multi_part: Annotated[bool, Param(name="multiPartFeatures")] = True,
    output_name: OutputName = None,
    context: Context = None,
) -> Annotated[Polygons, Param(name="dissolvedLayer")]:
    """Unite polygons that overlap or share a border, or those that have the same values.

    Args:
        input_layer: The polygons to dissolve.
        dissolve_fields: Unite polygons with the same values of these fields; without any those that touch.
        summary_fields: Statistics of them, each a field and one of Sum, Min, Max, Mean, Stddev.
        multi_part: Whether areas apart from each other with the same values are one feature.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.

    Returns:
        The areas, with the values that they have in common, Count, and the statistics.
    """
    frame, by = within_extent(input_layer, context), dissolve_fields or []
    wanted = summaries(frame, summary_fields)
    found = dissolve(frame, by, wanted, touching=not by, multipart=multi_part)
    return _result(job, found, context, output_name)


@task(name="OverlayLayers", output="outputLayer")
def overlay_layers(
    job: JobContext,
    input_layer: Annotated[Features, Param(name="inputLayer")],
    overlay_layer: Annotated[Features, Param(name="overlayLayer")],
    overlay_type: Annotated[Literal["Intersect", "Union", "Erase"], Param(name="overlayType")] = "Intersect",
    snap_to_input: Annotated[bool, Param(name="snapToInput")] = False,
    output_type: Annotated[Literal["Input", "Line", "Point"], Param(name="outputType")] = "Input",
    tolerance: Annotated[float | None, Param(name="tolerance")] = None,
    output_name: OutputName = None,
    context: Context = None,
) -> Annotated[Features, Param(name="outputLayer")]:
    """Cut the features of two layers by each other.

    Args:
        input_layer: The features that are cut.
        overlay_layer: The features that cut them.
        overlay_type: Intersect keeps what both have in common, Erase what the overlay leaves over, Union all.
        snap_to_input: Has no effect: coordinates are taken as they are.
        output_type: What an intersection is made of: Input for features as they come, or lines or points.
        tolerance: Has no effect: coordinates are taken as they are.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.

    Returns:
        The pieces, with the attributes of the features that they come from.
    """
    if snap_to_input or tolerance:
        job.warning("Nothing is snapped: coordinates are taken as they are.")
    frame = within_extent(input_layer, context)
    found = overlay(frame, overlay_layer, OVERLAYS[overlay_type], DIMENSIONS[output_type])
    return _result(job, found, context, output_name)


@task(name="MergeLayers", output="mergedLayer")
def merge_layers(
    job: JobContext,
    input_layer: Annotated[Features, Param(name="inputLayer")],
    merge_layer: Annotated[Features, Param(name="mergeLayer")],
    merging_attributes: Annotated[list[str] | None, Param(name="mergingAttributes")] = None,
    output_name: OutputName = None,
    context: Context = None,
) -> Annotated[Features, Param(name="mergedLayer")]:
    """Put the features of two layers into one.

    Args:
        input_layer: The first layer.
        merge_layer: The second layer, of the same type: points, lines or polygons.
        merging_attributes: What becomes of fields of the second layer: "Size Remove", "Size Rename Area", or
            "Size Match Extent" to fill the field Extent of the first layer.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.

    Returns:
        The features of both, with the fields of both.
    """
    added = merging(merge_layer, input_layer, merging_attributes)
    found = merge([within_extent(input_layer, context), within_extent(added, context)])
    return _result(job, found, context, output_name)


@task(name="JoinFeatures", output="outputLayer")
def join_features(
    job: JobContext,
    target_layer: Annotated[Features, Param(name="targetLayer")],
    join_layer: Annotated[Features, Param(name="joinLayer")],
    relationship: Annotated[
        Literal[
            "identicalto",
            "intersects",
            "completelycontains",
            "completelywithin",
            "contains",
            "within",
            "withindistance",
        ]
        | None,
        Param(name="spatialRelationship"),
    ] = None,
    distance: Annotated[float | None, Param(name="spatialRelationshipDistance")] = None,
    distance_units: Annotated[Distance, Param(name="spatialRelationshipDistanceUnits")] = "Miles",
    attributes: Annotated[str | None, Param(name="attributeRelationship")] = None,
    summary_fields: SummaryFields = None,
    operation: Annotated[
        Literal["JoinOneToOne", "JoinOneToMany"], Param(name="joinOperation")
    ] = "JoinOneToOne",
    records: Annotated[str | None, Param(name="recordsToMatch")] = None,
    join_type: Annotated[Literal["INNER", "LEFT"], Param(name="joinType")] = "INNER",
    output_name: OutputName = None,
    context: Context = None,
) -> Annotated[Features, Param(name="outputLayer")]:
    """Give features the attributes of those of another layer that belong to them by place or by values.

    Args:
        target_layer: The features that get attributes.
        join_layer: The features that give them.
        relationship: How a target lies to the features that are joined to it.
        distance: The distance of withindistance.
        distance_units: The units of that distance.
        attributes: Pairs of fields that must be equal, as JSON:
            [{"targetField": "id", "operator": "equal", "joinField": "code"}].
        summary_fields: With JoinOneToOne, statistics of what is joined, each a field and one of Sum, Min,
            Max, Mean, Stddev; without any the attributes of the first one.
        operation: JoinOneToOne gives a feature for each target, JoinOneToMany one for each pair.
        records: Which features are joined where there are several, as JSON: {"groupByFields": "kind",
            "orderByFields": "size DESC", "topCount": 1} is the largest one of each kind.
        join_type: LEFT also keeps targets that nothing is joined to.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.

    Returns:
        The targets with the attributes joined; of JoinOneToOne with Join_Count.
    """
    found = join(
        within_extent(target_layer, context),
        join_layer,
        RELATIONS[relationship] if relationship else None,
        meters=None if distance is None else distance * _meters(distance_units),
        fields=field_pairs(attributes),
        many=operation == "JoinOneToMany",
        wanted=summaries(join_layer, summary_fields),
        keep=join_type == "LEFT",
        best=best_records(join_layer, records),
    )
    return _result(job, found, context, output_name)


class Aggregated(NamedTuple):
    """What AggregatePoints gives.

    Attributes:
        areas: The polygons or bins, with Point_Count and the statistics.
        groups: For each polygon (Join_ID) and each value of groupByField the same, in a table.
    """

    areas: Annotated[Polygons, Param(name="aggregatedLayer")]
    groups: Annotated[Table | None, Param(name="groupSummary")]


@task(name="AggregatePoints")
def aggregate_points(
    job: JobContext,
    point_layer: Annotated[Points, Param(name="pointLayer")],
    polygon_layer: Annotated[Polygons | None, Param(name="polygonLayer")] = None,
    keep: Annotated[bool, Param(name="keepBoundariesWithNoPoints")] = True,
    summary_fields: SummaryFields = None,
    group_by: GroupBy = None,
    extremes: Extremes = False,
    percent: Annotated[bool, Param(name="percentPoints", category="Groups")] = False,
    bin_type: BinType = None,
    bin_size: BinSize = None,
    bin_unit: BinUnit = "Meters",
    output_name: OutputName = None,
    context: Context = None,
) -> Aggregated:
    """Count points in polygons or in bins, and summarize their fields.

    Args:
        point_layer: The points.
        polygon_layer: The polygons. Give these, or the type and size of bins.
        keep: Whether polygons without points are kept.
        summary_fields: Statistics of the points, each a field and one of Sum, Min, Max, Mean, Stddev.
        group_by: A field whose values are counted and summarized apart, too.
        extremes: Whether each polygon gets its rarest and its most frequent value of that field.
        percent: Whether it also gets their share of its points.
        bin_type: Square or Hexagon.
        bin_size: The side of a square, the height of a hexagon.
        bin_unit: The units of that size.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.
    """
    points = within_extent(point_layer, context)
    wanted = summaries(points, summary_fields)
    if polygon_layer is not None:
        found = aggregate(points, polygon_layer, wanted, by=group_by or "", keep=keep)
    else:
        shape, meters = _bin(bin_type, bin_size, bin_unit)
        found = bin_points(points, shape, meters, wanted, by=group_by or "", keep=keep)
    areas, groups = summarized_areas(found, "Point_Count", group_by or "", extremes, percent)
    return Aggregated(_result(job, areas, context, output_name), groups)


class Summarized(NamedTuple):
    """What SummarizeWithin gives.

    Attributes:
        areas: The polygons or bins, with the count of features, their length or area, and the statistics.
        groups: For each polygon (Join_ID) and each value of groupByField the same, in a table.
    """

    areas: Annotated[Polygons, Param(name="resultLayer")]
    groups: Annotated[Table | None, Param(name="groupBySummary")]


@task(name="SummarizeWithin")
def summarize_within(
    job: JobContext,
    summary_layer: Annotated[Features, Param(name="summaryLayer")],
    within_layer: Annotated[Polygons | None, Param(name="sumWithinLayer")] = None,
    sum_shape: Annotated[bool, Param(name="sumShape")] = True,
    shape_units: Annotated[Shape | None, Param(name="shapeUnits")] = None,
    summary_fields: SummaryFields = None,
    group_by: GroupBy = None,
    extremes: Extremes = False,
    percent: Annotated[bool, Param(name="percentShape", category="Groups")] = False,
    bin_type: BinType = None,
    bin_size: BinSize = None,
    bin_unit: BinUnit = "Meters",
    output_name: OutputName = None,
    context: Context = None,
) -> Summarized:
    """Summarize what of points, lines or polygons lies within polygons or bins.

    Sums and means count only the share of a line's length or a polygon's area that lies within.

    Args:
        summary_layer: The features to summarize.
        within_layer: The polygons. Give these, or the type and size of bins.
        sum_shape: Whether lengths of lines or areas of polygons are added up, on the ground.
        shape_units: The units of that; by default Meters or SquareMeters.
        summary_fields: Statistics of the features, each a field and one of Sum, Min, Max, Mean, Stddev.
        group_by: A field whose values are counted and summarized apart, too.
        extremes: Whether each polygon gets its rarest and its most frequent value of that field.
        percent: Whether it also gets their share.
        bin_type: Square or Hexagon.
        bin_size: The side of a square, the height of a hexagon.
        bin_unit: The units of that size.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.
    """
    frame = within_extent(summary_layer, context)
    polygons = within_layer if within_layer is not None else bins(frame, *_bin(bin_type, bin_size, bin_unit))
    wanted = summaries(frame, summary_fields)
    found = aggregate(frame, polygons, wanted, apportion=True, by=group_by or "")
    dimension = int(shapely.get_dimensions(np.asarray(frame.geometry.array)).max(initial=0))
    kind = ("Point_Count", "Line_Count", "Polygon_Count")[dimension]
    areas, groups = summarized_areas(found, kind, group_by or "", extremes, percent)
    areas, groups = (_measured(each, sum_shape, shape_units) for each in (areas, groups))
    return Summarized(_result(job, areas, context, output_name), groups)


class Found(NamedTuple):
    """What FindNearest gives.

    Attributes:
        features: The near features with From_ID, To_ID, NearRank and the distance.
        lines: A straight line to each of them.
    """

    features: Annotated[Features, Param(name="nearestLayer")]
    lines: Annotated[Lines, Param(name="connectingLinesLayer")]


@task(name="FindNearest")
def find_nearest(
    job: JobContext,
    analysis_layer: Annotated[Features, Param(name="analysisLayer")],
    near_layer: Annotated[Features, Param(name="nearLayer")],
    measurement: Annotated[Literal["StraightLine"], Param(name="measurementType")] = "StraightLine",
    max_count: Annotated[int, Param(name="maxCount", minimum=1)] = 100,
    cutoff: Annotated[float | None, Param(name="searchCutoff")] = None,
    cutoff_units: Annotated[Distance, Param(name="searchCutoffUnits")] = "Meters",
    output_name: OutputName = None,
    context: Context = None,
) -> Found:
    """Find the nearest features of another layer, and how far away they are.

    Args:
        analysis_layer: The features to look from.
        near_layer: The features to find.
        measurement: Distances are straight; ways along roads are not measured here.
        max_count: How many to find for each feature.
        cutoff: How far away they may be; by default any distance.
        cutoff_units: The units of that distance, and of the one in the results.
        output_name: A name for the result, in the messages of the job.
        context: JSON with an extent that features must meet, and outSR, the spatial reference of the result.
    """
    frame, meters = within_extent(analysis_layer, context), _meters(cutoff_units)
    found = nearest(frame, near_layer, max_count, None if cutoff is None else cutoff * meters)
    features, lines = (
        each.assign(Total_Meters=each["Total_Meters"] / meters).rename(
            columns={"Total_Meters": f"Total_{cutoff_units}"}
        )
        for each in found
    )
    job.info(f"{len(features):,} features are near to {len(frame):,}.")
    return Found(placed(features, context), placed(lines, context))


def _meters(units: str) -> float:
    return LinearUnit(1, units).meters


def _result(job: JobContext, frame: GeoDataFrame, context: str | None, name: str | None) -> GeoDataFrame:
    counts = counts_of(frame)
    job.info(f"{title_of(name) or 'Result'}: {counts.written:,} features of {counts.read:,}.")
    return placed(frame, context)


def _bin(shape: str | None, size: float | None, unit: str) -> tuple[Any, float]:
    if shape is None or size is None:
        raise TaskError("Give polygons, or binType and binSize.")
    return shape.lower(), size * _meters(unit)


def _measured(table: Any, wanted: bool, units: str | None) -> Any:
    """Lengths and areas in units and by name of ArcGIS, or none."""
    if table is None or not wanted:
        return table if table is None else table.drop(columns=[LENGTH, AREA], errors="ignore")
    if LENGTH in table:
        length = units if units and "Square" not in units and units not in ("Acres", "Hectares") else "Meters"
        table = table.assign(**{LENGTH: table[LENGTH] / _meters(length)})
        table = table.rename(columns={LENGTH: f"sum_Length_{length}"})
    if AREA in table:
        area = units if units and ("Square" in units or units in ("Acres", "Hectares")) else "SquareMeters"
        table = table.assign(**{AREA: table[AREA] / ArealUnit(1, area).square_meters})
        table = table.rename(columns={AREA: f"sum_Area_{area}"})
    return table


analysis = Service("tasks", maximum_records=1_000_000)
