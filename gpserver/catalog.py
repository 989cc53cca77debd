"""The services folder: what it publishes, loaded, reloaded when a file changes, and looked up by name."""

import logging
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from gpserver import canned, loading
from gpserver.errors import NotFound, PublishingError
from gpserver.naming import task_name
from gpserver.publishing import Service, Task

logger = logging.getLogger(__name__)
Found = TypeVar("Found")


class Catalog:
    """The services of a folder.

    A file publishes one service or several, a sub-folder is an ArcGIS folder, or a recorded service (see
    ``gpserver.canned``) where its name ends in ``.GPServer``; files and folders that begin
    with ``_`` or ``.`` publish nothing. A file that does not load keeps its last good version.

    Args:
        root: The folder; None for a catalog of what is given to ``publish`` alone.
        strict: Look at the folder at every look-up, and raise the error of a file that does not load instead
            of using its last good version, as a worker must: two versions must never run.
    """

    def __init__(self, root: Path | None = None, strict: bool = False) -> None:
        self._root = root.resolve() if root else None
        self._strict = strict
        if strict and root:
            # A task may import a helper module of its folder as late as when it runs.
            sys.path.append(str(self._root))
        self._lock = threading.RLock()
        self._stamps: dict[str, loading.Stamp] | None = None
        self._loaded: dict[str, tuple[Service, ...]] = {}
        self._failed: dict[str, PublishingError] = {}
        self._clashes: dict[str, PublishingError] = {}
        self._imported: set[str] = set()
        self._away = False
        self._given: list[Service] = []
        self._services: dict[str, Service] = {}
        self._files: dict[str, str] = {}

    def publish(self, service: Service) -> None:
        """Add a service that comes from no file.

        Raises:
            PublishingError: It has no name or no task, or there is one of its name.
        """
        if not service.name or not service.tasks:
            raise PublishingError(
                "The service has no name or no task.", 'Write Service("Name", tasks=[...]).'
            )
        with self._lock:
            if service.full_name.lower() in self._current():
                raise PublishingError(
                    f"There is a service {service.full_name} already.", "Give it another name."
                )
            self._given.append(service)
            self._arrange()

    def withdraw(self, full_name: str) -> None:
        """Take back a service that comes from no file; one that is not there is gone already."""
        with self._lock:
            self._given = [item for item in self._given if item.full_name.lower() != full_name.lower()]
            self._arrange()

    def changed(self) -> bool:
        """Whether a file was added, edited or removed since the last refresh; takes microseconds."""
        return self._scan() != self._stamps

    def refresh(self) -> None:
        """Load what was added or edited and drop what was removed."""
        with self._lock:
            stamps, before = self._scan(), self._stamps or {}
            if stamps == self._stamps:
                return
            stale = {path for path in stamps.keys() | before.keys() if stamps.get(path) != before.get(path)}
            if self._root:
                self._reload(self._root, stamps, stale)
            self._arrange()
            self._stamps = self._scan() | stamps

    def _scan(self) -> dict[str, loading.Stamp]:
        """The stamps of the folder; the last ones while it is away, so that what it published stays.

        Raises:
            PublishingError: Only if strict: it is away.
        """
        if not self._root:
            return {}
        try:
            stamps = loading.scan(self._root, self._imported)
        except OSError as error:
            return self._scan_later(error)
        if self._away:
            logger.warning("The services folder can be read again.")
        self._away = False
        return stamps

    def _scan_later(self, error: OSError) -> dict[str, loading.Stamp]:
        if self._strict:
            raise PublishingError(
                f"The services folder cannot be read now ({error.strerror}).", "Ask again when it is back."
            ) from None
        if not self._away:
            logger.error("The services folder cannot be read: %s. What it published last is served.", error)
        self._away = True
        return self._stamps or {}

    def _reload(self, root: Path, present: Iterable[str], stale: set[str]) -> None:
        files = {path for path in present if not loading.is_helper(path) and path.count("/") < 2}
        if any(loading.is_helper(path) or path in self._imported for path in stale):
            loading.forget_imports(root)
            stale = files
        with loading.importing_from(root):
            for path in sorted(files & stale):
                self._load(root, path)
        self._imported = loading.imported_from(root)
        self._loaded = {path: services for path, services in self._loaded.items() if path in files}
        self._failed = {path: error for path, error in self._failed.items() if path in files}

    def _load(self, root: Path, path: str) -> None:
        try:
            self._loaded[path] = loading.load(root, path)
            self._failed.pop(path, None)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # A file may also end in SystemExit, and the server must live on.
            self._report(path, _explained(root / path, path, error))

    def _report(self, path: str, error: PublishingError) -> None:
        if str(error) != str(self._failed.get(path)):
            kept = "its last good version is served" if path in self._loaded else "it is not served"
            logger.error("%s (%s)", error, kept)
        self._failed[path] = error

    def _arrange(self) -> None:
        """Rebuild the index of names; of two services of one name the first file's stays."""
        services = {item.full_name.lower(): item for item in self._given}
        files: dict[str, str] = {}
        clashes: dict[str, PublishingError] = {}
        for path, item in [(path, item) for path, items in sorted(self._loaded.items()) for item in items]:
            key = item.full_name.lower()
            if key in services:
                where = (
                    f"in {files[key]} and in {path}" if key in files else f"in {path} and outside of files"
                )
                clashes[path] = PublishingError(
                    f"There are two services {item.full_name}: {where}.", "Give one another name.", file=path
                )
                continue
            services[key], files[key] = item, path
        for path in clashes.keys() - self._clashes.keys():
            logger.error("%s", clashes[path])
        self._services, self._files, self._clashes = services, files, clashes

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong with each file that is not served as it stands, by its path in the folder."""
        self._current()
        return {path: str(error) for path, error in sorted({**self._clashes, **self._failed}.items())}

    def error_of(self, full_name: str) -> str:
        """Say why the file of a service does not load; empty text when it does."""
        self._current()
        return str(self._failure(full_name) or "")

    def _failure(self, full_name: str) -> PublishingError | None:
        known = self._files.get(full_name.lower())
        if known:
            return self._failed.get(known)
        by_convention = (
            error for path, error in self._failed.items() if _conventional(path) == full_name.lower()
        )
        return next(by_convention, None)

    def folders(self) -> list[str]:
        """Give the names of the folders that hold a service."""
        return sorted({item.folder for item in self._current().values() if item.folder})

    def services(self, folder: str = "") -> list[Service]:
        """Give the services of one folder, by default those outside of folders, by name."""
        found = [item for item in self._current().values() if item.folder.lower() == folder.lower()]
        return sorted(found, key=lambda item: item.name)

    def kept_slots(self) -> dict[str, int]:
        """Slots of each machine that are kept for services, by full name, as the files stand now."""
        if self.changed():
            self.refresh()
        services = self._services.values()
        return {item.full_name: item.min_instances for item in services if item.min_instances}

    def service(self, full_name: str) -> Service:
        """Find a service by ``Name`` or ``Folder/Name``, in any case.

        Raises:
            NotFound: There is none.
            PublishingError: Only if strict: its file does not load.
        """
        found = self._current().get(full_name.lower())
        if self._strict and (error := self._failure(full_name)):
            raise error.with_traceback(None)
        if found is None:
            raise NotFound(self._absent(full_name))
        return found

    def task(self, full_name: str, task_name: str) -> Task:
        """Find a task of a service by its name or its display name, in any case.

        Raises:
            NotFound: There is no such service or task.
            PublishingError: Only if strict: the file of the service does not load.
        """
        return self.service(full_name).task(task_name)

    def unique_service(self, name: str) -> Service:
        """Find a service by its name alone: the one outside of folders, else the only one in any folder.

        Raises:
            NotFound: There is none, or several folders have one.
        """
        found = [item for item in self._current().values() if item.name.lower() == name.lower()]
        outside = [item for item in found if not item.folder]
        return _only(outside or found, f"service {name}")

    def unique_task(self, name: str) -> tuple[Service, Task]:
        """Find a task by its name alone.

        Where several services publish the same function, the one that stands first in its file is meant.

        Raises:
            NotFound: There is none, or different functions have that name.
        """
        found = [(service, task) for service in self._current().values() for task in service.tasks]
        found = [(service, task) for service, task in found if task.name.lower() == name.lower()]
        functions = {id(task.function) for _, task in found}
        return found[0] if len(functions) == 1 else _only(found, f"task {name}")

    def _current(self) -> dict[str, Service]:
        if self._strict or self._stamps is None:
            self.refresh()
        return self._services

    def _absent(self, full_name: str) -> str:
        text = f"There is no service {full_name}."
        # A worker that starts with a broken file cannot know which services the file would publish.
        return " ".join([text, *map(str, self._failed.values())]) if self._strict else text


def _only(found: list[Found], what: str) -> Found:
    if not found:
        raise NotFound(f"There is no {what}.")
    if len(found) > 1:
        raise NotFound(f"There are {len(found)} of {what}; name the folder and the service.")
    return found[0]


def _conventional(path: str) -> str:
    folder, _, file = path.rpartition("/")
    name = file.removesuffix(canned.SUFFIX)
    name = task_name(file.removesuffix(".py")) if name == file else name
    return (f"{folder}/{name}" if folder else name).lower()


def _explained(file: Path, path: str, error: BaseException) -> PublishingError:
    if isinstance(error, PublishingError):
        error.file = f"{path}/{error.file}" if error.file else path
        return error
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return _problem(path, error.lineno, f"SyntaxError: {error.msg}", error)
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)
    ]
    return _problem(path, lines[-1] if lines else None, f"{type(error).__name__}: {error}", error)


def _problem(path: str, line: int | None, text: str, cause: BaseException) -> PublishingError:
    where = f"line {line}: " if line else ""
    explained = PublishingError(f"{where}{text}.", "Correct the file; saving it loads it again.", file=path)
    explained.__cause__ = cause
    return explained
