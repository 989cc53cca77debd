"""Uploaded files in an object store, so that whichever machine answers has them."""

import mmap
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import orjson

from gpserver.errors import InvalidRequest, NotFound
from gpserver.job import Input
from gpserver.objects import Objects
from gpserver.uploads import ID, MOST_PARTS, Upload, Uploads, join

_ITEM = re.compile(rb"i[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class StoredUploads(Uploads):
    """The items below ``uploads/`` of a store; safe to use from any thread.

    Args:
        objects: The store.
        folder: A folder of this machine's own, for items that are read as a whole.
        most_bytes: The most that an item may have; none is taken by default.
        types: File name extensions that are taken, without the dot.
    """

    def __init__(
        self, objects: Objects, folder: Path, most_bytes: int = 0, types: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, most_bytes, types)
        self._objects, self._local = objects, folder
        self._owners = dict[str, str]()

    def register(self, name: str, description: str = "", service: str = "", owner: str = "") -> Upload:
        """As :meth:`gpserver.uploads.Uploads.register`."""
        item = self._new(name, description, service, owner)
        self._check_space(owner)
        self._write(item)
        return item

    def get(self, item_id: str) -> Upload:
        """As :meth:`gpserver.uploads.Uploads.get`."""
        item_id = item_id.strip().lower()
        try:
            if ID.fullmatch(item_id):
                return Upload(**orjson.loads(self._objects.read(_place(item_id, "item.json"))))
        except NotFound:
            pass
        raise NotFound(f"There is no uploaded item {item_id[:50]}.")

    def all(self) -> Iterator[Upload]:
        """As :meth:`gpserver.uploads.Uploads.all`."""
        for entry in self._objects.entries("uploads"):
            _, item_id, *rest = entry.name.split("/")
            if rest == ["item.json"]:
                try:
                    yield self.get(item_id)
                except NotFound:  # deleted meanwhile
                    continue

    def content(self, item: Upload) -> Path:
        """The file of an item, brought onto this machine.

        Raises:
            NotFound: Its parts are not committed yet.
        """
        path = self._local / "whole" / item.id / "content"
        if not item.committed:
            raise NotFound(f"The item {item.id} is not committed: send its parts, then commit it.")
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._objects.get(_place(item.id, "content"), path)
        return path

    def near(self, inputs: Sequence[Input], folder: Path, owner: str) -> Path:
        """As :meth:`gpserver.uploads.Uploads.near`: they are fetched into the folder."""
        texts = [text.encode() for item in inputs for text in item.texts]
        items = {found for text in texts for found in _items(text)}
        items |= {found for item in inputs if item.file for found in _items_in(folder / item.file)}
        for item_id in items:
            self._bring(item_id, owner, folder / "uploads")
        return folder / "uploads"

    def parts(self, item: Upload) -> list[int]:
        """As :meth:`gpserver.uploads.Uploads.parts`."""
        return sorted(self._sizes(item))

    def add_part(self, item: Upload, number: int, file: Path) -> None:
        """As :meth:`gpserver.uploads.Uploads.add_part`."""
        if not 0 <= number <= MOST_PARTS:
            raise InvalidRequest(f"The number of a part is from 0 to {MOST_PARTS}.")
        if self.get(item.id).committed:
            raise InvalidRequest(f"The item {item.id} is committed already.")
        others = (size for there, size in self._sizes(item).items() if there != number)
        self._check_size(file.stat().st_size + sum(others))
        self._check_space(item.owner, file.stat().st_size)
        self._objects.put(_place(item.id, f"parts/{number}"), file)
        file.unlink()

    def commit(self, item: Upload, order: Sequence[int] = (), checksum: str = "") -> Upload:
        """As :meth:`gpserver.uploads.Uploads.commit`."""
        sizes = self._sizes(item)
        if self.get(item.id).committed:
            raise InvalidRequest(f"The item {item.id} is committed already.")
        if absent := [number for number in order or [0] * (not sizes) if number not in sizes]:
            raise InvalidRequest(f"The parts {', '.join(map(str, absent))} of the item were not sent.")
        chosen = list(order or sorted(sizes))
        self._check_size(sum(sizes[number] for number in chosen))
        self._local.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._local) as folder:
            for number in set(chosen):
                self._objects.get(_place(item.id, f"parts/{number}"), Path(folder) / str(number))
            parts = [Path(folder) / str(number) for number in chosen]
            join(parts, Path(folder) / "content", checksum.strip().lower())
            return self._complete(item, Path(folder) / "content")

    def delete(self, item: Upload) -> None:
        """As :meth:`gpserver.uploads.Uploads.delete`."""
        self._objects.delete(_place(item.id))
        shutil.rmtree(self._local / "whole" / item.id, ignore_errors=True)

    def sweep(self, before: float) -> None:
        """As :meth:`gpserver.uploads.Uploads.sweep`."""
        latest: dict[str, float] = {}
        for entry in self._objects.entries("uploads"):
            item_id = entry.name.split("/")[1]
            latest[item_id] = max(latest.get(item_id, 0.0), entry.written)
        for item_id, written in latest.items():
            if written < before:
                self._objects.delete(_place(item_id))

    def _bring(self, item_id: str, owner: str, folder: Path) -> None:
        """Have an item in a folder as ``Uploads`` keeps it, where it is there and the owner may use it."""
        try:
            item = self.get(item_id)
            if item.committed and item.owner in ("", owner):
                target = folder / item.id
                target.mkdir(parents=True, exist_ok=True)
                self._objects.get(_place(item.id, "content"), target / "content")
                (target / "item.json").write_bytes(orjson.dumps(asdict(item)))
        except NotFound:
            return

    def _complete(self, item: Upload, content: Path) -> Upload:
        self._objects.put(_place(item.id, "content"), content)
        content.unlink()
        item = replace(item, committed=True)
        self._write(item)
        self._objects.delete(_place(item.id, "parts"))
        return item

    def _used(self) -> Counter[str]:
        """The bytes of each owner's items; whose an item is was read once."""
        sizes = Counter[str]()
        for entry in self._objects.entries("uploads"):
            sizes[entry.name.split("/")[1]] += entry.size
        known = self._owners
        self._owners = {each: known[each] if each in known else self._owner(each) for each in sizes}
        used = Counter[str]()
        for item_id, owner in self._owners.items():
            used[owner] += sizes[item_id]
        return used

    def _owner(self, item_id: str) -> str:
        try:
            return self.get(item_id).owner
        except NotFound:  # deleted meanwhile
            return ""

    def _write(self, item: Upload) -> None:
        self._objects.write(_place(item.id, "item.json"), orjson.dumps(asdict(item)))

    def _sizes(self, item: Upload) -> dict[int, int]:
        """The sizes of the parts that have come, by number."""
        parts = self._objects.entries(_place(item.id, "parts"))
        return {int(entry.name.rpartition("/")[2]): entry.size for entry in parts}


def _place(item_id: str, name: str = "") -> str:
    return f"uploads/{item_id}/{name}".rstrip("/")


def _items_in(path: Path) -> set[str]:
    if not path.stat().st_size:
        return set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return _items(text)


def _items(text: bytes | mmap.mmap) -> set[str]:
    """Ids in a text; where one is no item, or not for the job, the job will say so."""
    return {found.decode().lower() for found in _ITEM.findall(text)}
