"""Users, their roles, and their passwords, of which only hashes are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import argon2
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER = argon2.PasswordHasher()


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in; ``password`` is its Argon2 hash."""

    name: str
    password: str = field(repr=False)
    roles: frozenset[str] = frozenset()


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, with a salt of its own."""
    return _HASHER.hash(password)


def read_users(tables: Mapping[str, Any]) -> dict[str, User]:
    """The users by name, from tables of ``password`` (a hash) and ``roles`` (a list).

    Raises:
        ValueError: A name is none, a table has another key or lacks a hash, or a role is no text.
    """
    return {name: _read_user(name, table) for name, table in tables.items()}


def _read_user(name: str, table: Any) -> User:
    if not isinstance(table, Mapping) or not {"password"} <= table.keys() <= {"password", "roles"}:
        raise ValueError(f'[users.{name}] has password = "…" and roles = […], and nothing else.')
    if not name or name != name.strip():
        raise ValueError(f"A user cannot be called '{name}': names have no blanks around them.")
    password, roles = table["password"], table.get("roles", [])
    try:
        argon2.extract_parameters(password)
    except (InvalidHashError, TypeError, AttributeError):
        raise ValueError(
            f"The password of [users.{name}] is not a hash; `gpserver hash-password` makes one."
        ) from None
    return User(name, password, read_roles(f"roles of [users.{name}]", roles))


def read_roles(what: str, roles: Any) -> frozenset[str]:
    """A list of roles.

    Raises:
        ValueError: It is no list of texts.
    """
    if not isinstance(roles, list) or not all(isinstance(role, str) and role for role in roles):
        raise ValueError(f'The {what} are a list of names, such as ["planners"].')
    return frozenset(roles)


def authenticate(users: Mapping[str, User], name: str, password: str) -> User | None:
    """The user of that name and password, or None; takes some 50 ms and 64 MB, by the hash's parameters."""
    # A name that nobody has is compared as well, so that time does not tell who is there.
    user = users.get(name)
    hashed = (user or next(iter(users.values()))).password
    try:
        _HASHER.verify(hashed, password)
    except Argon2Error:
        return None
    return user
