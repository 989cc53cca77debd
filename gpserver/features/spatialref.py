"""Spatial references: what clients write and read, as pyproj objects; each one is built once per process."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gpserver.errors import InvalidValue

# Esri's own numbers for Web Mercator mean the EPSG code; ArcGIS answers with both (Using spatial references).
_EPSG_OF_ESRI = {102100: 3857, 102113: 3785}
_ESRI_OF_EPSG = {epsg: esri for esri, epsg in _EPSG_OF_ESRI.items()}
_AUTHORITY_CODE = re.compile(r"(EPSG|ESRI):(\d+)", re.IGNORECASE)
_CACHED = 256


def parse_spatial_reference(value: object) -> CRS | None:
    """Read a spatial reference in any form a client writes it.

    Takes a well-known id as number or text, ``EPSG:n``, WKT, and objects (or their JSON text) with ``wkid``,
    ``latestWkid``, ``wkt`` or ``wkt2``; when several are there the first that is known counts, in this order.
    Nothing (None, "", {}) is None.

    Raises:
        InvalidValue: The reference is not known.
    """
    if isinstance(value, str):
        value = _read_text(value.strip())
    if isinstance(value, CRS):
        return value
    if value is None or value == "" or value == {}:
        return None
    if isinstance(value, Mapping):
        return _read_object(value)
    crs = _from_wkid(value) if isinstance(value, int | float) else _from_wkt(str(value))
    if crs is None:
        raise InvalidValue(f"Unknown spatial reference: {_short(value)}.")
    return crs


def describe_spatial_reference(crs: CRS | None) -> dict[str, Any]:
    """The Esri object of a CRS: ``wkid`` and ``latestWkid``, ``wkt`` for a custom one, {} for None."""
    return {} if crs is None else dict(_describe(crs.srs))


def transformer(source: CRS, target: CRS) -> Transformer:
    """The transformer between two CRS, x (east) before y (north), made once per pair."""
    return _transformer(source.srs, target.srs)


def same_crs(one: CRS, other: CRS) -> bool:
    """Whether coordinates of both mean the same place; compared once per pair."""
    return one.srs == other.srs or _same(one.srs, other.srs)


def _read_text(text: str) -> Any:
    if text.startswith("{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidValue(f"The spatial reference is not valid JSON: {error}.") from error
    if text.isdecimal() and len(text) < 20:
        return int(text)
    return None if text.lower() == "null" else text


def _read_object(value: Mapping[str, Any]) -> CRS | None:
    given = [(key, value[key]) for key in ("wkid", "latestWkid", "wkt", "wkt2") if value.get(key)]
    for key, code in given:
        crs = _from_wkt(str(code)) if key.startswith("wkt") else _from_wkid(code)
        if crs is not None:
            return crs
    if given or not {"wkid", "latestWkid", "wkt", "wkt2"}.intersection(value):
        raise InvalidValue(f"Unknown spatial reference: {_short(dict(value))}.")
    return None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "..."


def _from_wkid(code: object) -> CRS | None:
    try:
        number = int(str(code).strip().removesuffix(".0"))
    except ValueError:
        return None
    return _crs_of_wkid(number)


@lru_cache(_CACHED)
def _crs_of_wkid(number: int) -> CRS | None:
    for authority in ("EPSG", "ESRI"):  # only 4812 is in both: performance of a look-up, not a choice
        try:
            return CRS.from_authority(authority, _EPSG_OF_ESRI.get(number, number))
        except CRSError:
            continue
    return None


@lru_cache(_CACHED)
def _from_wkt(text: str) -> CRS | None:
    """A CRS from WKT or authority:code. Not PROJ strings: those may name files of this machine.

    WKT that an authority knows becomes that authority's CRS, so that equal systems compare equal.
    """
    match = _AUTHORITY_CODE.fullmatch(text)
    try:
        crs = CRS.from_authority(match[1].upper(), match[2]) if match else CRS.from_wkt(text)
        known = crs.to_authority()
        return CRS.from_authority(*known) if known and known[0] in ("EPSG", "ESRI") else crs
    except CRSError:
        return None


@lru_cache(_CACHED)
def _describe(srs: str) -> dict[str, Any]:
    crs = CRS.from_user_input(srs)
    # Default confidence: a lower one takes Albers of the 48 states for Albers of Alaska.
    authority, code = crs.to_authority() or ("", "")
    if (authority, code) == ("OGC", "CRS84"):
        return {"wkid": 4326, "latestWkid": 4326}
    if authority not in ("EPSG", "ESRI") or not code.isdecimal():
        return {"wkt": crs.to_wkt("WKT1_ESRI", pretty=False)}
    latest = (crs.to_epsg() if authority == "ESRI" else None) or int(code)
    latest = _EPSG_OF_ESRI.get(latest, latest)
    return {"wkid": _ESRI_OF_EPSG.get(latest, int(code)), "latestWkid": latest}


@lru_cache(_CACHED)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(_CACHED)
def _same(one: str, other: str) -> bool:
    return bool(CRS.from_user_input(one).equals(CRS.from_user_input(other), ignore_axis_order=True))
