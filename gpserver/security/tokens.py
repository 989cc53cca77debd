"""Signed tokens: any server that has the key can read them, and none has to keep them."""

import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gpserver.errors import InvalidToken
from gpserver.migration import Tables, use
from gpserver.security.users import User

if TYPE_CHECKING:
    from gpserver.shared import SharedDatabase

_ALGORITHM = "HS256"
_AUDIENCE = "gpserver"
_SHORTEST_KEY = 32  # bytes, as RFC 7518 section 3.2 asks of HS256


@dataclass(frozen=True, slots=True)
class Binding:
    """Where alone a token is good: from pages of ``referer``, from the address ``ip``; empty for anywhere."""

    referer: str = ""
    ip: str = ""

    def holds(self, referer: str, address: str) -> bool:
        """Whether a request with this Referer header from this address is meant."""
        # A browser may cut the header down to the origin, so no more than the origin is compared.
        at_home = not self.referer or _host(self.referer) == _host(referer)
        return at_home and self.ip in ("", address)


def _host(referer: str) -> str:
    text = referer.strip().lower()
    try:
        return urlsplit(text).netloc or text
    except ValueError:
        return text


class Tokens:
    """Issues and reads the tokens of some users.

    A token ends with its time, with its user, and when that user's password changes.

    Args:
        key: What they are signed with, the same on every server that shall read them.
        users: Who may have one.
        clock: Gives epoch seconds.

    Raises:
        ValueError: The key is too short.
    """

    def __init__(
        self, key: str, users: Mapping[str, User], clock: Callable[[], float] = lambda: time.time()
    ) -> None:
        if len(key.encode()) < _SHORTEST_KEY:
            raise ValueError(f"The setting token_key needs at least {_SHORTEST_KEY} characters.")
        self._key, self._users, self._clock = key, users, clock
        # Most requests bring a token that was seen before, and a signature costs as much as a poll's answer.
        self._verified = lru_cache(maxsize=1024)(self._decode)

    def issue(self, user: User, expires: int, binding: Binding) -> str:
        """A token that is good until ``expires`` (epoch seconds)."""
        import jwt  # with cryptography, which only a server with users needs

        claims = {"aud": _AUDIENCE, "sub": user.name, "exp": expires, "pwd": _fingerprint(user)}
        bound = {name: value for name, value in asdict(binding).items() if value}
        return jwt.encode(claims | bound, self._key, _ALGORITHM)

    def read(self, token: str, referer: str, address: str) -> User:
        """The user of a token that came with this Referer header from this address.

        Raises:
            InvalidToken: It was not issued here, its time is over, or it is bound to another place.
        """
        claims = self._claims(token)
        user = self._users.get(claims["sub"])
        if user is None or claims["pwd"] != _fingerprint(user):
            raise InvalidToken("The user of the token has gone, or has another password.")
        if not Binding(claims.get("referer", ""), claims.get("ip", "")).holds(referer, address):
            raise InvalidToken("The token is for requests from another place.")
        return user

    def end_of(self, token: str) -> int:
        """When a token ends, in epoch seconds.

        Raises:
            InvalidToken: It was not issued here, or its time is over.
        """
        return int(self._claims(token)["exp"])

    def _claims(self, token: str) -> dict[str, Any]:
        claims = self._verified(token)
        if claims["exp"] <= self._clock():
            raise InvalidToken("The time of the token is over.")
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        import jwt

        # The time is looked at for every request, by our own clock.
        options: Any = {"require": ["exp", "sub", "pwd"], "verify_exp": False}
        try:
            return jwt.decode(token, self._key, [_ALGORITHM], audience=_AUDIENCE, options=options)
        except (jwt.InvalidTokenError, ValueError):
            raise InvalidToken("The token was not issued here, or its time is over.") from None


def _fingerprint(user: User) -> str:
    return hashlib.sha256(user.password.encode()).hexdigest()[:16]


KEYS = Tables("keys", 1, 1, "CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, value TEXT NOT NULL)")


def shared_key(database: "SharedDatabase", path: Path) -> str:
    """The key of all machines that share a database; made at the first call.

    Args:
        database: Where it is kept.
        path: A file that may hold an older key of theirs: tokens that were signed with it stay good.

    Raises:
        GPServerError: The database has tables of another version.
    """
    use(database, KEYS)
    made = path.read_text("ascii").strip() if path.is_file() else secrets.token_hex(_SHORTEST_KEY)
    with database.transaction() as cursor:
        # Whoever comes first makes it.
        cursor.execute("INSERT INTO keys VALUES ('tokens', ?) ON CONFLICT (name) DO NOTHING", [made])
        [[key]] = cursor.execute("SELECT value FROM keys WHERE name = 'tokens'").fetchall()
    return str(key)


def kept_key(path: Path) -> str:
    """The key of a file that only its owner can read; made at the first call."""
    if not path.exists():
        handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 600
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(_SHORTEST_KEY))
        try:
            # Whoever comes first makes it: of two servers that start at once both read one key.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
    return path.read_text("ascii").strip()
