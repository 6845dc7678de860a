"""Files of profiles over HTTP, fetched by a signed link."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import resolvers.profiles
from app.artifacts import coded

SHOWN: Final = ("image/svg+xml", "text/html", "text/plain", "text/markdown")
"""What a browser shows; everything else is saved."""
POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline' data:; img-src data:; font-src data:; "
    "sandbox allow-scripts"
)
"""A flame graph moves by a script of its own: it runs in an origin of its own, from which nothing can be reached."""


@coded
async def download(request: Request) -> Response:
    """Send a file of a profile."""
    file = await resolvers.profiles.file_of(request.app.state.runtime, request.path_params["token"])
    way = "inline" if file.media_type.startswith(SHOWN) else "attachment"
    headers = {
        "cache-control": "private, no-store",
        "content-disposition": f'{way}; filename="{file.name}"',
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
    }
    return Response(file.content, headers=headers, media_type=file.media_type)


routes: list[Route] = [Route("/download/profile/{token}", download)]
