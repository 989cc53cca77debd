"""Pieces of edges: from one place to another along an edge, as points and as lines."""

from typing import NamedTuple

import numpy as np
import shapely

from gpserver.tools.circles import Geometries
from gpserver.tools.globe import Floats
from gpserver.tools.meridian import within_world
from gpserver.tools.network import Network
from gpserver.tools.operand import Rows


class Pieces(NamedTuple):
    """Pieces of edges, shape (p,) each; those against the vertices have their start behind their end."""

    owner: Rows
    edge: Rows
    start: Floats
    """Shares of the edge, from 0 to 1."""
    end: Floats


def chosen(pieces: Pieces, rows: Rows) -> Pieces:
    """Some of the pieces, by position or by mask."""
    return Pieces(pieces.owner[rows], pieces.edge[rows], pieces.start[rows], pieces.end[rows])


def spots(network: Network, edge: Rows, share: Floats, coordinates: Floats) -> Floats:
    """Coordinates of places on edges, shape (p, 2), taken from those of the vertices."""
    first, last = network.first[edge], network.last[edge]
    wanted = network.meters_at[first] + share * network.meters[edge]
    after = np.clip(np.searchsorted(network.meters_at, wanted, side="right"), first + 1, last)
    begin = network.meters_at[after - 1]
    length = network.meters_at[after] - begin
    part = np.clip((wanted - begin) / np.where(length > 0, length, 1), 0, 1)[:, None]
    return np.asarray(coordinates[after - 1] * (1 - part) + coordinates[after] * part)


def between(network: Network, pieces: Pieces) -> tuple[Rows, Rows]:
    """The vertices strictly inside of pieces in the order in which one passes them, and whose piece."""
    low, high = np.minimum(pieces.start, pieces.end), np.maximum(pieces.start, pieces.end)
    first, last = network.first[pieces.edge], network.last[pieces.edge]
    begin, length = network.meters_at[first], network.meters[pieces.edge]
    after = np.searchsorted(network.meters_at, begin + low * length, side="right")
    before = np.searchsorted(network.meters_at, begin + high * length, side="left")
    after, before = np.clip(after, first + 1, last), np.clip(before, first + 1, last)
    many = np.maximum(before - after, 0)
    piece = np.repeat(np.arange(len(many)), many)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(many) - many, many)
    turned = (pieces.start > pieces.end)[piece]
    return np.where(turned, before[piece] - 1 - step, after[piece] + step), piece


def lines_of(network: Network, pieces: Pieces, count: int) -> Geometries:
    """A line for each of so many owners, along its pieces one after the other; null where it has no length.

    The pieces of an owner stand together, each from where the one before it ends. A line that crosses 180° is
    cut there.
    """
    some = pieces.start != pieces.end
    pieces = chosen(pieces, some)
    inner, piece = between(network, pieces)
    whole = np.arange(len(pieces.edge))
    opening = np.flatnonzero(np.diff(pieces.owner, prepend=-1))
    coordinates = np.concatenate(
        [
            spots(network, pieces.edge[opening], pieces.start[opening], network.vertices),
            network.vertices[inner],
            spots(network, pieces.edge, pieces.end, network.vertices),
        ]
    )
    order = np.lexsort(
        (
            np.concatenate([np.zeros(len(opening)), np.ones(len(inner)), np.full(len(whole), 2)]),
            np.concatenate([opening, piece, whole]),
        )
    )
    owner = pieces.owner[np.concatenate([opening, piece, whole])[order]]
    found = np.full(count, None, dtype=object)
    if len(owner):
        shapely.linestrings(unrolled(network, coordinates[order], owner), indices=owner, out=found)
    return within_world(found, network.globe)


def unrolled(network: Network, coordinates: Floats, owner: Rows) -> Floats:
    """Longitudes that run on across 180° from one place of an owner to the next, shape (n, 2)."""
    globe = network.globe
    if globe is None:
        return coordinates
    wide = 2 * globe.half_width
    turn = np.round(np.diff(coordinates[:, 0], prepend=coordinates[:1, 0]) / wide)
    if not turn.any():
        return coordinates
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    turn[starts] = 0
    total = np.cumsum(turn)
    total -= np.repeat(total[starts], np.diff(np.append(starts, len(owner))))
    return np.column_stack([coordinates[:, 0] - total * wide, coordinates[:, 1]])
