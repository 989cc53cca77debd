"""What two answers to the same request differ in, besides what differs from run to run."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from gpserver.cassettes.cassette import Exchange, media_type_of
from gpserver.cassettes.identities import ID
from gpserver.cassettes.nearness import Masks
from gpserver.cassettes.origins import is_text
from gpserver.cassettes.pseudonyms import PLACEHOLDER
from gpserver.cassettes.redaction import KINDS
from gpserver.cassettes.standing import ENDED, standing_of

Kind = Literal["status", "content type", "missing", "added", "type", "value", "length", "body"]
Place = tuple[str | int, ...]

_NEAR = 1e-9  # of a number: further digits depend on the machine
_SHOWN = 80  # characters of a value
_OF_TIME = re.compile(
    r"date|time|stamp|created|updated|modified|started|ended|expires|elapsed|duration", re.IGNORECASE
)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
# What messages tell of this run: weekdays and dates, times of day, how long something took, ids.
_RUN = re.compile(
    rf"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w ]*?{_CLOCK}(?: (?:GMT|UTC|[AP]M))?(?: \d{{4}})?"
    rf"|\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?)?|\b{_CLOCK}"
    r"|\b\d+(?:\.\d+)?(?= ?(?:ms|s|sec|seconds?|minutes?|hours?)\b)"
    rf"|{ID.pattern}"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which an answer is not as it was recorded.

    Attributes:
        kind: What differs.
        place: Where in the answer, as a path of JSON; ``*`` for any place of an array.
        recorded: What it was, in short.
        now: What it is.
        count: At how many places of an array it is so; the values are those of the first.
    """

    kind: Kind
    place: str
    recorded: str
    now: str
    count: int = 1


def differences(recorded: Exchange, now: Exchange, masks: Masks) -> list[Difference]:
    """What differs between two answers; ids, dates, durations and secrets are not compared."""
    found = list(_of_heads(recorded, now))
    ours, theirs = media_type_of(recorded.answered), media_type_of(now.answered)
    if is_text(ours) and is_text(theirs) and "html" not in ours:
        try:
            pair = json.loads(recorded.body), json.loads(now.body)
        except (ValueError, RecursionError):
            found += _of_texts(recorded.body, now.body)
        else:
            found += _Comparison(masks).of(*pair, ())
    elif bool(recorded.body) != bool(now.body):
        found.append(Difference("body", "", f"{len(recorded.body)} bytes", f"{len(now.body)} bytes"))
    return _gathered(found)


def _of_heads(recorded: Exchange, now: Exchange) -> Iterator[Difference]:
    if recorded.status != now.status:
        yield Difference("status", "", str(recorded.status), str(now.status))
    ours, theirs = (_plain(media_type_of(item.answered)) for item in (recorded, now))
    if ours != theirs:
        yield Difference("content type", "", ours, theirs)


def _of_texts(recorded: bytes, now: bytes) -> Iterator[Difference]:
    ours, theirs = (_timeless(body.decode("utf-8", "replace")).splitlines() for body in (recorded, now))
    if len(ours) != len(theirs):
        yield Difference("length", "lines", str(len(ours)), str(len(theirs)))
    for number, (first, second) in enumerate(zip(ours, theirs, strict=False), 1):
        if first != second and not _stands_for(first, second):
            yield Difference("value", f"line {number}", _short(first), _short(second))
            return


class _Comparison:
    def __init__(self, masks: Masks) -> None:
        self._masks = masks

    def of(self, recorded: Any, now: Any, place: Place) -> Iterator[Difference]:
        if self._masks.hides(place) or (place and str(place[-1]).lower() in KINDS):
            return
        if _kind(recorded) != _kind(now):
            kinds = f"{_kind(recorded)} {_short(recorded)}", f"{_kind(now)} {_short(now)}"
            yield Difference("type", _path(place), *kinds)
        elif isinstance(recorded, dict):
            yield from self._of_objects(recorded, now, place)
        elif isinstance(recorded, list):
            if len(recorded) != len(now):
                yield Difference("length", _path(place), str(len(recorded)), str(len(now)))
            for number, (first, second) in enumerate(zip(recorded, now, strict=False)):
                yield from self.of(first, second, (*place, number))
        elif not _alike(recorded, now, place):
            yield Difference("value", _path(place), _short(recorded), _short(now))

    def _of_objects(
        self, recorded: dict[str, Any], now: dict[str, Any], place: Place
    ) -> Iterator[Difference]:
        # Keys that are ids or secrets have other names in each run.
        ours, theirs = ({_timeless(name): name for name in value} for value in (recorded, now))
        for name, key in ours.items():
            if name in theirs:
                yield from self.of(recorded[key], now[theirs[name]], (*place, name))
            elif not PLACEHOLDER.search(name):
                yield Difference("missing", _path((*place, name)), _short(recorded[key]), "")
        for name in theirs.keys() - ours.keys():
            yield Difference("added", _path((*place, name)), "", _short(now[theirs[name]]))


def _alike(recorded: Any, now: Any, place: Place) -> bool:
    if isinstance(recorded, str):
        if place and place[-1] in ("jobStatus", "status") and _on_its_way(recorded, now):
            return True
        return _timeless(recorded) == _timeless(now) or _stands_for(recorded, now)
    if isinstance(recorded, bool) or recorded is None:
        return bool(recorded == now)
    named = next((part for part in reversed(place) if isinstance(part, str)), "")
    if _OF_TIME.search(named) and recorded and now:
        return True
    return math.isclose(recorded, now, rel_tol=_NEAR, abs_tol=_NEAR)


def _on_its_way(recorded: str, now: str) -> bool:
    """Whether two statuses differ only in how far a job is when it is asked, which depends on the machine."""
    ours, theirs = standing_of(recorded), standing_of(now)
    if ours is None or theirs is None:
        return False
    stopped = "esriJobCancelling", "esriJobCancelled"
    return ours != ENDED or (recorded in stopped and now in stopped)


def _stands_for(recorded: str, now: str) -> bool:
    if not PLACEHOLDER.search(recorded):
        return False
    plain = (re.escape(_timeless(part)) for part in PLACEHOLDER.split(recorded))
    return re.fullmatch(".+".join(plain), _timeless(now), re.DOTALL) is not None


def _timeless(text: str) -> str:
    return _RUN.sub("…", text)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {dict: "object", list: "array", str: "string", int: "number", float: "number"}
    return kinds.get(type(value), "null")


def _path(place: Place) -> str:
    return "$" + "".join("[*]" if isinstance(part, int) else f".{part}" for part in place)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _gathered(found: list[Difference]) -> list[Difference]:
    """One of each kind and place, with how many there are."""
    gathered: dict[tuple[str, str], Difference] = {}
    for item in found:
        former = gathered.get((item.kind, item.place))
        gathered[item.kind, item.place] = replace(former, count=former.count + 1) if former else item
    return list(gathered.values())
