"""Uploaded files: one folder per item, whole or in parts, until they are deleted or swept; no database."""

import hashlib
import re
import shutil
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from gpserver.errors import InvalidRequest, NotFound, TooLarge
from gpserver.job import Input
from gpserver.space import Space
from gpserver.workspace import size_of

ID = re.compile(r"i[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CHECKSUMS = {32: "md5", 40: "sha1", 64: "sha256"}  # by their hexadecimal digits
_BLOCK = 1 << 20
_AROUND = 4096  # bytes that an item takes however small it is
MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Upload:
    """One item: a file, or room for one that comes in parts.

    Attributes:
        id: ``i`` and a GUID; whoever knows it may use the item.
        name: Its file name, which never becomes a path here.
        description: Whatever the client said of it.
        service: The service that took it, ``Folder/Name``.
        owner: Who sent it; empty where nobody signs in.
        date: When it was sent or registered, in epoch seconds.
        committed: Whether the file is complete.
    """

    id: str
    name: str
    description: str
    service: str
    owner: str
    date: float
    committed: bool = False


@dataclass(frozen=True, slots=True)
class Weight:
    """What an item takes, as it was when its folders had these times."""

    stamp: tuple[int, ...]
    owner: str
    size: int


class Uploads:
    """The items below a folder; safe to use from any thread.

    Args:
        root: The folder, ``<root>/i<guid>/`` with item.json, content, and parts until they are committed.
        most_bytes: The most that an item may have; none is taken by default.
        types: File name extensions that are taken, without the dot.
    """

    space = Space()
    """What they may take together."""

    def __init__(self, root: Path, most_bytes: int = 0, types: Sequence[str] = ()) -> None:
        self._root, self.most_bytes = root, most_bytes
        self._weights, self._weighing = dict[str, Weight](), threading.Lock()
        self.types = tuple(kind.lower().lstrip(".") for kind in types)

    def add(self, file: Path, name: str, description: str = "", service: str = "", owner: str = "") -> Upload:
        """Take over a whole file, which must lie on the disk of the folder.

        Raises:
            InvalidRequest: The extension of its name is not taken.
            TooLarge: It is over the limit.
            ServerBusy: There is no space for it.
        """
        item, size = self._new(name, description, service, owner), file.stat().st_size
        self._check_size(size)
        self._check_space(owner, size)
        return self._complete(item, file)

    def register(self, name: str, description: str = "", service: str = "", owner: str = "") -> Upload:
        """Make room for a file that comes in parts.

        Raises:
            InvalidRequest: The extension of its name is not taken.
            ServerBusy: There is no space for it.
        """
        item = self._new(name, description, service, owner)
        self._check_space(owner)
        (self._folder(item) / "parts").mkdir(parents=True)
        self._write(item)
        return item

    def get(self, item_id: str) -> Upload:
        """Look an item up.

        Raises:
            NotFound: There is none of this id, or no more.
        """
        item_id = item_id.strip().lower()
        try:
            if ID.fullmatch(item_id):
                return Upload(**orjson.loads((self._root / item_id / "item.json").read_bytes()))
        except FileNotFoundError:
            pass
        raise NotFound(f"There is no uploaded item {item_id[:50]}.")

    def all(self) -> Iterator[Upload]:
        """Every item that is there."""
        for folder in self._root.glob("i*"):
            try:
                yield self.get(folder.name)
            except NotFound:
                continue

    def content(self, item: Upload) -> Path:
        """The file of an item.

        Raises:
            NotFound: Its parts are not committed yet.
        """
        path = self._folder(item) / "content"
        if not path.is_file():
            raise NotFound(f"The item {item.id} is not committed: send its parts, then commit it.")
        return path

    def near(self, inputs: Sequence[Input], folder: Path, owner: str) -> Path:
        """The folder in which a job finds the items that its inputs name, as far as its owner may use them.

        Args:
            inputs: As they were sent.
            folder: The job's own.
            owner: Who submitted it.
        """
        return self._root

    def parts(self, item: Upload) -> list[int]:
        """The numbers of the parts that have come, in order."""
        return sorted(self._parts(item))

    def add_part(self, item: Upload, number: int, file: Path) -> None:
        """Take over a part; one of the same number is replaced.

        Raises:
            InvalidRequest: The item is committed, or the number is not one of a part.
            TooLarge: The parts together are over the limit.
            ServerBusy: There is no space for it.
        """
        if not 0 <= number <= MOST_PARTS:
            raise InvalidRequest(f"The number of a part is from 0 to {MOST_PARTS}.")
        others = (path for there, path in self._parts(item).items() if there != number)
        self._check_size(file.stat().st_size + sum(path.stat().st_size for path in others))
        self._check_space(item.owner, file.stat().st_size)
        try:
            file.rename(self._folder(item) / "parts" / str(number))
        except FileNotFoundError:
            raise InvalidRequest(f"The item {item.id} is committed already.") from None

    def commit(self, item: Upload, order: Sequence[int] = (), checksum: str = "") -> Upload:
        """Join the parts to the file.

        Args:
            item: A registered item.
            order: The numbers of the parts that make the file, one after another; by default all, ascending.
            checksum: The MD5, SHA-1 or SHA-256 in hexadecimal digits that the file must have; empty for any.

        Raises:
            InvalidRequest: It is committed, a part is not there, or the checksum is another.
            TooLarge: The file is over the limit.
        """
        parts = self._parts(item)
        if item.committed:
            raise InvalidRequest(f"The item {item.id} is committed already.")
        if absent := [number for number in order or [0] * (not parts) if number not in parts]:
            raise InvalidRequest(f"The parts {', '.join(map(str, absent))} of the item were not sent.")
        chosen = [parts[number] for number in order or sorted(parts)]
        self._check_size(sum(path.stat().st_size for path in chosen))
        try:
            with tempfile.TemporaryDirectory(dir=self._folder(item)) as scratch:
                join(chosen, Path(scratch) / "content", checksum.strip().lower())
                return self._complete(item, Path(scratch) / "content")
        except FileNotFoundError:
            raise InvalidRequest(f"The item {item.id} was committed or deleted meanwhile.") from None

    def delete(self, item: Upload) -> None:
        """Remove an item; jobs that have begun with it keep their copy."""
        folder = self._folder(item)
        (folder / "item.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, before: float) -> None:
        """Remove the items, complete or not, that nothing has changed since ``before`` (epoch seconds)."""
        for folder in self._root.glob("i*"):
            places = (path for name in ("", "parts") if (path := folder / name).is_dir())
            with suppress(FileNotFoundError):  # somebody deletes it now
                if max(path.stat().st_mtime for path in places) < before:
                    shutil.rmtree(folder, ignore_errors=True)

    def _new(self, name: str, description: str, service: str, owner: str) -> Upload:
        name = file_name(name)
        suffix = name.rpartition(".")[2].lower() if "." in name else ""
        if suffix not in self.types:
            raise InvalidRequest(
                f"Files of the type '{suffix}' are not taken; send one of {', '.join(self.types)}."
            )
        return Upload(f"i{uuid.uuid4()}", name, description, service, owner, time.time())

    def _complete(self, item: Upload, content: Path) -> Upload:
        folder = self._folder(item)
        folder.mkdir(parents=True, exist_ok=True)
        content.chmod(0o444)  # jobs share the bytes by hard links, so nobody may write into them
        content.rename(folder / "content")
        item = replace(item, committed=True)
        self._write(item)
        shutil.rmtree(folder / "parts", ignore_errors=True)
        return item

    def _write(self, item: Upload) -> None:
        folder = self._folder(item)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(orjson.dumps(asdict(item)))
        Path(file.name).replace(folder / "item.json")

    def _folder(self, item: Upload) -> Path:
        return self._root / item.id

    def _parts(self, item: Upload) -> dict[int, Path]:
        return {int(path.name): path for path in self._folder(item).glob("parts/*")}

    def _check_space(self, owner: str, more: int = 0) -> None:
        self.space.check(self._used(), owner, more)

    def _used(self) -> Counter[str]:
        """The bytes of each owner's items; only folders that have changed are read again."""
        with self._weighing:
            before, now = self._weights, dict[str, Weight]()
            for folder in self._root.glob("i*"):
                stamp = tuple(map(_changed, (folder, folder / "parts")))
                known = before.get(folder.name)
                now[folder.name] = known if known and known.stamp == stamp else self._weigh(folder, stamp)
            self._weights = now
        used = Counter[str]()
        for weight in now.values():
            used[weight.owner] += weight.size
        return used

    def _weigh(self, folder: Path, stamp: tuple[int, ...]) -> "Weight":
        try:
            owner = self.get(folder.name).owner
        except NotFound:  # it is being made, or deleted
            owner = ""
        return Weight(stamp, owner, size_of(folder) + _AROUND)

    def _check_size(self, size: int) -> None:
        if size > self.most_bytes:
            raise TooLarge(f"The file has {size} bytes; this server takes up to {self.most_bytes}.")


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def file_name(text: str) -> str:
    """The name of a file as it may stand on a disk and in a header: no folders, no control characters."""
    name = re.sub(r"[^\w .,()+@-]", "_", re.split(r"[/\\]", text)[-1]).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[-50:]}{dot}{suffix[-10:]}" or "file"  # a file system takes 255 bytes


def join(parts: Sequence[Path], target: Path, checksum: str) -> None:
    """Write files one behind another into a new one.

    Raises:
        InvalidRequest: It has another checksum than that which is given, if one is.
    """
    kind = _CHECKSUMS.get(len(checksum), "md5")
    digest = hashlib.new(kind, usedforsecurity=False)
    with target.open("wb") as file:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(_BLOCK):
                    file.write(block)
                    digest.update(block)
    if checksum and digest.hexdigest() != checksum:
        raise InvalidRequest(f"The {kind.upper()} of the parts is {digest.hexdigest()}, not {checksum[:64]}.")
