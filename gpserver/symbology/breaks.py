"""Class breaks: numbers into classes, by the methods that map makers use."""

from collections.abc import Callable

import jenkspy
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Natural breaks cost the square of the count; so many, evenly through the ranks, take some 20 ms.
_SAMPLE = 2000


def natural(values: Floats, classes: int) -> Floats:
    """Natural breaks (Fisher and Jenks): least variance within the classes; from a sample of many values."""
    distinct = np.unique(values)
    if len(distinct) <= classes:
        return distinct
    ordered = np.sort(values)
    sample = _evenly(ordered)
    if len(np.unique(sample)) <= classes:  # one value fills nearly all ranks
        sample = _evenly(distinct)
    upper = np.asarray(jenkspy.jenks_breaks(sample, classes), np.float64)[1:]
    # A class ends half-way to the next value of the sample, at the last of all values before that.
    following = sample[np.searchsorted(sample, upper, side="right").clip(max=len(sample) - 1)]
    last = np.searchsorted(ordered, (upper + following) / 2, side="right") - 1
    return np.asarray(ordered[last])


def _evenly(values: Floats) -> Floats:
    ranks = np.linspace(0, len(values) - 1, min(len(values), _SAMPLE))
    return values[ranks.round().astype(np.int64)]


def quantile(values: Floats, classes: int) -> Floats:
    """As many values in every class; equal values stay together, so that classes may become fewer."""
    shares = np.arange(1, classes + 1) / classes
    return np.asarray(np.quantile(values, shares, method="inverted_cdf"), np.float64)


def equal_interval(values: Floats, classes: int) -> Floats:
    """Classes of the same width."""
    return np.linspace(values.min(), values.max(), classes + 1)[1:]


def standard_deviation(values: Floats, classes: int = 0, interval: float = 1.0) -> Floats:
    """Classes as wide as a share of the standard deviation, the mean in the middle of one.

    Args:
        values: The values.
        classes: Not used: the width makes the number, at most 9 (Esri's classification objects).
        interval: The width in standard deviations.
    """
    step = values.std() * max(interval, 0.01)
    if step == 0:
        return np.array([values.max()])
    inner = values.mean() + step * (np.arange(-4, 4) + 0.5)
    return np.append(inner[(inner > values.min()) & (inner < values.max())], values.max())


def geometrical_interval(values: Floats, classes: int) -> Floats:
    """Classes whose widths grow by one factor: the breaks are even steps of the logarithm, from the least
    value (shifted to be above 0 where it is not).
    """
    shift = 1 - values.min() if values.min() <= 0 else 0.0
    return np.geomspace(values.min() + shift, values.max() + shift, classes + 1)[1:] - shift


Method = Callable[[Floats, int], Floats]


def class_breaks(values: Floats, classes: int, method: Method) -> Floats:
    """The least value, and the greatest value of every class; rising, in all at most ``classes`` + 1.

    Args:
        values: Numbers; those that are not finite do not count.
        classes: How many classes are wanted.
        method: One of this module.

    Returns:
        Breaks, nothing where there are no values. The last one is exactly the greatest value.
    """
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return np.zeros(0)
    least, greatest = values.min(), values.max()
    upper = np.unique(np.clip(method(values, classes), least, greatest))
    return np.concatenate([[least], upper[upper < greatest], [greatest]])


METHODS: dict[str, Method] = {
    "esriClassifyNaturalBreaks": natural,
    "esriClassifyQuantile": quantile,
    "esriClassifyEqualInterval": equal_interval,
    "esriClassifyStandardDeviation": standard_deviation,
    "esriClassifyGeometricalInterval": geometrical_interval,
}
"""The methods by Esri's names (Classification objects)."""
