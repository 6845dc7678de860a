"""The audit log over HTTP: taken away as JSON Lines, streamed."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import resolvers.audit
from app.artifacts import coded
from app.limiting import limited
from maestro.rate_limits import Bucket
from resolvers.audit import Part, moment
from resolvers.context import Context


@limited(Bucket.REQUESTS)
@coded
async def export(request: Request) -> Response:
    """Send the entries that `filter`, `since` and `until` let through, the oldest first."""
    given = request.query_params
    part = Part(
        given.get("filter"),
        since=moment(given.get("since"), field="since"),
        until=moment(given.get("until"), field="until"),
    )
    lines = await resolvers.audit.export(Context(request.app.state.runtime, request.state.viewer), part)
    headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(lines, media_type="application/jsonl", headers=headers)


routes: list[Route] = [Route("/audit.jsonl", export)]
