"""Who is where in a recording: each submit of a job begins a take of its own, from the beginning."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gpserver.cassettes.identities import another

_MOST = 10_000  # takes that are remembered


@dataclass
class Take:
    """One run through a part of a recording.

    Attributes:
        names: What clients call the ids of the recording.
        begun: When it began, by the replay's clock.
        offset: Where in the recording, in epoch seconds.
    """

    names: dict[str, str] = field(default_factory=dict)
    begun: float = 0.0
    offset: float | None = None
    _asked: Counter[int] = field(default_factory=Counter)

    def next(self, scene: int, length: int) -> int:
        """Which of the answers of a scene is due: one after the other, and then the last again."""
        place = min(self._asked[scene], length - 1)
        self._asked[scene] += 1
        return place


class Takes:
    """All takes of a replay, found by the ids that clients got."""

    def __init__(self) -> None:
        self._root = Take()
        self._by_name: OrderedDict[str, tuple[str, Take]] = OrderedDict()
        self._given: Counter[str] = Counter()

    def of(self, names: Iterable[str]) -> tuple[Take, dict[str, str]]:
        """The take of a request that uses these ids, and what the recording calls them."""
        found = {name: self._by_name[name] for name in names if name in self._by_name}
        take = next((take for _, take in found.values()), self._root)
        return take, {name: recorded for name, (recorded, _) in found.items()}

    def begin(self, former: Take, born: Iterable[str], begun: float, offset: float) -> Take:
        """A new take, whose ids are the recording's the first time, and others from then on."""
        names = {name: self._name(name) for name in born}
        take = Take(former.names | names, begun, offset)
        for recorded, name in names.items():
            self._by_name[name] = (recorded, take)
        while len(self._by_name) > _MOST:
            self._by_name.popitem(last=False)
        return take

    def _name(self, recorded: str) -> str:
        number = self._given[recorded]
        self._given[recorded] += 1
        return another(recorded, number) if number else recorded
