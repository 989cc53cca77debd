"""What is wrong with the values of a task's inputs, found before the task runs."""

import re
from dataclasses import dataclass

_CODE = re.compile(r"ERROR (\d{6})\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or should give pause.

    Args:
        parameter: The input it is about, by its name on the wire or that of the function's argument; empty
            where it is about several.
        text: What is wrong and what to do, in plain words.
        is_error: Whether the task would fail on it; False is a warning.
    """

    parameter: str
    text: str
    is_error: bool = True

    @property
    def code(self) -> int:
        """The number of ArcGIS' error text, such as 735 for ``ERROR 000735: ...``; 0 without one."""
        match = _CODE.match(self.text)
        return int(match[1]) if match else 0
