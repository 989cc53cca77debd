"""Why a process died, in words."""

import re
import signal
from pathlib import PurePath

_NAMES = {number.value: number.name for number in signal.Signals}
_PLACE = re.compile(r'Current thread .*\n  File "(.*)", line (\d+) in (.*)')


def describe(exit_code: int, stack: str) -> str:
    """One clause for an exit code (negative: a signal) and the stack that faulthandler wrote, if any."""
    if exit_code >= 0:
        return f"the process ended with exit code {exit_code}"
    name = _NAMES.get(-exit_code, f"signal {-exit_code}")
    text = f"the process was killed by {name} ({signal.strsignal(-exit_code)})"
    if place := _PLACE.search(stack):
        file, line, function = place.groups()
        text += f" in {function}, line {line} of {PurePath(file).name}"
    return text
