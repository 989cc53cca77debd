"""Who makes a call: by a Bearer token, by ``_sk`` in the query, or by the cookie of our own login."""

from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from starlette.requests import Request

from gpserver.errors import TokenRequired
from gpserver.protocols.evergis.wire import Call
from gpserver.security import Caller

COOKIE = "jwt"

_OPEN = ("/account/login", "/account/refresh-token", "/account/revoke-token", "", "/")


def identify(call: Call) -> Call:
    """The call with its caller, and the site as that caller sees it.

    Without users a token is nothing but a name: see ``name_token``.

    Raises:
        TokenRequired: There are users, and this is none of them.
        InvalidToken: It came with a token that is not good here.
    """
    guard, site = call.site.guard, call.site
    if guard is None:
        caller = Caller(_named_by(_sent(call)))
        own = site.engine.seen_by(caller.name, lambda _: True)
        site = replace(site, engine=own, layers=site.layers.seen_by(caller.name))
        return replace(call, caller=caller, site=site)
    if call.request.scope["path"].removeprefix("/sp") in _OPEN:
        return call
    if not (token := _sent(call)):
        raise TokenRequired
    caller = guard.caller(token, call.request.headers.get("referer", ""), address_of(call.request))
    return replace(
        call,
        caller=caller,
        site=replace(
            site,
            engine=guard.engine(site.engine, caller),
            catalog=guard.catalog(site.catalog, caller),
            layers=site.layers.seen_by(caller.name),
        ),
    )


def address_of(request: Request) -> str:
    """The client's address; behind a proxy that uvicorn trusts, the one that the proxy names."""
    return request.client.host if request.client else ""


def name_token(name: str) -> str:
    """A token that says a name and proves nothing, for servers without users."""
    import jwt  # with cryptography, which few servers need

    return jwt.encode({"sub": name}, key="", algorithm="none")


def _named_by(token: str) -> str:
    import jwt

    with suppress(jwt.InvalidTokenError, ValueError):
        return str(jwt.decode(token, options={"verify_signature": False}).get("sub", ""))
    return ""


def _sent(call: Call) -> str:
    scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if token := call.parameters.text("_sk"):
        return token
    return call.request.cookies.get(COOKIE, "") if _comes_from_own_page(call) else ""


def _comes_from_own_page(call: Call) -> bool:
    """Whether no other site's page can have sent this in the visitor's name; scripts send no Origin."""
    headers = call.request.headers
    origin, relation = headers.get("origin"), headers.get("sec-fetch-site")
    if relation in ("same-origin", "none") or origin in call.site.origins:
        return True
    if origin is not None:
        return relation is None and urlsplit(origin).netloc == headers.get("host")
    return relation is None
