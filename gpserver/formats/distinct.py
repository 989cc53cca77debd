"""Names of columns for files that do not take every name."""

from collections.abc import Iterable


def distinct(names: Iterable[str], most: int = 1000) -> list[str]:
    """The names cut to ``most`` bytes of UTF-8, and with a number where two differ in nothing but case."""
    taken: set[str] = set()
    result = []
    for name in names:
        free, number = _cut(name, most), 0
        while free.lower() in taken:
            number += 1
            free = f"{_cut(name, most - len(str(number)) - 1)}_{number}"
        taken.add(free.lower())
        result.append(free)
    return result


def _cut(name: str, most: int) -> str:
    return name.encode()[:most].decode("utf-8", "ignore")
