"""The guard at the door: signs users in, reads tokens, and shows every caller his own part of the server."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Any

from gpserver.catalog import Catalog
from gpserver.engine import Engine
from gpserver.errors import SignInRefused
from gpserver.security.access import Access, Caller, caller_of
from gpserver.security.throttle import Throttle
from gpserver.security.tokens import Binding, Tokens
from gpserver.security.users import User, authenticate, read_users
from gpserver.security.views import CallersCatalog

_GUESSES = 10  # wrong passwords that one address may try for one user in a minute
_GUESSES_OF_ALL = 60  # and for all users


class Guard:
    """Everything about users that a protocol needs; made by ``create_guard``.

    Args:
        users: Who may sign in; at least one.
        access: Who may use what.
        tokens: Issues and reads tokens.
        longest: Minutes that a token may be good for.
        clock: Gives epoch seconds.
    """

    def __init__(
        self,
        users: Mapping[str, User],
        access: Access,
        tokens: Tokens,
        longest: int,
        clock: Callable[[], float],
    ) -> None:
        self._users, self._access, self._tokens, self.longest = users, access, tokens, longest
        self._clock = clock
        self._guesses, self._guesses_of_all = Throttle(_GUESSES), Throttle(_GUESSES_OF_ALL)

    def sign_in(self, name: str, password: str, address: str) -> User:
        """The user of that name and password; takes the time and memory of a slow hash.

        Raises:
            SignInRefused: There is no such user, the password is wrong, or too many were tried.
        """
        network = _network(address)
        # Only a hash of the name, which may be long.
        keys = ((self._guesses, (hash(name), network)), (self._guesses_of_all, network))
        admitted = {throttle.admit(key) for throttle, key in keys}
        if False in admitted:
            raise SignInRefused("Too many wrong passwords; try again in a minute.")
        user = authenticate(self._users, name, password)
        if user is None:
            raise SignInRefused("Invalid username or password specified.")
        for throttle, key in keys:
            throttle.refund(key)
        return user

    def token(self, user: User, minutes: float, binding: Binding) -> "Ticket":
        """A token for a user, good for the minutes asked for or as long as may be."""
        lasting = min(max(minutes, 1.0), self.longest)
        expires = int(self._clock() + 60 * lasting)
        return Ticket(self._tokens.issue(user, expires, binding), expires)

    def same_token(self, token: str, referer: str, address: str) -> "Ticket":
        """The token that somebody has, and when it ends: nobody gets a longer one without a password.

        Raises:
            InvalidToken: It was not issued here, its time is over, or it is bound to another place.
        """
        self._tokens.read(token, referer, address)
        return Ticket(token, self._tokens.end_of(token))

    def caller(self, token: str, referer: str, address: str) -> Caller:
        """Who sent a token, with this Referer header and from this address.

        Raises:
            InvalidToken: It was not issued here, its time is over, or it is bound to another place.
        """
        return caller_of(self._tokens.read(token, referer, address))

    def named(self, name: str) -> Caller | None:
        """The caller that a user is, for work in his name while he is away; None where there is none."""
        user = self._users.get(name)
        return caller_of(user) if user else None

    def catalog(self, whole: Catalog, caller: Caller) -> Catalog:
        """The services that a caller may use."""
        return CallersCatalog(whole, self._access, caller)

    def engine(self, whole: Engine, caller: Caller) -> Engine:
        """The engine with the jobs that a caller may see; what he submits is his."""
        return whole.seen_by(caller.name, partial(self._access.shows, caller))

    def misspelled(self, catalog: Catalog) -> list[str]:
        """The names of rules that no folder and no service has: they protect nothing."""
        services = [item for folder in ("", *catalog.folders()) for item in catalog.services(folder)]
        names = {item.full_name.lower() for item in services} | {item.folder.lower() for item in services}
        return sorted(self._access.names - names)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A token and when it ends, in epoch seconds."""

    token: str
    expires: int


def create_guard(
    users: Mapping[str, Any],
    access: Mapping[str, Any],
    key: str,
    longest: int,
    clock: Callable[[], float] = lambda: time.time(),
) -> Guard:
    """The guard of a server, from the tables of its settings.

    Raises:
        ValueError: A user or a rule is not written as it should be, or the key or the time is too short.
    """
    if longest < 1:
        raise ValueError("The setting token_lifetime is at least 1 minute.")
    found = read_users(users)
    return Guard(found, Access(access, found), Tokens(key, found, clock), longest, clock)


def _network(address: str) -> str:
    """The address, or of IPv6 the network: whoever has one address there has billions."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return found.exploded[:19] if isinstance(found, IPv6Address) else address
