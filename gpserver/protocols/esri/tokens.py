"""Token endpoint and the sign-in page: a name and a password in, a token or a cookie out."""

import re
from ipaddress import ip_address

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.responses import RedirectResponse, Response

from gpserver.errors import InvalidRequest, SignInRefused
from gpserver.formats import Resource
from gpserver.protocols.esri.admission import COOKIE, address_of, comes_from_own_page
from gpserver.protocols.esri.directory import SERVICES, SHORT_LIVED
from gpserver.protocols.esri.wire import SIGN_IN, Call, MethodNotAllowed, error_resource
from gpserver.security import Binding, Guard, Ticket, User

# Browsers take a backslash for a slash, and two of them at the start for a host.
_PATH = re.compile(r"/([^/\\][^\\]*)?")

_HASHING = CapacityLimiter(2)  # a password's hash takes 64 MB and a core


async def generate_token(call: Call) -> Resource:
    """``/tokens/generateToken``: a token for a name and a password, bound as ``client`` asks, or for itself.

    Raises:
        MethodNotAllowed: It is not a POST.
        InvalidRequest: A parameter is missing, wrong, or where logs would show it.
        SignInRefused: There is no such user, the password is wrong, or too many were tried.
        InvalidToken: The token that was sent instead of a name is not good here.
    """
    if call.request.method != "POST":
        raise MethodNotAllowed("Tokens are given to POST alone: send username and password in its body.")
    ticket = await _ticket(call)
    value = {"token": ticket.token, "expires": 1000 * ticket.expires}
    return Resource(value, "Generate Token", path=call.path)


async def _ticket(call: Call) -> Ticket:
    asked, guard = call.parameters, _guard(call)
    if asked.text("token") and not asked.text("username"):
        # REST JS asks for the token of a server by the one that it has signed in with.
        referer = call.request.headers.get("referer", "")
        return guard.same_token(asked.text("token"), referer, address_of(call))
    return guard.token(await _sign_in(call), asked.number("expiration", SHORT_LIVED), _binding(call))


async def sign_in(call: Call) -> Resource | Response:
    """``/rest/login``: the form for a name and a password; posted, a cookie and the page he came from.

    Raises:
        InvalidRequest: The form was posted by another site's page.
    """
    back = _local(call.parameters.text("redirect"))
    if call.request.method != "POST":
        return _form(back)
    _refuse_strangers(call)
    try:
        user = await _sign_in(call)
    except (InvalidRequest, SignInRefused) as error:
        return _form(back, str(error), error_resource(error).status)
    guard = _guard(call)
    return _going_to(call, back, guard.token(user, guard.longest, Binding()))


async def sign_out(call: Call) -> Response:
    """``/rest/logout``: forget the cookie.

    Raises:
        MethodNotAllowed: It is not a POST.
        InvalidRequest: It was posted by another site's page.
    """
    if call.request.method != "POST":
        raise MethodNotAllowed("Sign out with the button of a page.")
    _refuse_strangers(call)
    return _going_to(call, SERVICES, None)


def _guard(call: Call) -> Guard:
    assert call.site.guard  # without users there is no route that leads here
    return call.site.guard


async def _sign_in(call: Call) -> User:
    asked, query = call.parameters, call.request.query_params
    if any(name.lower() in ("username", "password") for name in query):
        raise InvalidRequest("Send username and password in the body: URLs are logged on their way.")
    for name in ("username", "password"):
        if not asked.text(name):
            raise InvalidRequest(f"'{name}' must be specified.")
    # The password as it was sent: blanks may belong to it.
    password = str(asked.values("password")[-1])
    return await run_sync(
        _guard(call).sign_in, asked.text("username"), password, address_of(call), limiter=_HASHING
    )


def _binding(call: Call) -> Binding:
    asked = call.parameters
    client, referer = asked.text("client").lower(), asked.text("referer")
    match client:
        case "requestip":
            return Binding(ip=address_of(call))
        case "ip":
            return Binding(ip=_address(asked.text("ip")))
        case "referer" if not referer:
            raise InvalidRequest("'referer' must be specified.")
        case "" | "referer":
            return Binding(referer=referer)
    raise InvalidRequest(f"'client' is referer, ip or requestip, not {client}.")


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise InvalidRequest(f"'ip' is not an address: {text}.") from None


def _refuse_strangers(call: Call) -> None:
    if not comes_from_own_page(call):
        raise InvalidRequest("This form was posted by a page of another site.")


def _local(place: str) -> str:
    """A path of this server to go back to, or the directory where it would lead anywhere else."""
    return place if place.isprintable() and _PATH.fullmatch(place) else SERVICES


def _form(back: str, problem: str = "", status: int = 200) -> Resource:
    facts = {"redirect": back, "problem": problem, "action": SIGN_IN}
    return Resource({"redirect": back}, "Sign In", page="sign_in", path=SIGN_IN, facts=facts, status=status)


def _going_to(call: Call, place: str, ticket: Ticket | None) -> Response:
    """On to a page, with the cookie of a ticket or without any."""
    response = RedirectResponse(place, status_code=303)
    lasting = call.site.guard.longest * 60 if ticket and call.site.guard else 0
    response.set_cookie(
        COOKIE,
        ticket.token if ticket else "",
        max_age=lasting,
        secure=call.root.startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return response
