"""Named layers, tables and files: what clients keep on the server, whoever's protocol they speak."""

from gpserver.layers.info import GEOMETRY_TYPES, PLAIN_TYPES, TEMPORARY, Attribute, LayerInfo
from gpserver.layers.layers import Layers
from gpserver.layers.place import Place, is_database, open_layers
from gpserver.layers.resources import Resource, Resources

__all__ = [
    "GEOMETRY_TYPES",
    "PLAIN_TYPES",
    "TEMPORARY",
    "Attribute",
    "LayerInfo",
    "Layers",
    "Place",
    "Resource",
    "Resources",
    "is_database",
    "open_layers",
]
