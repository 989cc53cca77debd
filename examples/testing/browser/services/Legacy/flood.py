"""The old toolbox, written anew: same folder, same names, same parameters."""

from gpserver import LinearUnit, Points, Polygons, Service, task


@task(output="flooded")
def flood_extent(gauges: Points, reach: LinearUnit = LinearUnit(2, "Kilometers")) -> Polygons:
    """Draw what a flood reaches.

    Args:
        gauges: Where the water was measured.
        reach: How far the water comes.
    """
    metres = gauges.to_crs(gauges.estimate_utm_crs())
    return metres.set_geometry(metres.buffer(reach.meters)).to_crs(4326)


flood = Service("Flood", result_map_service=True)
