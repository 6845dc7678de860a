"""The ceiling: the least that an answer costs, a Starlette application that always says the same, under uvicorn.

`python -m loadtests.bare` listens on a free port and prints its address.
"""

import socket
from typing import Final

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.protocol import BoundedHead

LISTED: Final = 20
ANSWER: Final = orjson.dumps({"data": {"projects": {"nodes": [{"id": f"project_{n}"} for n in range(LISTED)]}}})


async def graphql(request: Request) -> Response:
    """Read the body and answer, without looking at it."""
    await request.body()
    return Response(ANSWER, media_type="application/json")


def main() -> None:
    """Serve until the process is ended."""
    app = Starlette(routes=[Route("/graphql", graphql, methods=["GET", "POST"])])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, proxy_headers=False, http=BoundedHead
        )
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
