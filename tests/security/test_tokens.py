"""Signed tokens: what they say, and what makes them void."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from gpserver.errors import InvalidToken
from gpserver.security import Binding, User, kept_key
from gpserver.security.tokens import Tokens

KEY, OTHER_KEY = "k" * 32, "o" * 32
ANN = User("ann", "hash", frozenset({"planners"}))
USERS = {"ann": ANN}


def soon() -> int:
    return int(time.time()) + 60


def test_a_token_is_read_by_whoever_has_the_key() -> None:
    token = Tokens(KEY, USERS).issue(ANN, soon(), Binding())
    assert Tokens(KEY, USERS).read(token, "", "") == ANN


def test_what_makes_a_token_void() -> None:
    tokens = Tokens(KEY, USERS)
    good = tokens.issue(ANN, soon(), Binding())
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    unsigned = jwt.encode(claims, None, "none")
    void = {
        "over": tokens.issue(ANN, int(time.time()) - 1, Binding()),
        "another key": Tokens(OTHER_KEY, USERS).issue(ANN, soon(), Binding()),
        "unsigned": unsigned,
        "unsigned with a signature": f"{unsigned.rpartition('.')[0]}.{signature}",
        "another body": f"{head}.{body[:-3]}abc.{signature}",
        "no end": jwt.encode({name: claims[name] for name in claims if name != "exp"}, KEY, "HS256"),
        "for somebody else": jwt.encode({**claims, "aud": "other"}, KEY, "HS256"),
        "nothing": "",
        "text": "nonsense",
        "dots": "..",
        "no text at all": "\udcff.\x00.é",
    }
    assert tokens.read(jwt.encode(claims, KEY, "HS256"), "", "") == ANN
    for what, token in void.items():
        with pytest.raises(InvalidToken):
            pytest.fail(f"{what}: {tokens.read(token, '', '')}")


def test_a_token_that_was_good_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, end = Tokens(KEY, USERS), soon()
    token = tokens.issue(ANN, end, Binding())
    assert tokens.read(token, "", "") == ANN
    monkeypatch.setattr(time, "time", lambda: float(end))
    with pytest.raises(InvalidToken):
        tokens.read(token, "", "")


def test_a_token_ends_with_its_user_and_his_password() -> None:
    token = Tokens(KEY, USERS).issue(ANN, soon(), Binding())
    for users in ({}, {"ann": User("ann", "another hash")}):
        with pytest.raises(InvalidToken):
            Tokens(KEY, users).read(token, "", "")


def test_a_binding_holds_in_its_place_alone() -> None:
    tokens = Tokens(KEY, USERS)
    token = tokens.issue(ANN, soon(), Binding("https://app.example/map", "10.0.0.1"))
    assert tokens.read(token, "https://app.example/", "10.0.0.1") == ANN
    for referer, address in (
        ("https://app.example/", "10.0.0.2"),
        ("https://[broken", "10.0.0.1"),
        ("", "10.0.0.1"),
    ):
        with pytest.raises(InvalidToken):
            tokens.read(token, referer, address)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="token_key needs at least 32"):
        Tokens("short", USERS)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: kept_key(path), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_when_a_token_ends_is_told_to_whoever_has_it() -> None:
    tokens, end = Tokens(KEY, USERS), soon()
    assert tokens.end_of(tokens.issue(ANN, end, Binding())) == end
    with pytest.raises(InvalidToken):
        tokens.end_of(Tokens(OTHER_KEY, USERS).issue(ANN, end, Binding()))
