"""The guard: from a name and a password to a caller."""

import time

import pytest
from secured import QUICK

from gpserver import Service, task
from gpserver.catalog import Catalog
from gpserver.errors import InvalidToken, SignInRefused
from gpserver.security import Binding, Guard, create_guard

KEY = "k" * 32


def guard(**access: list[str]) -> Guard:
    users = {"ann": {"password": QUICK.hash("nna"), "roles": ["planners"]}}
    return create_guard(users, access, KEY, longest=90)


def test_a_user_signs_in_and_is_known_by_his_token() -> None:
    door = guard()
    ticket = door.token(door.sign_in("ann", "nna", "10.0.0.1"), 5, Binding(ip="10.0.0.1"))
    caller = door.caller(ticket.token, "", "10.0.0.1")
    assert (caller.name, caller.roles) == ("ann", {"planners", "users", "everybody"})
    assert ticket.expires == pytest.approx(time.time() + 300, abs=30)
    assert door.same_token(ticket.token, "", "10.0.0.1") == ticket
    for ask in (door.caller, door.same_token):
        with pytest.raises(InvalidToken):
            ask(ticket.token, "", "10.0.0.2")


def test_no_token_lasts_longer_than_any_may() -> None:
    door = guard()
    expires = door.token(door.sign_in("ann", "nna", ""), 1e300, Binding()).expires
    assert expires == pytest.approx(time.time() + 90 * 60, abs=30)


@pytest.mark.parametrize(
    ("own", "neighbour", "other"),
    [
        ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
        # Whoever has one address of an IPv6 network has all of them.
        ("2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8:0:1::1"),
    ],
)
def test_guesses_are_counted_by_user_and_network(own: str, neighbour: str, other: str) -> None:
    door = guard()
    for n in range(10):
        with pytest.raises(SignInRefused, match="Invalid username or password"):
            door.sign_in("ann", f"guess {n}", own)
    with pytest.raises(SignInRefused, match="Too many"):
        door.sign_in("ann", "nna", neighbour)
    assert door.sign_in("ann", "nna", other).name == "ann"


def test_an_address_cannot_go_through_many_names() -> None:
    door = guard()
    reasons = set()
    for n in range(70):
        with pytest.raises(SignInRefused) as refused:
            door.sign_in(f"name {n}", "guess", "10.0.0.1")
        reasons.add(str(refused.value))
    assert len(reasons) == 2
    assert door.sign_in("ann", "nna", "10.0.0.2")


def test_whoever_knows_the_password_may_sign_in_all_day() -> None:
    door = guard()
    assert {door.sign_in("ann", "nna", "10.0.0.1").name for _ in range(100)} == {"ann"}


def test_rules_that_protect_nothing_are_found() -> None:
    @task(output="said")
    def echo(text: str = "") -> str:
        """Say it again."""
        return text

    catalog = Catalog()
    catalog.publish(Service("Buffer", folder="Secure", tasks=[echo]))
    rules = {"Secure": [], "secure/buffer": [], "*": [], "Buffer": [], "Secure/Bufer": []}
    assert guard(**rules).misspelled(catalog) == ["buffer", "secure/bufer"]


def test_a_token_lasts_a_minute_at_least() -> None:
    with pytest.raises(ValueError, match="token_lifetime is at least 1"):
        create_guard({}, {}, KEY, longest=0)
