"""The tree of folders and files that clients keep beside the layers; their names never become paths."""

import copy
import re
import secrets
import shutil
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gpserver.database import Database
from gpserver.errors import Conflict, Forbidden, InvalidValue, NotFound
from gpserver.space import Space

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, parent TEXT NOT NULL, owner TEXT NOT NULL,
    created REAL NOT NULL, changed REAL NOT NULL, size INTEGER NOT NULL, description TEXT NOT NULL,
    temporary INTEGER NOT NULL, file TEXT NOT NULL, UNIQUE (owner, parent, name));
CREATE INDEX IF NOT EXISTS resources_parent ON resources (parent);
CREATE INDEX IF NOT EXISTS resources_name ON resources (name);
"""
_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")
_LONGEST = 255
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True)
class Resource:
    """A folder or a file.

    Attributes:
        id: 32 hexadecimal digits.
        name: As its owner calls it; unique in its folder.
        type: ``folder`` or ``file``.
        parent: The id of its folder; empty at the top.
        created, changed: Epoch seconds.
        size: Bytes of a file.
        temporary: Whether it is swept like the files of a job.
        file: The name of its content on the disk; empty for a folder.
    """

    id: str
    name: str
    type: str
    parent: str
    owner: str
    created: float
    changed: float
    size: int = 0
    description: str = ""
    temporary: bool = False
    file: str = ""


_COLUMNS = ", ".join(item.name for item in fields(Resource))


class Resources:
    """Folders and files of all users, as one of them sees them: his own; an administrator sees all.

    Args:
        folder: Where the catalogue (``resources.sqlite``) and the contents (``files/``) lie.
        space: What the files may take together.
    """

    def __init__(self, folder: Path, space: Space = Space()) -> None:  # noqa: B008 - it is never changed
        self._space = space
        self._database = Database(folder / "resources.sqlite", _SCHEMA, 1)
        self._files = folder / "files"
        self._owner, self._all = "", True

    def seen_by(self, owner: str, everything: bool = False) -> "Resources":
        """The same tree as a user sees it; what he adds is his."""
        view = copy.copy(self)
        view._owner, view._all = owner, everything
        return view

    def add_folder(self, name: str, parent: str = "", owner: str = "", description: str = "") -> Resource:
        """Make a folder.

        Args:
            name: Its name.
            parent: Id or path of the folder that it is in; empty for the top.
            owner: Whose it is, for an administrator who makes it for somebody else.
            description: For people.

        Raises:
            InvalidValue: The name cannot be.
            NotFound: There is no such parent.
            Conflict: The name is taken there.
        """
        return self._add(self._new(name, "folder", parent, owner, description))

    def add_file(
        self,
        path: Path,
        name: str,
        parent: str = "",
        owner: str = "",
        rewrite: bool = False,
        *,
        description: str = "",
        temporary: bool = False,
    ) -> Resource:
        """Take a file over (it is moved).

        Args:
            path: The file.
            name: What its owner calls it.
            parent: Id or path of its folder; empty for the top.
            owner: As in ``add_folder``.
            rewrite: Whether it replaces a file of this name; that one's id stays.
            description: For people.
            temporary: Whether it is swept like the files of a job.

        Raises:
            InvalidValue: The name cannot be.
            NotFound: There is no such parent.
            Conflict: The name is taken there.
            ServerBusy: There is no space for it.
        """
        item = self._new(name, "file", parent, owner, description)
        suffix = Path(name).suffix.lower()
        file = f"{secrets.token_hex(16)}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        self._files.mkdir(parents=True, exist_ok=True)
        shutil.move(path, self._files / file)
        size = (self._files / file).stat().st_size
        item = _changed(item, file=file, size=size, temporary=temporary)
        try:
            return self._replace(item) if rewrite else self._add(item)
        except BaseException:
            (self._files / file).unlink(missing_ok=True)
            raise

    def resource(self, key: str) -> Resource:
        """A resource by its id or its path: ``owner/Folder/Name``, ``Folder/Name`` or ``id/Name``.

        Raises:
            NotFound: There is none.
        """
        found = self._found("id = ?", key) or self._at(key)
        if found is None:
            raise NotFound(f"There is no resource {key[:200]}.")
        return found

    def listing(self, parent: str | None = None) -> list[Resource]:
        """The resources of a folder (id or path), or with "" those at the top; None gives all of them."""
        if parent is None:
            rows = self._database.rows(f"SELECT {_COLUMNS} FROM resources ORDER BY name")  # noqa: S608 - our own columns
        else:
            rows = self._children(self.resource(parent).id if parent else "")
        return [item for item in map(_resource, rows) if self._sees(item)]

    def path(self, item: Resource) -> str:
        """``owner/Folder/Name`` of a resource."""
        names = [item.name]
        while item.parent:
            item = self.resource(item.parent)
            names.append(item.name)
        return "/".join([item.owner, *reversed(names)])

    def file(self, key: str) -> Path:
        """The content of a file, by its id, its path, or its name alone (the youngest of that name).

        Raises:
            NotFound: There is no such file.
        """
        found = self._found("id = ?", key) or self._at(key) or self._found("name = ? AND type = 'file'", key)
        if found is None or found.type != "file":
            raise NotFound(f"There is no file {key[:200]}.")
        return self._files / found.file

    def change(
        self, key: str, *, name: str = "", parent: str | None = None, description: str | None = None
    ) -> Resource:
        """Rename, move (``parent``: id or path, "" for the top) or describe a resource.

        Raises:
            NotFound: There is no such resource or parent.
            InvalidValue: The name cannot be, or a folder would be inside itself.
            Conflict: The name is taken there.
        """
        item = self.resource(key)
        folder = item.parent if parent is None else self._folder(parent)
        if item.id in self._ancestors(folder):
            raise InvalidValue(f"The folder {item.name} cannot be moved into itself.")
        new = _changed(
            item,
            name=_name(name or item.name),
            parent=folder,
            description=item.description if description is None else description,
        )
        with self._database.transaction() as connection:
            taken = "SELECT 1 FROM resources WHERE owner = ? AND parent = ? AND name = ? AND id != ?"
            if connection.execute(taken, (new.owner, new.parent, new.name, new.id)).fetchone():
                raise Conflict(f"{new.name} already exists in this folder.")
            connection.execute(
                "UPDATE resources SET name = ?, parent = ?, description = ?, changed = ? WHERE id = ?",
                (new.name, new.parent, new.description, new.changed, new.id),
            )
        return new

    def remove(self, key: str, cascade: bool = False) -> None:
        """Remove a file or a folder, with ``cascade`` also all that is in it.

        Raises:
            NotFound: There is no such resource.
            Conflict: The folder is not empty, and ``cascade`` is not set.
        """
        item = self.resource(key)
        for child in [_resource(row) for row in self._children(item.id)]:
            if not cascade:
                raise Conflict(f"The folder {item.name} is not empty; remove it with cascade.")
            self.remove(child.id, cascade=True)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM resources WHERE id = ?", (item.id,))
        if item.file:
            (self._files / item.file).unlink(missing_ok=True)

    def sweep(self, before: float) -> None:
        """Remove temporary files that were not changed since ``before``, and contents without a resource."""
        old = self._database.rows("SELECT id FROM resources WHERE temporary AND changed < ?", before)
        for (key,) in old:
            self.seen_by("", everything=True).remove(key)
        contents = [path for path in self._files.glob("*") if path.stat().st_mtime < before]
        known = {file for (file,) in self._database.rows("SELECT file FROM resources")}
        for path in contents:
            if path.name not in known:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the catalogue."""
        self._database.close()

    def _new(self, name: str, kind: str, parent: str, owner: str, description: str) -> Resource:
        if owner and owner != self._owner and not self._all:
            raise Forbidden(f"A {kind} of {owner} can only be made by {owner}.")
        now = time.time()
        whose = owner or self._owner
        return Resource(
            secrets.token_hex(16), _name(name), kind, self._folder(parent), whose, now, now, 0, description
        )

    def _folder(self, parent: str) -> str:
        if not parent:
            return ""
        found = self.resource(parent)
        if found.type != "folder":
            raise InvalidValue(f"{found.name} is a file, not a folder.")
        return found.id

    def _add(self, item: Resource) -> Resource:
        with self._database.transaction() as connection:
            if _there(connection, item):
                raise Conflict(f"{item.name} already exists in this folder.")
            self._insert(connection, item)
        return item

    def _replace(self, item: Resource) -> Resource:
        with self._database.transaction() as connection:
            old = _there(connection, item)
            if old and old.type != "file":
                raise Conflict(f"{item.name} is a folder there.")
            if old:
                item = _changed(item, id=old.id, created=old.created)
                connection.execute("DELETE FROM resources WHERE id = ?", (old.id,))
            self._insert(connection, item)
        if old:
            (self._files / old.file).unlink(missing_ok=True)
        return item

    def _insert(self, connection: Any, item: Resource) -> None:
        values = tuple(getattr(item, field.name) for field in fields(Resource))
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO resources ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608 - only ? marks
        if item.size:  # what is over the limit is rolled back
            used = connection.execute("SELECT owner, SUM(size) FROM resources GROUP BY owner")
            self._space.check(dict(used.fetchall()), item.owner)

    def _sees(self, item: Resource) -> bool:
        return self._all or item.owner == self._owner

    def _found(self, condition: str, *values: str) -> Resource | None:
        query = f"SELECT {_COLUMNS} FROM resources WHERE {condition} ORDER BY created DESC"  # noqa: S608 - our own text
        rows = map(_resource, self._database.rows(query, *values))
        return next(filter(self._sees, rows), None)

    def _at(self, path: str) -> Resource | None:
        """By path: the first name may be that of the owner, or the id of a folder."""
        first, *names = path.strip("/").split("/")
        if names and (folder := self._found("id = ?", first)):
            return self._walk(folder.owner, names, folder)
        return self._walk(first, names) or self._walk(self._owner, [first, *names])

    def _walk(self, owner: str, names: list[str], found: Resource | None = None) -> Resource | None:
        for name in names:
            parent = found.id if found else ""
            found = self._found("owner = ? AND parent = ? AND name = ?", owner, parent, name)
            if found is None:
                return None
        return found

    def _children(self, parent: str) -> list[Any]:
        query = f"SELECT {_COLUMNS} FROM resources WHERE parent = ? ORDER BY name"  # noqa: S608 - our own columns
        return self._database.rows(query, parent)

    def _ancestors(self, folder: str) -> set[str]:
        found = set[str]()
        while folder:
            found.add(folder)
            folder = self.resource(folder).parent
        return found


def _resource(row: Any) -> Resource:
    facts = dict(zip((item.name for item in fields(Resource)), row, strict=True))
    return Resource(**facts | {"temporary": bool(facts["temporary"])})


def _changed(item: Resource, **facts: Any) -> Resource:
    return Resource(**{**vars(item), "changed": time.time(), **facts})


def _there(connection: Any, item: Resource) -> Resource | None:
    query = f"SELECT {_COLUMNS} FROM resources WHERE owner = ? AND parent = ? AND name = ?"  # noqa: S608 - our own columns
    row = connection.execute(query, (item.owner, item.parent, item.name)).fetchone()
    return _resource(row) if row else None


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST or _FORBIDDEN.search(name) or name in (".", ".."):
        raise InvalidValue(
            f"A resource cannot be named {name[:80]!r}: a name has 1 to {_LONGEST} characters, no slash and"
            " no control character."
        )
    return name
