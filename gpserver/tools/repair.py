"""Repair and validation: which geometries are not valid and why, and valid ones in their place."""

import numpy as np
import shapely
from geopandas import GeoDataFrame
from geopandas.array import from_shapely

from gpserver.tools.counts import counted
from gpserver.tools.operand import repaired


def invalid(frame: GeoDataFrame, reason: str = "validation_error") -> GeoDataFrame:
    """The features whose geometry is not valid, as they are, with the reason as a field.

    Valid is what the OGC's Simple Features call so, as in ST_IsValid and QGIS' check by GEOS; the reason is
    that of ST_IsValidReason, such as ``Self-intersection[1 1]``. Null and empty geometries are valid. The
    index says which feature it was.
    """
    geometry = np.asarray(frame.geometry.array, dtype=object)
    wrong = ~(shapely.is_valid(geometry) | shapely.is_missing(geometry))
    found = frame[wrong].copy()
    found[reason] = np.asarray(shapely.is_valid_reason(geometry[wrong]), dtype=object)
    return counted(found, read=len(frame))


def repair(frame: GeoDataFrame) -> GeoDataFrame:
    """The same features with valid geometry of the same dimension.

    Polygons are repaired by their structure, as ST_MakeValid(…, 'method=structure keepcollapsed=false') and
    QGIS' fix geometries do: shells are united and holes taken away, so that a bow tie becomes two triangles
    and what lies twice inside of a shell stays inside. What collapses to a line or point becomes null and is
    counted as lost. Valid geometries stay as they are, Z and M included; repaired ones lose M. Null and empty
    ones and longitudes beyond 180° are not wrong here.
    """
    geometry = np.asarray(frame.geometry.array, dtype=object).copy()
    wrong = ~(shapely.is_valid(geometry) | shapely.is_missing(geometry))
    geometry[wrong] = repaired(geometry[wrong])
    found = frame.set_geometry(from_shapely(geometry, crs=frame.crs))
    return counted(found, read=len(frame), lost=int(shapely.is_missing(geometry[wrong]).sum()))
