"""What the clerk is asked in EQL over all layers, and what he answers."""

from collections.abc import Iterator, Mapping
from typing import Any

import geopandas as gpd
import pandas as pd

from gpserver.eql import read_select
from gpserver.errors import InvalidRequest
from gpserver.evergis.feature_json import write_page
from gpserver.layers import Layers
from gpserver.layers.table import described

_SAMPLE = 50  # rows that tell the types of columns
_ID = "gid"


def query(
    layers: Layers,
    text: str,
    parameters: Mapping[str, Any],
    limit: int | None,
    offset: int,
    geometry: bool,
    geometry_field: str,
    id_field: str,
) -> Iterator[bytes]:
    """A page of the rows of a SELECT, as a PagedFeaturesListDc.

    Raises:
        InvalidRequest: It cannot be read or run, or has no such field.
        NotFound: It names a layer that is not there.
    """
    frame = layers.select(read_select(text, parameters), limit=limit, offset=offset)
    ended = limit is None or len(frame) < limit
    known = ended and (len(frame) > 0 or offset == 0)
    total = offset + len(frame) if known else _count(layers, text, parameters)
    if isinstance(frame, gpd.GeoDataFrame):
        frame = _with_geometry(frame, geometry_field) if geometry else _without_geometry(frame)
    if id_field and id_field not in frame.columns:
        raise InvalidRequest(f"The SELECT has no field {id_field[:80]!r}; it has {', '.join(frame.columns)}.")
    ids = frame.get(id_field or _ID)
    return write_page(frame, ids, total=total, offset=offset, limit=limit or total)


def columns(layers: Layers, text: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, type and EPSG code of the columns of a SELECT, in its order.

    Raises:
        InvalidRequest: It cannot be read or run.
        NotFound: It names a layer that is not there.
    """
    frame = layers.select(read_select(text, parameters), limit=_SAMPLE)
    info = described("temp.description", frame, None)[1]
    active = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    types = {item.name: item.type for item in info.attributes}
    found = []
    for name in map(str, frame.columns):
        if name == active:
            found.append(
                {"name": name, "type": info.geometry_type or "GeometryCollection", "srId": info.sr_id}
            )
        else:
            found.append({"name": name, "type": types.get(name, "Int64"), "srId": None})
    return found


def _count(layers: Layers, text: str, parameters: Mapping[str, Any]) -> int:
    counted = f"SELECT count(*) AS n FROM ({text.strip().rstrip(';')}\n) AS counted"  # noqa: S608 - it is parsed and checked
    return int(layers.select(read_select(counted, parameters))["n"].iloc[0])


def _with_geometry(frame: Any, name: str) -> Any:
    """The frame with that geometry field active, where it has it."""
    if name and name in frame.columns and frame[name].dtype == "geometry":
        frame = frame.set_geometry(name)
    return frame


def _without_geometry(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        frame.drop(columns=[name for name, kind in frame.dtypes.items() if kind == "geometry"])
    )
