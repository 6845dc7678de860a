"""What a request shows of who is asking."""

from typing import Final

from starlette.requests import HTTPConnection

from app.cookies import session_of
from maestro.access.door import Credentials

ORGANIZATION: Final = "x-maestro-organization"
"""The header by which a person of several organisations names the one that a request is about."""


def credentials_of(connection: HTTPConnection) -> Credentials:
    """Return what a request shows: a key, else a session, and from where it comes."""
    return Credentials(
        key=bearer(connection.headers.get("authorization", "")),
        session=session_of(connection),
        organization=connection.headers.get(ORGANIZATION),
        address=None if connection.client is None else connection.client.host,
    )


def bearer(authorization: str) -> str | None:
    """Return the key in the value of an `Authorization` header, None when there is none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None
