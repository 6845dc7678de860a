"""Other sites: which of them may read what the server answers to their pages."""

from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from app.middleware.credentials import ORGANIZATION
from maestro.settings import Settings

METHODS: Final = ("GET", "HEAD", "POST", "PUT")
SENT: Final = (
    "authorization",
    "content-type",
    "digest",
    "if-none-match",
    "range",
    "traceparent",
    "x-content-sha256",
    ORGANIZATION,
)
SHOWN: Final = (
    "Content-Disposition",
    "ETag",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "WWW-Authenticate",
    "X-Trace-Id",
)


def other_sites(settings: Settings) -> list[Middleware]:
    """Return what lets the pages of the allowed sites in, with the session where the browser sends it; often nothing.

    Browsers send our cookie to pages of the same site alone, such as another port or subdomain.
    """
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=SHOWN,
        )
    ]
