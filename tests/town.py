"""A made-up town: streets of many vertices, shared where they cross, with speeds and one-way streets."""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

SPEEDS = np.array([30.0, 50.0, 60.0, 90.0])
WAYS = np.array(["yes", "no", "no", "no", "-1"])


class Town(NamedTuple):
    """The streets, and the same as single segments between crossings."""

    streets: gpd.GeoDataFrame
    corners: np.ndarray
    """Coordinates of the crossings, shape (n, 2)."""
    start: np.ndarray
    end: np.ndarray
    """The crossings at both ends of each segment."""
    street: np.ndarray
    """The street of each segment."""


def town(side: int = 20, seed: int = 1, keep: float = 0.9, block: float = 100.0, crs: int = 32633) -> Town:
    """A crooked grid of ``side`` by ``side`` crossings; some segments are missing: streets end there."""
    dice = np.random.default_rng(seed)
    number = np.arange(side**2).reshape(side, side)
    corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) * block
    corners = corners + dice.uniform(-0.3, 0.3, corners.shape) * block
    start, end, street = [], [], []
    for lines in (number, number.T):
        there = dice.random((side, side - 1)) < keep
        # A street goes on to the next crossing unless something is missing, or its name changes.
        fresh = ~there | (np.arange(side - 1) == 0) | (dice.random(there.shape) < 0.2)
        fresh[:, 1:] |= ~there[:, :-1]
        names = np.cumsum(fresh.ravel()) + (street[0].max() + 1 if street else 0)
        kept = there.ravel()
        start.append(lines[:, :-1].ravel()[kept])
        end.append(lines[:, 1:].ravel()[kept])
        street.append(names[kept])
    first, last, name = (np.concatenate(each) for each in (start, end, street))
    name = np.unique(name, return_inverse=True)[1]
    opening = np.flatnonzero(np.diff(name, prepend=-1))
    vertex = np.concatenate([first[opening], last])
    order = np.lexsort((np.concatenate([np.full(len(opening), -1), np.arange(len(last))]),
                        np.concatenate([name[opening], name])))  # fmt: skip
    owner = np.concatenate([name[opening], name])[order]
    geometry = shapely.linestrings(corners[vertex[order]], indices=owner)
    facts = {"speed": dice.choice(SPEEDS, len(geometry)), "oneway": dice.choice(WAYS, len(geometry))}
    return Town(gpd.GeoDataFrame(facts, geometry=geometry, crs=crs), corners, first, last, name)


def segments(town: Town) -> list[tuple[int, int, float, float]]:
    """Each way along a segment that is open: from crossing, to crossing, metres, seconds."""
    meters = np.hypot(*(town.corners[town.end] - town.corners[town.start]).T)
    speed, oneway = (town.streets[name].to_numpy()[town.street] for name in ("speed", "oneway"))
    found = []
    for ends, closed in (((town.start, town.end), "-1"), ((town.end, town.start), "yes")):
        is_open = oneway != closed
        columns = (*ends, meters, meters / speed * 3.6)
        found += zip(*(column[is_open].tolist() for column in columns), strict=True)
    return found
