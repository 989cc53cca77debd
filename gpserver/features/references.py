"""Spatial references that single geometries carry: clients may write them there, and not on the set."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from pyproj import CRS

from gpserver.features.shapes import Array, Shapes, take_lists, vertex_offsets, without_infinite
from gpserver.features.spatialref import parse_spatial_reference, same_crs, transformer

_NONE = -1


class ReferenceReader:
    """Collects the spatial reference of every geometry, by number in the order of appearance."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._of_feature: list[Array] = []

    def add(self, geometries: Sequence[Any]) -> None:
        """Add the geometries of a chunk of features."""
        numbers = np.full(len(geometries), _NONE)
        for row, geometry in enumerate(geometries):
            if geometry and "spatialReference" in geometry:
                numbers[row] = self._number(geometry["spatialReference"])
        self._of_feature.append(numbers)

    def _number(self, value: Any) -> int:
        return self._numbers.setdefault(orjson.dumps(value), len(self._numbers)) if value else _NONE

    def unify(self, shapes: Shapes, declared: CRS | None, default: CRS | None) -> tuple[Shapes, CRS | None]:
        """All shapes in one CRS: the declared one, else that of the first geometry that has one.

        Geometries without a reference of their own are taken to be in that CRS already.
        """
        systems = [parse_spatial_reference(orjson.loads(text)) for text in self._numbers]
        target = declared or next((crs for crs in systems if crs is not None), default)
        if target is None or all(crs is None or same_crs(crs, target) for crs in systems):
            return shapes, target
        of_feature = np.concatenate(self._of_feature)
        coords = shapes.coords.copy()
        for number, crs in enumerate(systems):
            if crs is not None and not same_crs(crs, target):
                _, rows = take_lists(vertex_offsets(shapes), np.flatnonzero(of_feature == number))
                coords[rows, 0], coords[rows, 1] = transformer(crs, target).transform(*coords[rows, :2].T)
        return without_infinite(replace(shapes, coords=coords)), target
