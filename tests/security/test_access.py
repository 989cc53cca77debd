"""Who may use what, and what is left of a catalog for him."""

from typing import Any

import pytest

from gpserver import Service, task
from gpserver.catalog import Catalog
from gpserver.errors import Forbidden, GPServerError, NotFound, TokenRequired
from gpserver.job import Job, JobStatus, Terms
from gpserver.security.access import Access, Caller, caller_of
from gpserver.security.users import User
from gpserver.security.views import CallersCatalog

NOBODY = Caller()
ANN = caller_of(User("ann", "", frozenset({"planners"})))
EVE = caller_of(User("eve", ""))
ROOT = caller_of(User("root", "", frozenset({"administrators"})))
USERS = {"ann": User("ann", "", frozenset({"planners"}))}


@pytest.mark.parametrize(
    ("rules", "service", "allowed"),
    [
        ({}, "Any", {"", "eve", "ann", "root"}),
        ({"*": ["users"]}, "Any", {"eve", "ann", "root"}),
        ({"Secure": ["planners"]}, "Secure/Buffer", {"ann", "root"}),
        ({"secure": ["planners"]}, "Secure/Buffer", {"ann", "root"}),
        ({"Secure": ["planners"]}, "SecureToo/Buffer", {"", "eve", "ann", "root"}),
        ({"Secure": [], "Secure/Buffer": ["everybody"]}, "Secure/Buffer", {"", "eve", "ann", "root"}),
        ({"*": ["planners"], "Secure": []}, "Secure/Buffer", {"root"}),
        ({"*": ["planners"], "Secure": []}, "Buffer", {"ann", "root"}),
        ({"Buffer": ["users", "planners"]}, "Buffer", {"eve", "ann", "root"}),
    ],
)
def test_the_nearest_rule_decides(rules: dict[str, Any], service: str, allowed: set[str]) -> None:
    access = Access(rules, USERS)
    assert {caller.name for caller in (NOBODY, EVE, ANN, ROOT) if access.allows(caller, service)} == allowed


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"Secure": "planners"}, r"roles of Secure in \[access\] are a list"),
        ({"Secure": ["planers"]}, "roles that no user has: planers"),
    ],
)
def test_a_mistake_is_named(rules: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Access(rules, USERS)


@pytest.mark.parametrize(
    ("owner", "service", "seen_by"),
    [
        ("ann", "Open", {"ann", "root"}),
        ("eve", "Open", {"eve", "root"}),
        ("eve", "Secure/Buffer", {"root"}),  # she has lost her role since
        ("", "Open", {"", "eve", "ann", "root"}),
        ("", "Secure/Buffer", {"ann", "root"}),
    ],
)
def test_a_job_is_seen_by_its_owner_and_administrators(owner: str, service: str, seen_by: set[str]) -> None:
    job = Job("1", service, "T", JobStatus.QUEUED, 1, 0, 0.0, None, None, None, 0, {}, Terms(), owner)
    access = Access({"Secure": ["planners"]}, USERS)
    assert {caller.name for caller in (NOBODY, EVE, ANN, ROOT) if access.shows(caller, job)} == seen_by


@task(output="said")
def echo(text: str = "") -> str:
    """Say it again."""
    return text


@task(output="said")
def whisper(text: str = "") -> str:
    """Say it again, quietly."""
    return text


def catalog_for(caller: Caller) -> Catalog:
    whole = Catalog()
    whole.publish(Service("Open", tasks=[echo]))
    whole.publish(Service("Buffer", folder="Secure", tasks=[whisper]))
    return CallersCatalog(whole, Access({"Secure": ["planners"]}, USERS), caller)


def test_a_caller_finds_what_he_may_use() -> None:
    for caller in (ANN, ROOT):
        catalog = catalog_for(caller)
        assert catalog.folders() == ["Secure"]
        assert catalog.service("secure/buffer").full_name == "Secure/Buffer"
        assert catalog.task("Secure/Buffer", "Whisper").name == "Whisper"
        assert catalog.unique_task("Whisper")[0].full_name == "Secure/Buffer"
        assert [item.name for item in catalog.services("Secure")] == ["Buffer"]


@pytest.mark.parametrize(("caller", "error"), [(NOBODY, TokenRequired), (EVE, Forbidden)])
def test_what_he_may_not_use_is_refused_and_not_listed(caller: Caller, error: type[GPServerError]) -> None:
    catalog = catalog_for(caller)
    assert catalog.folders() == []
    assert [item.name for item in catalog.services()] == ["Open"]
    for ask in (
        lambda: catalog.service("Secure/Buffer"),
        lambda: catalog.task("Secure/Buffer", "Whisper"),
        lambda: catalog.unique_task("Whisper"),
        lambda: catalog.unique_service("Buffer"),
        lambda: catalog.services("Secure"),
        lambda: catalog.error_of("Secure/Buffer"),
    ):
        with pytest.raises(error):
            ask()
    with pytest.raises(NotFound):
        catalog.service("Secure/Other")


def test_whatever_a_catalog_answers_is_decided_for_its_caller() -> None:
    """A question that is new to catalogs must be answered here as well; until then it fails."""
    asked = {name for name in vars(Catalog) if not name.startswith("_")}
    # A task is found through its service; kept slots are asked for by who runs jobs, and no caller publishes.
    assert asked - vars(CallersCatalog).keys() == {"publish", "withdraw", "task", "kept_slots"}
