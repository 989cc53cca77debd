"""How many features went into a tool and came out of it."""

from typing import NamedTuple

from geopandas import GeoDataFrame


class Counts(NamedTuple):
    """What became of the features of a tool's first input."""

    read: int
    """Features that came in."""
    written: int
    """Features that went out; more than came in where one gives several."""
    lost: int
    """Features that came in but could not take part: without geometry, or nowhere."""


def counted(frame: GeoDataFrame, read: int, lost: int = 0) -> GeoDataFrame:
    """Write the counts on a result; ``counts_of`` reads them."""
    frame.attrs["counts"] = Counts(read, len(frame), lost)
    return frame


def counts_of(frame: GeoDataFrame) -> Counts:
    """The counts of the tool whose result this is, untouched since."""
    found: Counts = frame.attrs["counts"]
    return found
