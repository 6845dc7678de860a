"""Signing in by an identity provider: the way there, the way back, and the page that tells when it leads nowhere."""

import hmac
import html
import logging
import re
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.cookies import clear_cookie, cookie_of, set_cookie, signed_in_response
from app.middleware import credentials_of
from app.sign_on import LASTS, SignOn
from connectors.oidc import Flow
from maestro.access.sessions import Origin
from maestro.claims import Claims
from maestro.db.tables.enums import SignInWay
from maestro.errors import IdentityProviderFailed, InvalidInput, MaestroError, SignInRefused
from maestro.runtime import Runtime
from maestro.telemetry.access import SIGN_INS
from resolvers import identities

logger = logging.getLogger(__name__)

PATH: Final = "/sign-in/oidc"
COOKIE: Final = "maestro_sign_in"
LINK_LASTS: Final = timedelta(hours=1)
"""How long the start page's link that connects an account is good."""
LOCAL: Final = re.compile(r"/(?![/\\])[^\\\s\x00-\x1f\x7f]{0,1000}")
"""A path of ours, which no browser takes for an address elsewhere."""
PAGE: Final = Template((Path(__file__).parent / "static" / "pages" / "sign-in-refused.html").read_text())

EXPLAINED: Final[dict[type[MaestroError], tuple[int, str]]] = {
    InvalidInput: (400, "This took too long, or it was started elsewhere. Go to the start page and start again."),
    SignInRefused: (403, "This account cannot sign in here. Ask whoever looks after this server to give it access."),
    IdentityProviderFailed: (502, "The identity provider did not answer as it should. Try again in a moment."),
}
"""The status and the words for a browser: the same whether an account exists or not. The log says more."""
FAILURES: Final = tuple(EXPLAINED)


@dataclass(frozen=True, slots=True)
class Trip:
    """One way to the provider and back, which the browser keeps, signed by us."""

    return_to: str
    session: str | None
    """The session whose person connects an account of the provider; None for who signs in."""
    flow: Flow = field(default_factory=Flow)


async def start(request: Request) -> Response:
    """Send a browser to the provider; with `link`, to connect the account there to who is signed in here."""
    provider = _sign_on(request).provider
    try:
        trip = Trip(_local(request.query_params.get("return_to", "/")), _linking(request))
        url = await provider.authorization_url(trip.flow, _redirect_uri(request))
    except FAILURES as error:
        return _failed(error)
    response = RedirectResponse(url, status_code=303)
    set_cookie(response, request, name=COOKIE, value=_signer(request, "trip").dumps(asdict(trip)), lasts=LASTS)
    return response


async def callback(request: Request) -> Response:
    """Take in who comes back from the provider; a HEAD, by which programs look at links, uses nothing up."""
    sign_on = _sign_on(request)
    if request.method == "HEAD":
        return Response()
    try:
        trip = _returned(request)
        if not sign_on.spent.add(trip.flow.state):
            raise InvalidInput("The browser has come back twice.", field="state")
        claims = await sign_on.provider.claims(_code(request), trip.flow, _redirect_uri(request))
        response = await _let_in(request, claims, trip)
        SIGN_INS.add((SignInWay.OIDC.value, "accepted"))
    except FAILURES as error:
        SIGN_INS.add((SignInWay.OIDC.value, "refused"))
        response = _failed(error)
    clear_cookie(response, request, name=COOKIE)
    return response


async def offer(request: Request) -> str:
    """Return the start page's way to the provider as HTML: to sign in, or to connect the account that is signed in.

    Nothing for programs, and for whoever has an account there connected.
    """
    sign_on: SignOn | None = request.app.state.sign_on
    viewer = request.state.viewer
    if sign_on is None or (viewer is not None and viewer.session_id is None):
        return ""
    name = html.escape(sign_on.name)
    if viewer is None:
        return _card(PATH, f"Sign in with {name}", "Your account there opens this server.", style="card primary")
    if await identities.is_connected(request.app.state.runtime, viewer, sign_on.issuer):
        return ""
    # The token shows that a page of ours was clicked on: nobody else can connect an account of theirs to this one.
    link = f"{PATH}?link={_signer(request, 'link').dumps(viewer.session_id.hex)}"
    return _card(link, f"Connect {name}", "Sign in with your account there from now on.", style="card")


async def _let_in(request: Request, claims: Claims, trip: Trip) -> Response:
    runtime: Runtime = request.app.state.runtime
    origin = Origin(SignInWay.OIDC, credentials_of(request).address, request.headers.get("user-agent", ""))
    if trip.session is None:
        session = await identities.sign_in(runtime, claims, rules=_sign_on(request).rules, origin=origin)
        return signed_in_response(request, session.token, to=trip.return_to)
    if trip.session != _session(request):
        raise InvalidInput("Somebody else is signed in by now, or nobody.", field="link")
    await identities.connect(runtime, claims, viewer=request.state.viewer, origin=origin)
    return RedirectResponse(trip.return_to, status_code=303)


def _sign_on(request: Request) -> SignOn:
    sign_on: SignOn | None = request.app.state.sign_on
    if sign_on is None:
        raise HTTPException(404)
    return sign_on


def _redirect_uri(request: Request) -> str:
    base: str = request.app.state.runtime.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}{PATH}/callback"


def _signer(request: Request, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(request.app.state.runtime.secret, salt=f"maestro.oidc.{purpose}")


def _local(path: str) -> str:
    if not LOCAL.fullmatch(path):
        raise InvalidInput("Where to go afterwards is no path of this server.", field="return_to")
    return path


def _linking(request: Request) -> str | None:
    token = request.query_params.get("link")
    if token is None:
        return None
    try:
        session = _signer(request, "link").loads(token, max_age=int(LINK_LASTS.total_seconds()))
    except BadSignature:
        session = None
    if session is None or session != _session(request):
        raise InvalidInput("The link for connecting an account is old, or somebody else's.", field="link")
    return str(session)


def _session(request: Request) -> str | None:
    viewer = request.state.viewer
    return None if viewer is None or viewer.session_id is None else viewer.session_id.hex


def _returned(request: Request) -> Trip:
    try:
        kept = _signer(request, "trip").loads(cookie_of(request, COOKIE) or "", max_age=int(LASTS.total_seconds()))
    except BadSignature:
        raise InvalidInput("The browser has come back without what it was sent off with.", field="state") from None
    trip = Trip(kept["return_to"], kept["session"], Flow(**kept["flow"]))
    if not hmac.compare_digest(trip.flow.state.encode(), request.query_params.get("state", "").encode()):
        raise InvalidInput("The browser has come back from where it was not sent to.", field="state")
    return trip


def _code(request: Request) -> str:
    code = request.query_params.get("code")
    if not code:
        # Mostly because somebody has changed their mind; the provider's words may be anybody's, so only log them.
        logger.info("The identity provider gives no code: %.100r", request.query_params.get("error"))
        raise SignInRefused("The identity provider has signed nobody in.")
    return code


def _failed(error: MaestroError) -> Response:
    status, explained = EXPLAINED[type(error)]
    logger.warning("A sign-in by the identity provider failed, %s: %s %s", error.code, error.message, error.hint or "")
    return HTMLResponse(PAGE.substitute(explained=explained), status_code=status)


def _card(href: str, title: str, text: str, *, style: str) -> str:
    return f'<a class="{style}" href="{href}"><strong>{title}</strong><span>{text}</span></a>'


routes: Final = [Route(PATH, start), Route(f"{PATH}/callback", callback)]
