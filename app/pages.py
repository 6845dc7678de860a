"""Pages and probes: the start page, GraphiQL with its examples, signing in, and health."""

import html
from pathlib import Path
from string import Template
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import resolvers.samples
from app import oidc
from app.answers import error_response, retry_after
from app.cookies import clear_session_cookie, signed_in_response
from app.examples import examples
from app.middleware import credentials_of
from maestro.access.sessions import Origin
from maestro.db.health import problem_of
from maestro.db.tables.enums import SignInWay
from maestro.errors import Restoring
from maestro.invocation import command
from maestro.telemetry.access import SIGN_INS
from maestro.version import VERSION
from resolvers.context import Context
from resolvers.sign_ins import by_link

STATIC: Final = Path(__file__).parent / "static"
PAGE: Final = Template((STATIC / "pages" / "start.html").read_text())
LINK_FAILED: Final = Template((STATIC / "pages" / "sign-in-failed.html").read_text())


async def start(request: Request) -> Response:
    """Tell what runs here and where to go."""
    runtime, viewer = request.app.state.runtime, request.state.viewer
    problem = await problem_of(runtime.db)
    who = "Nobody is signed in" if viewer is None else f"Signed in as {viewer.name}"
    page = PAGE.substitute(
        version=html.escape(VERSION),
        who=html.escape(who),
        state="Ready" if problem is None else html.escape(problem.message),
        state_class="good" if problem is None else "bad",
        signed_in="yes" if viewer is not None else "no",
        has_session="yes" if viewer is not None and viewer.session_id is not None else "no",
        database="embedded PostgreSQL" if runtime.settings.database_url is None else "PostgreSQL",
        provider=await oidc.offer(request),
        link_command=html.escape(command("link")),
        key_command=html.escape(command("key create --name my-script")),
    )
    return HTMLResponse(page)


async def sign_in(request: Request) -> Response:
    """Use up a one-time link and open a session; a HEAD, by which programs look at links, uses nothing up."""
    if request.method == "HEAD":
        return Response()
    origin = Origin(SignInWay.LINK, credentials_of(request).address, request.headers.get("user-agent", ""))
    session = await by_link(request.app.state.runtime, request.query_params.get("token", ""), origin)
    SIGN_INS.add((SignInWay.LINK.value, "refused" if session is None else "accepted"))
    if session is None:
        page = LINK_FAILED.substitute(link_command=html.escape(command("link")))
        return HTMLResponse(page, status_code=403)
    return signed_in_response(request, session.token)


async def sign_out(request: Request) -> Response:
    """End the browser's session."""
    if request.state.viewer is not None:
        await request.app.state.runtime.access.end_session(request.state.viewer)
    response = RedirectResponse("/", status_code=303)
    clear_session_cookie(response, request)
    return response


async def livez(request: Request) -> Response:
    """Say that the process answers, and which one of several."""
    member = request.app.state.member
    number = {} if member is None else {"process": member.number}
    return JSONResponse({"status": "ok", "version": VERSION, **number})


async def readyz(request: Request) -> Response:
    """Say whether the database answers and has every migration."""
    problem = await problem_of(request.app.state.runtime.db)
    if problem is not None:
        status = "restoring" if isinstance(problem, Restoring) else "unavailable"
        headers = {"retry-after": str(retry_after(problem.extensions))}
        return JSONResponse({"status": status, "problem": problem.message}, 503, headers=headers)
    return JSONResponse({"status": "ok", "database": "ok", "migrations": "ok"})


async def graphiql(request: Request) -> Response:
    """Serve the query editor to whoever is signed in; the start page tells the others how to."""
    if request.state.viewer is None:
        return RedirectResponse("/", status_code=303)
    return FileResponse(STATIC / "graphiql" / "index.html", headers={"cache-control": "no-cache"})


async def graphiql_examples(request: Request) -> Response:
    """Serve the operations with which the query editor opens, their variables filled with ids of the viewer's own."""
    viewer = request.state.viewer
    if viewer is None:
        return error_response(401, "UNAUTHENTICATED", "Nobody is signed in.")
    ids = await resolvers.samples.ids(Context(request.app.state.runtime, viewer))
    return Response(orjson.dumps(examples(ids)), media_type="application/json")


routes: list[BaseRoute] = [
    Route("/", start),
    Route("/sign-in", sign_in),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/graphiql", graphiql),
    Route("/graphiql/", graphiql),
    Route("/graphiql/examples.json", graphiql_examples),
    Mount("/graphiql", StaticFiles(directory=STATIC / "graphiql")),
    Mount("/static", StaticFiles(directory=STATIC / "pages")),
]
