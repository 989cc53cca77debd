"""Roads: the named layers that networks are made of, by convention of their names and attributes."""

from collections import OrderedDict
from typing import Literal

from geopandas import GeoDataFrame

from gpserver.errors import InvalidValue, NotFound
from gpserver.layers import LayerInfo, Layers
from gpserver.tools.network import Network, network_of
from gpserver.tools.traffic import SPEED

WALKING = 5.0
"""km/h on foot, as in ArcGIS."""

SPEED_FIELDS = ("speed", "maxspeed", "speed_limit", "kph")
ONEWAY_FIELDS = ("oneway", "one_way", "direction")

# The networks of the layers used last: to make one takes longer than to search it.
_made: OrderedDict[tuple[object, ...], Network] = OrderedDict()
KEPT = 2


def roads_of(layers: Layers, provider: str, *, by: Literal["time", "length"] = "time") -> Network:
    """The network of the named layer ``networks.<provider>``, else ``networks.walk`` or ``networks.car``.

    A provider whose name speaks of walking (``sp_walk``, ``osrm_walk``, ``pedestrian``) goes everywhere both
    ways at 5 km/h, on the roads for cars where there are no others. Everybody else goes by the first field
    there is of ``speed``, ``maxspeed``, ``speed_limit``, ``kph`` (50 km/h where it says nothing), and of
    ``oneway``, ``one_way``, ``direction``. A network is kept until its layer changes.

    Raises:
        NotFound: There is no such layer; the text says how to publish one.
        InvalidValue: The layer has no lines.
    """
    info = road_layer(layers, provider)
    key = (info.id, info.version, is_walk(provider), by)
    found = _made.pop(key, None) or network_of_roads(roads_in(layers, info), provider, by=by)
    _made[key] = found
    while len(_made) > KEPT:
        _made.popitem(last=False)
    return found


def network_of_roads(
    roads: GeoDataFrame, provider: str, *, by: Literal["time", "length"] = "time"
) -> Network:
    """The network of such a layer's lines."""
    if is_walk(provider):
        return network_of(roads, speed=WALKING, by=by)
    speed, oneway = (_first(roads, names) for names in (SPEED_FIELDS, ONEWAY_FIELDS))
    return network_of(roads, speed=speed or SPEED, oneway=oneway, by=by)


def road_layer(layers: Layers, provider: str) -> LayerInfo:
    """The layer with the roads of a provider, by the names that ``roads_of`` tries.

    Raises:
        NotFound: There is none.
    """
    usual = ("walk", "car") if is_walk(provider) else ("car",)
    for name in (provider, *usual):
        if layers.exists(f"networks.{name}"):
            return layers.find(f"networks.{name}")
    raise NotFound(
        f"There are no roads: neither a layer networks.{provider[:100]} nor networks.{usual[-1]}. "
        f"Publish lines as one, such as with: gpserver import roads.gpkg networks.{usual[-1]}"
    )


def roads_in(layers: Layers, info: LayerInfo) -> GeoDataFrame:
    """The lines of a layer with what it says about speeds and directions."""
    if info.geometry_attribute is None:
        raise InvalidValue(f"{info.name} is a table without geometry: a network is made of lines.")
    known = {name.lower(): name for name in info.names}
    fields = [known[name] for name in (*SPEED_FIELDS, *ONEWAY_FIELDS) if name in known]
    frame = layers.read(info.name, [*fields, info.geometry_attribute])
    assert isinstance(frame, GeoDataFrame)
    return frame


def is_walk(provider: str) -> bool:
    """Whether somebody goes on foot, by what he is called."""
    return any(word in provider.lower() for word in ("walk", "pedestrian", "foot"))


def _first(frame: GeoDataFrame, names: tuple[str, ...]) -> str | None:
    there = {str(name).lower() for name in frame.columns}
    return next((name for name in names if name in there), None)
