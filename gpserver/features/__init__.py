"""Esri JSON and GeoJSON <-> GeoDataFrames, and the stored form of results, by whole columns."""

from gpserver.features.decode import decode_features, decode_table
from gpserver.features.layer import Layer, LayerSummary, encode_features, write_layer
from gpserver.features.spatialref import describe_spatial_reference, parse_spatial_reference, transformer

__all__ = [
    "Layer",
    "LayerSummary",
    "decode_features",
    "decode_table",
    "describe_spatial_reference",
    "encode_features",
    "parse_spatial_reference",
    "transformer",
    "write_layer",
]
