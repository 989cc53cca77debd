"""Spatial references: those that there are, and how one is written."""

from functools import cache
from typing import Any

import pyproj
from starlette.concurrency import run_in_threadpool

from gpserver.errors import NotFound
from gpserver.protocols.evergis.wire import Call, Routes

_LON_LAT = "84"  # what servers of 2023 call WGS84 with the longitude first
_KINDS = [
    pyproj.enums.PJType.GEOGRAPHIC_2D_CRS,
    pyproj.enums.PJType.PROJECTED_CRS,
]


async def listing(_: Call) -> list[dict[str, Any]]:
    """``GET /srs/list``: the geographic and projected ones of EPSG."""
    return await run_in_threadpool(_all)


async def wkt(call: Call) -> str:
    """``GET /srs/{name}/wkt``: its well-known text (of GDAL).

    Raises:
        NotFound: There is no such spatial reference.
    """
    return await run_in_threadpool(lambda: _named(call.part("name")).to_wkt("WKT1_GDAL"))


async def proj4(call: Call) -> str:
    """``GET /srs/{name}/proj4``: its PROJ string.

    Raises:
        NotFound: There is no such spatial reference, or it cannot be written so.
    """
    return await run_in_threadpool(_proj4, call.part("name"))


@cache
def _all() -> list[dict[str, Any]]:
    found = pyproj.database.query_crs_info("EPSG", _KINDS)
    return [{"authName": item.auth_name, "code": int(item.code), "name": item.name} for item in found]


def _named(name: str) -> pyproj.CRS:
    code = name.upper().removeprefix("EPSG:")
    try:
        return pyproj.CRS.from_epsg(int("4326" if code == _LON_LAT else code))
    except (ValueError, OverflowError, pyproj.exceptions.CRSError):
        raise NotFound(f"There is no spatial reference {name[:50]}; it is the code of EPSG.") from None


def _proj4(name: str) -> str:
    _, pipeline = _named(name), pyproj.Proj(_named(name))
    return str(pipeline.definition_string())


ROUTES: Routes = (
    (("GET",), "/srs/list", listing),
    (("GET",), "/srs/{name}/wkt", wkt),
    (("GET",), "/srs/{name}/proj4", proj4),
)
