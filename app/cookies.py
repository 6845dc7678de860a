"""Cookies: out of reach of scripts and of other sites' requests, and bound to this very host under HTTPS."""

from datetime import timedelta
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from app.origins import is_secure
from maestro.settings import Settings

COOKIE: Final = "maestro_session"
PREFIX: Final = "__Host-"
"""Browsers take such a cookie from the host itself alone, over HTTPS: no neighbouring domain can plant one."""


def cookie_of(connection: HTTPConnection, name: str) -> str | None:
    """Return what a browser shows under the name of a cookie of ours."""
    return connection.cookies.get(_named(connection, name))


def session_of(connection: HTTPConnection) -> str | None:
    """Return the token of the session that a browser shows."""
    return cookie_of(connection, COOKIE)


def set_cookie(response: Response, connection: HTTPConnection, *, name: str, value: str, lasts: timedelta) -> None:
    """Give a browser a cookie that it sends back for a while, and on navigation and requests to this host alone."""
    response.set_cookie(
        _named(connection, name),
        value,
        max_age=int(lasts.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(connection),
    )


def clear_cookie(response: Response, connection: HTTPConnection, *, name: str) -> None:
    """Take a cookie away from a browser."""
    is_bound = _is_secure(connection)
    response.delete_cookie(_named(connection, name), path="/", httponly=True, samesite="lax", secure=is_bound)


def set_session_cookie(response: Response, connection: HTTPConnection, token: str) -> None:
    """Give a browser the token of its session, for as long as sessions last."""
    set_cookie(response, connection, name=COOKIE, value=token, lasts=_settings(connection).session_ttl)


def clear_session_cookie(response: Response, connection: HTTPConnection) -> None:
    """Take the token of its session away from a browser."""
    clear_cookie(response, connection, name=COOKIE)


def signed_in_response(request: Request, token: str, *, to: str = "/") -> RedirectResponse:
    """Send a browser to a page of ours with the token of the session that was opened for it."""
    response = RedirectResponse(to, status_code=303)
    set_session_cookie(response, request, token)
    return response


def _named(connection: HTTPConnection, name: str) -> str:
    return PREFIX + name if _is_secure(connection) else name


def _is_secure(connection: HTTPConnection) -> bool:
    return is_secure(connection.scope, _settings(connection))


def _settings(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.app.state.runtime.settings
    return settings
