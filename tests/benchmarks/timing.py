"""Compare ways to do the same thing: rounds in turn, CPU time of this process, medians."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def compare(variants: Mapping[str, Callable[[], Any]], rounds: int = 5) -> dict[str, float]:
    """CPU milliseconds of each variant, the median of its rounds.

    The variants take turns, so that a busy machine disturbs all of them alike. The first round warms caches
    and does not count.
    """
    spent: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds + 1):
        for name, run in variants.items():
            gc.collect()
            begin = time.process_time()
            result = run()
            spent[name].append(1000 * (time.process_time() - begin))
            del result
    return {name: statistics.median(times[1:]) for name, times in spent.items()}


def without_gc(run: Callable[[], Any]) -> Callable[[], Any]:
    """The same with the cyclic garbage collector off."""

    def quiet() -> Any:
        gc.disable()
        try:
            return run()
        finally:
            gc.enable()

    return quiet


def table(title: str, medians: Mapping[str, float], floor: str) -> str:
    """The medians as lines of text, each with its ratio to the floor."""
    width = max(map(len, medians))
    lines = [
        f"{name:<{width}} {value:10.1f} ms {value / medians[floor]:7.2f}" for name, value in medians.items()
    ]
    return "\n".join([title, *lines, ""])
