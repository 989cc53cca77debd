"""Users and tokens: who asks, and what he may see."""

from gpserver.security.access import ADMINISTRATORS, NOBODY, Access, Caller, caller_of
from gpserver.security.guard import Guard, Ticket, create_guard
from gpserver.security.tokens import KEYS, Binding, kept_key, shared_key
from gpserver.security.users import User, hash_password, read_users

__all__ = [
    "ADMINISTRATORS",
    "KEYS",
    "NOBODY",
    "Access",
    "Binding",
    "Caller",
    "Guard",
    "Ticket",
    "User",
    "caller_of",
    "create_guard",
    "hash_password",
    "kept_key",
    "read_users",
    "shared_key",
]
