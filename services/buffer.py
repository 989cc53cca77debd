"""Buffers of points in true metres on the ground; published three ways, for clients that need one of them."""

from gpserver import JobContext, LinearUnit, Points, Polygons, Service, task
from gpserver.tools.buffer import buffer


@task(output="output_polygons")
def buffer_points(
    job: JobContext, input_features: Points, distance: LinearUnit = LinearUnit(100)
) -> Polygons:
    """Draw a circle around every point.

    The circles are measured on the ground: geodesic for longitude and latitude and for Web Mercator,
    planar for any other projection.

    Args:
        input_features: The points to buffer.
        distance: The radius of the circles.

    Returns:
        One polygon for each point, with its attributes, the radius in BUFF_DIST, and Shape_Length and
        Shape_Area in units of the spatial reference.
    """
    job.info(f"Buffering {len(input_features):,} points by {distance}.")
    return buffer(input_features, distance.meters, lambda blocks: job.each(blocks, "Buffering points"))


buffers = Service("Buffer", result_map_service=True, maximum_records=1_000_000)
buffers_while_waiting = Service("BufferSync", synchronous=True, maximum_records=1000)
buffers_without_map = Service("BufferPlain", maximum_records=1_000_000)
