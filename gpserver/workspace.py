"""A job's folder: the large inputs as they came, and what each attempt wrote."""

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpserver.job import Input

_BLOCK = 8 << 20
_OF_ATTEMPTS = ("scratch-", "fetched-", "results-")
_HEX = np.full(256, 255, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    _HEX[_digit] = int(chr(_digit), 16)


@dataclass(frozen=True, slots=True)
class Spooled:
    """A value on disk as it came, too large for memory or a file; ``urlencoded`` when still percent-encoded.

    ``name`` is that of a file, as its sender calls it; empty for any other value.
    """

    path: Path
    urlencoded: bool
    name: str = ""


Value = str | Spooled
"""One raw value of a request."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one job below ``root``; nothing that a client chose becomes a name in it."""

    root: Path
    job_id: str

    @property
    def folder(self) -> Path:
        """The job's own folder."""
        return self.root / self.job_id

    def take(self, name: str, data_type: str, values: Sequence[Value]) -> Input:
        """Take over the raw values of a declared input; of several values a large one alone counts."""
        for value in values:
            if isinstance(value, Spooled):
                return Input(name, data_type, file=self.receive(name, value))
        return Input(name, data_type, tuple(value for value in values if isinstance(value, str)))

    def receive(self, name: str, value: Spooled) -> str:
        """Take over a large value of the declared input ``name``; returns its place for ``Input.file``."""
        file = f"inputs/{name}.{'urlencoded' if value.urlencoded else 'text'}"
        target = self.folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        # Both lie in the data folder, so this is a rename however large the value is.
        value.path.rename(target)
        return file

    def read(self, item: Input) -> bytes:
        """The large value of an input, decoded."""
        path = self.folder / (item.file or "")
        raw = path.read_bytes()
        return unquote(raw) if path.suffix == ".urlencoded" else raw

    def confirm(self, item: Input, text: bytes) -> None:
        """Keep the text of a large input that was read and found sound, for ``inputs/<name>``.

        What came stays until the job is tidied up: another attempt reads it.
        """
        target = self.folder / confirmed(item)
        partial = target.with_suffix(".partial")
        partial.write_bytes(text)
        partial.replace(target)

    def scratch(self, attempt: int) -> Path:
        """Where the task of this attempt may write what it likes."""
        return self.folder / f"scratch-{attempt}"

    def fetched(self, attempt: int) -> Path:
        """Where the files are that the inputs of this attempt refer to."""
        return self.folder / f"fetched-{attempt}"

    def results(self, attempt: int) -> Path:
        """Where the result layers and output files of this attempt rest."""
        return self.folder / results_of(attempt)

    def tidy(self, attempt: int) -> int:
        """Remove what an ended job needs no more; gives the bytes that are left.

        Args:
            attempt: Whose results stay; 0 for nobody's.
        """
        folder, kept = self.folder, results_of(attempt)
        try:
            names = os.listdir(folder)  # noqa: PTH208 - once for every job
        except FileNotFoundError:
            return 0
        if "inputs" in names:
            for text in folder.glob("inputs/*.json"):
                for came in (".text", ".urlencoded"):
                    text.with_suffix(came).unlink(missing_ok=True)
        for name in names:
            if name.startswith(_OF_ATTEMPTS) and name != kept:
                shutil.rmtree(folder / name, ignore_errors=True)
        return size_of(folder)

    def delete(self) -> None:
        """Remove all of it; a folder that is not there is fine."""
        shutil.rmtree(self.folder, ignore_errors=True)


def confirmed(item: Input) -> str:
    """Where in its folder the sound text of a large input lies, once a worker has read it."""
    return (item.file or "").rpartition(".")[0] + ".json"


def results_of(attempt: int) -> str:
    """Where in a job's folder the result layers and output files of an attempt rest."""
    return f"results-{attempt}"


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone since
                found += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - many files
    return found


def excess(kind: str, folders: Iterable[Path], limit: int | None) -> str:
    """What a job says whose files of a kind are over their limit of bytes; empty text where they are not."""
    if limit is None or sum(map(size_of, folders)) <= limit:
        return ""
    return f"The {kind} of the job are over the limit of {limit:,} bytes that its service allows."


def unquote(raw: bytes) -> bytes:
    """Decode ``application/x-www-form-urlencoded`` text, in blocks, so 200 MB need a few MB more.

    The rule is the URL standard's percent-decode with ``+`` for a blank: a percent sign that no two
    hexadecimal digits follow stays as it is.
    """
    if b"%" not in raw:  # a parameter's name, most often
        return raw.replace(b"+", b" ")
    blocks, start = [], 0
    while start < len(raw):
        end = start + _BLOCK
        while b"%" in raw[max(end - 2, 0) : end]:  # an escape must not be cut in two
            end += 1
        blocks.append(_unquote_block(raw[start:end]))
        start = end
    return b"".join(blocks)


def _unquote_block(raw: bytes) -> bytes:
    data = np.frombuffer(raw.replace(b"+", b" "), np.uint8)
    at = np.flatnonzero(data[:-2] == ord("%")) if len(data) > 2 else np.empty(0, np.intp)
    high, low = _HEX[data[at + 1]], _HEX[data[at + 2]]
    sound = (high < 16) & (low < 16)
    at, values = at[sound], (high[sound] << 4) | low[sound]
    decoded = data.copy()
    decoded[at] = values
    keep = np.ones(len(data), bool)
    keep[at + 1] = keep[at + 2] = False
    return decoded[keep].tobytes()
