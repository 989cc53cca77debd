"""Who I am: login, refresh, revoke, the account of the caller; and what server this is."""

import time
from importlib.metadata import version
from typing import Any

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.responses import Response

from gpserver.errors import InvalidRequest, InvalidToken, NotFound
from gpserver.evergis.steps import moment
from gpserver.protocols.evergis.callers import COOKIE, address_of, name_token
from gpserver.protocols.evergis.wire import Call, Routes, json_response
from gpserver.security import Binding

_REFRESH_COOKIE = "refreshToken"
_HASHING = CapacityLimiter(2)  # a password's hash takes 64 MB and a core
_STARTED = time.time()
_NAME_OF_NOBODY = "public"


class Login(msgspec.Struct, frozen=True):
    """Body of the login."""

    username: str = ""
    password: str = ""


class Refresh(msgspec.Struct, frozen=True, rename="camel"):
    """Body of the refresh."""

    refresh_token: str | None = None


async def server(_: Call) -> dict[str, Any]:
    """``GET /sp``: what server this is."""
    return {
        "serverName": "Spatial Processing Core",
        "application": "Public",
        "version": version("gpserver"),
        "routingProviders": [],
        "startedAt": moment(_STARTED),
    }


async def login(call: Call) -> Response:
    """``POST /account/login``: a token for a name and a password; without users any name has one.

    Raises:
        InvalidRequest: There is no name.
        SignInRefused: There is no such user, the password is wrong, or too many were tried.
    """
    asked, guard = await call.json(Login), call.site.guard
    if not asked.username:
        raise InvalidRequest("'username' must be specified.")
    if guard is None:
        return _signed_in(call, asked.username, name_token(asked.username))
    user = await run_sync(
        guard.sign_in, asked.username, asked.password, address_of(call.request), limiter=_HASHING
    )
    return _signed_in(call, user.name, guard.token(user, guard.longest, Binding()).token)


async def refresh(call: Call) -> Response:
    """``POST /account/refresh-token``: the same token while it is good; nobody gets a longer one without a
    password.

    Raises:
        InvalidToken: There is none in body or cookie, or it is not good here.
    """
    token = (await call.json(Refresh)).refresh_token or call.request.cookies.get(_REFRESH_COOKIE, "")
    if not token:
        raise InvalidToken("'refreshToken' must be specified.")
    guard = call.site.guard
    if guard is None:
        return _signed_in(call, call.caller.name, token)
    referer, address = call.request.headers.get("referer", ""), address_of(call.request)
    return _signed_in(call, guard.caller(token, referer, address).name, token)


async def revoke(_: Call) -> Response:
    """``DELETE /account/revoke-token``: cookies are forgotten; tokens are kept nowhere and end by time."""
    response = Response(status_code=200)
    for name in (COOKIE, _REFRESH_COOKIE):
        response.delete_cookie(name)
    return response


async def account(call: Call) -> dict[str, Any]:
    """``GET /account``: the caller."""
    name = call.caller.name or _NAME_OF_NOBODY
    return {
        "username": name,
        "first_name": name,
        "last_name": "",
        "patronymic": "",
        "email": "",
        "phone": "",
        "namespace": name,
        "has_profile_photo": False,
        "is_open_last_project": False,
        "is_subscribed": False,
        "is_active": True,
        "roles": _roles(call),
    }


async def named(call: Call) -> dict[str, Any]:
    """``GET /account/{name}``, as in 2023: the caller by his own name.

    Raises:
        NotFound: It is another's.
    """
    if call.part("name") != (call.caller.name or _NAME_OF_NOBODY):
        raise NotFound(f"There is no account {call.part('name')[:50]} that you may see.")
    return await account(call)


def _roles(call: Call) -> list[str]:
    """EverGIS' own roles, and those of the caller's settings."""
    own = [f"__{call.caller.name}"] if call.caller.name else []
    above = ["__superuser"] if call.caller.is_administrator else []
    return ["__public", *own, *above, *sorted(call.caller.roles)]


def _signed_in(call: Call, name: str, token: str) -> Response:
    response = json_response({"token": token, "refreshToken": token, "username": name, "redirectUrl": None})
    secure = call.request.url.scheme == "https"
    lasting = call.site.guard.longest * 60 if call.site.guard else None
    for cookie in (COOKIE, _REFRESH_COOKIE):
        response.set_cookie(cookie, token, max_age=lasting, secure=secure, httponly=True, samesite="strict")
    return response


ROUTES: Routes = (
    (("POST",), "/account/login", login),
    (("POST",), "/account/refresh-token", refresh),
    (("DELETE",), "/account/revoke-token", revoke),
    (("GET",), "/account", account),
    (("GET",), "/account/{name}", named),
)
