"""Who may use which service, and see which job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpserver.errors import Forbidden, TokenRequired
from gpserver.job import Job
from gpserver.security.users import User, read_roles

ADMINISTRATORS = "administrators"
"""The role that may use every service and see every job."""

EVERYBODY = "everybody"
"""The role of every caller, signed in or not."""

USERS = "users"
"""The role of every user."""

_DEFAULT = "*"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user, or somebody without a name."""

    name: str = ""
    roles: frozenset[str] = frozenset({EVERYBODY})

    @property
    def is_administrator(self) -> bool:
        """Whether he may see everything."""
        return ADMINISTRATORS in self.roles


NOBODY = Caller()
"""A caller who has not said who he is."""


def caller_of(user: User) -> Caller:
    """The caller that a user is."""
    return Caller(user.name, user.roles | {EVERYBODY, USERS})


class Access:
    """The rules of access: a service's own, else its folder's, else the one named ``*``, else everybody.

    Args:
        tables: A list of roles by ``Folder``, ``Folder/Service`` or ``Service``, in any case, or ``*``.
        users: Who has roles.

    Raises:
        ValueError: A rule is no list, or names a role that nobody has.
    """

    def __init__(self, tables: Mapping[str, Any], users: Mapping[str, User]) -> None:
        self._rules = {
            name.lower(): read_roles(f"roles of {name} in [access]", roles) for name, roles in tables.items()
        }
        known = {EVERYBODY, USERS, ADMINISTRATORS}.union(*(user.roles for user in users.values()))
        if unknown := sorted(frozenset[str]().union(*self._rules.values()) - known):
            raise ValueError(f"[access] names roles that no user has: {', '.join(unknown)}.")

    @property
    def names(self) -> frozenset[str]:
        """The folders and services that have a rule, in lower case."""
        return frozenset(self._rules.keys() - {_DEFAULT})

    def allows(self, caller: Caller, service: str) -> bool:
        """Whether a caller may use the service of this full name."""
        name = service.lower()
        places = (name, name.rpartition("/")[0], _DEFAULT)
        roles = next((self._rules[place] for place in places if place in self._rules), {EVERYBODY})
        return caller.is_administrator or not caller.roles.isdisjoint(roles)

    def check(self, caller: Caller, service: str) -> None:
        """Refuse a caller who may not use the service of this full name.

        Raises:
            TokenRequired: He may be somebody who may, and has not said so.
            Forbidden: He may not.
        """
        if self.allows(caller, service):
            return
        if not caller.name:
            raise TokenRequired
        # In ArcGIS' words: arcgis for Python looks for them, and would ask again and again otherwise.
        raise Forbidden(f"User does not have permissions to access '{service}'.")

    def shows(self, caller: Caller, job: Job) -> bool:
        """Whether a caller may see a job; one that nobody owns is seen by whoever knows its id."""
        return self.allows(caller, job.service) and (
            job.owner in ("", caller.name) or caller.is_administrator
        )
