"""Esri JSON and GeoJSON <-> GeoDataFrames, and the stored form of results, by whole columns."""

from gpserver.features.decode import decode_features, decode_table
from gpserver.features.esri_json import encode_features
from gpserver.features.layer import Layer, LayerSummary, write_layer
from gpserver.features.selection import Selection
from gpserver.features.spatialref import describe_spatial_reference, parse_spatial_reference, transformer

__all__ = [
    "Layer",
    "LayerSummary",
    "Selection",
    "decode_features",
    "decode_table",
    "describe_spatial_reference",
    "encode_features",
    "parse_spatial_reference",
    "transformer",
    "write_layer",
]
