"""What an attempt may say: texts are cut, what comes after the last message is left out, and one says so."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpserver.job import Message, MessageType

_TEXT = 16 << 10  # characters of one message
_ALL = 1 << 20  # characters of all messages together
_ERRORS = 100  # lines of the error that ends a job


class Allowance:
    """Counts the messages of one attempt.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._room = _ALL
        self._over = False

    def admit(self, messages: Iterable[Message]) -> list[Message]:
        """Those that are kept; behind the last of all stands one that says that others are left out."""
        kept: list[Message] = []
        for message in messages:
            if self._over:
                break
            text = cut(message.text)
            self._left, self._room = self._left - 1, self._room - len(text)
            self._over = self._left < 0 or self._room < 0
            kept.append(self._last() if self._over else replace(message, text=text))
        return kept

    def _last(self) -> Message:
        most = f"{self._most:,} messages" if self._left < 0 else f"{_ALL:,} characters of messages"
        text = f"A job of this service has at most {most}; the others are left out."
        return Message(MessageType.WARNING, text, time.time())


def cut(text: str) -> str:
    """A text that is short enough to be kept; a longer one says how much of it is missing."""
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}… ({len(text) - _TEXT:,} characters more)"


def cut_lines(lines: Sequence[str]) -> list[str]:
    """The first lines of an error that ends a job."""
    kept = [cut(line) for line in lines[:_ERRORS]]
    return [*kept, f"… ({len(lines) - _ERRORS:,} lines more)"] if len(lines) > _ERRORS else kept
