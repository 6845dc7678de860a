"""What stands before every route, one module a concern; `app.server` says in which order."""

from app.cookies import COOKIE
from app.middleware.bodies import LimitedBody
from app.middleware.counted import Counted
from app.middleware.credentials import ORGANIZATION, credentials_of
from app.middleware.heads import LimitedHead
from app.middleware.origins import OwnOrigin
from app.middleware.proxies import TrustedProxies
from app.middleware.safe_headers import SAFE_HEADERS, SafeHeaders
from app.middleware.signed_in import PUBLIC, SignedIn, is_public, turned_out
from app.middleware.sites import other_sites
from app.middleware.spanned import Spanned
from app.middleware.traces import TRACE_ID, Traced

__all__ = [
    "COOKIE",
    "ORGANIZATION",
    "PUBLIC",
    "SAFE_HEADERS",
    "TRACE_ID",
    "Counted",
    "LimitedBody",
    "LimitedHead",
    "OwnOrigin",
    "SafeHeaders",
    "SignedIn",
    "Spanned",
    "Traced",
    "TrustedProxies",
    "credentials_of",
    "is_public",
    "other_sites",
    "turned_out",
]
