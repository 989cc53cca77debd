"""What one caller sees of the catalog: there is nothing else for him."""

from gpserver.catalog import Catalog
from gpserver.publishing import Service, Task
from gpserver.security.access import Access, Caller


class CallersCatalog(Catalog):
    """A catalog where services that the caller may not use are not listed, and refused by name.

    Args:
        whole: The catalog of all services.
        access: The rules.
        caller: Who looks.

    Every look-up by name raises TokenRequired or Forbidden for a service that he may not use.
    """

    def __init__(self, whole: Catalog, access: Access, caller: Caller) -> None:
        # Its own index stays empty: what is not answered below fails, rather than show too much.
        self._whole, self._access, self._caller = whole, access, caller

    def changed(self) -> bool:
        """Whether the whole catalog has changed."""
        return self._whole.changed()

    def refresh(self) -> None:
        """Refresh the whole catalog."""
        self._whole.refresh()

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong with files; they name services, so administrators alone see it."""
        return self._whole.errors if self._caller.is_administrator else {}

    def error_of(self, full_name: str) -> str:
        """Say why the file of a service does not load."""
        return self._whole.error_of(self.service(full_name).full_name)

    def folders(self) -> list[str]:
        """Give the names of the folders that hold a service for him."""
        return [name for name in self._whole.folders() if self._allowed(self._whole.services(name))]

    def services(self, folder: str = "") -> list[Service]:
        """Give the services of one folder that he may use."""
        found = self._whole.services(folder)
        allowed = self._allowed(found)
        if folder and found and not allowed:
            self._admit(found[0])
        return allowed

    def service(self, full_name: str) -> Service:
        """Find a service by ``Name`` or ``Folder/Name``."""
        return self._admit(self._whole.service(full_name))

    def unique_service(self, name: str) -> Service:
        """Find a service by its name alone."""
        return self._admit(self._whole.unique_service(name))

    def unique_task(self, name: str) -> tuple[Service, Task]:
        """Find a task by its name alone."""
        service, task = self._whole.unique_task(name)
        return self._admit(service), task

    def _allowed(self, services: list[Service]) -> list[Service]:
        return [item for item in services if self._access.allows(self._caller, item.full_name)]

    def _admit(self, service: Service) -> Service:
        self._access.check(self._caller, service.full_name)
        return service
