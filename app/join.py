"""`/join`: the page on which an invitation is shown, and accepted by a button."""

import html
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

import resolvers.joining
from app.cookies import session_of, signed_in_response
from app.middleware import credentials_of
from maestro.access import invitations, sessions
from maestro.access.sessions import Origin
from maestro.db.rows import Row
from maestro.db.tables.enums import SignInWay
from maestro.errors import Conflict, NotFound
from maestro.telemetry.access import SIGN_INS

PAGES: Final = Path(__file__).parent / "static" / "pages"
ASK: Final = Template((PAGES / "join.html").read_text(encoding="utf-8"))
MEMBER: Final = Template((PAGES / "join-member.html").read_text(encoding="utf-8"))
FAILED: Final = (PAGES / "join-failed.html").read_text(encoding="utf-8")
"""One page whatever is wrong with a link: nobody learns from it which ones there are."""

MOST_FIELDS: Final = 10


async def show(request: Request) -> Response:
    """Tell who invites to what; looking at a link, as mail programs do too, uses nothing up."""
    if request.method == "HEAD":
        return Response()
    token = request.query_params.get("token", "")
    invitation = await invitations.find_open(request.app.state.runtime.db, token)
    if invitation is None:
        return HTMLResponse(FAILED, 403)
    person = await _person(request) or invitation
    shown = {
        "token": token,
        "inviter": invitation.inviter,
        "place": _place(invitation),
        "role": invitation.role.capitalize(),
        "name": person.name,
        "email": person.email,
        "signed_in": "no" if person is invitation else "yes",
    }
    return HTMLResponse(ASK.substitute({name: html.escape(value) for name, value in shown.items()}))


async def accept(request: Request) -> Response:
    """Make whoever is signed in a member, or sign a new person in; nothing is used up for who is one already."""
    token = _token_in(await request.body())
    origin = Origin(SignInWay.INVITATION, credentials_of(request).address, request.headers.get("user-agent", ""))
    runtime, person = request.app.state.runtime, await _person(request)
    try:
        session = await resolvers.joining.join(runtime, token, person=person, origin=origin)
    except NotFound:
        SIGN_INS.add((SignInWay.INVITATION.value, "refused"))
        return HTMLResponse(FAILED, 403)
    except Conflict as already:
        page = MEMBER.substitute(message=html.escape(already.message), hint=html.escape(already.hint or ""))
        return HTMLResponse(page, 409)
    if session is None:
        return RedirectResponse("/", 303)
    SIGN_INS.add((SignInWay.INVITATION.value, "accepted"))
    return signed_in_response(request, session.token)


def _token_in(form: bytes) -> str:
    try:
        fields = parse_qs(form.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return ""
    return fields.get("token", [""])[0]


async def _person(request: Request) -> Row | None:
    # Not the viewer: somebody who belongs to no organisation any more is still the person that they were.
    token = session_of(request)
    return None if token is None else await sessions.person_of(request.app.state.runtime.db, token)


def _place(invitation: Row) -> str:
    within = invitation.organization
    return within if invitation.project is None else f"{invitation.project} in {within}"


routes = [Route("/join", show, methods=["GET"]), Route("/join", accept, methods=["POST"])]
