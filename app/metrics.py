"""The address at which Prometheus reads what the server and its workers count: for who has the token, or is local."""

import hmac
import ipaddress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.answers import error_response
from app.middleware.credentials import bearer
from maestro.errors import Forbidden, NotFound, Unauthenticated
from maestro.settings import Settings
from maestro.telemetry import access, readings
from maestro.telemetry.exposition import exposed
from maestro.telemetry.writing import Writer

PATH: Final = "/metrics"
HINT: Final = (
    "Set MAESTRO_METRICS_TOKEN, and send it as Authorization: Bearer …; docs/guides/metrics.md tells how Prometheus is "
    "told to."
)
OFF: Final = "MAESTRO_METRICS is off, or the data folder cannot be written to: then the server's log says so."
FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"})
"""Headers by which a proxy shows that it passes on what came from elsewhere."""


async def metrics(request: Request) -> Response:
    """Answer a scrape; 401 without the token, 403 from elsewhere where there is none, 404 where nothing is counted."""
    writer: Writer | None = request.app.state.metrics
    if writer is None:
        return error_response(404, NotFound.code, "This server tells no metrics.", hint=OFF)
    refusal = _refusal(request, request.app.state.runtime.settings)
    if refusal is not None:
        access.SCRAPES_REFUSED.add()
        return refusal
    readings.SCRAPES.add()
    read = await request.app.state.readings.now()
    made = exposed(await writer.merged(), read, accept=request.headers.get("accept", ""))
    return Response(made.body, headers={"content-type": made.media_type, "cache-control": "no-store"})


def _refusal(request: Request, settings: Settings) -> Response | None:
    if settings.metrics_token is None:
        if settings.public_url is None and _is_local(request):
            return None
        return error_response(403, Forbidden.code, "Metrics are told to programs on this machine alone.", hint=HINT)
    shown = bearer(request.headers.get("authorization", "")) or ""
    if hmac.compare_digest(shown.encode(), settings.metrics_token.get_secret_value().encode()):
        return None
    refused = error_response(401, Unauthenticated.code, "Metrics are told to who sends their token.", hint=HINT)
    refused.headers["www-authenticate"] = "Bearer"
    return refused


def _is_local(request: Request) -> bool:
    """Say whether a request comes from this machine by itself; behind a proxy it only seems to."""
    if request.client is None or FORWARDED.intersection(request.headers):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


routes: Final = [Route(PATH, metrics)]
