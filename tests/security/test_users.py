"""Users and their passwords."""

import pytest
from secured import QUICK

from gpserver.security.users import authenticate, hash_password, read_users

HASH = QUICK.hash("secret")


def test_a_hash_tells_its_password_from_others() -> None:
    users = read_users({"ann": {"password": hash_password("Grüße "), "roles": ["planners"]}})
    assert authenticate(users, "ann", "Grüße ") == users["ann"]
    assert users["ann"].roles == {"planners"}
    for name, password in (("ann", "Grüße"), ("ann", ""), ("bob", "Grüße "), ("", "Grüße ")):
        assert authenticate(users, name, password) is None
    assert "argon2" not in repr(users)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("secret", r"\[users.ann\] has password"),
        ({}, r"\[users.ann\] has password"),
        ({"password": HASH, "role": "planners"}, "and nothing else"),
        ({"password": "secret"}, "`gpserver hash-password` makes one"),
        ({"password": 7}, "`gpserver hash-password` makes one"),
        ({"password": HASH, "roles": "planners"}, r"roles of \[users.ann\] are a list of names"),
        ({"password": HASH, "roles": [1]}, "are a list of names"),
    ],
)
def test_a_mistake_is_named(table: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_users({"ann": table})


@pytest.mark.parametrize("name", ["", " ann", "ann\n"])
def test_a_user_has_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="A user cannot be called"):
        read_users({name: {"password": HASH}})
