"""A server that runs already, by its keys: each is of another organisation, of an owner or an admin."""

import asyncio
from typing import Any, Final

import httpx

from loadtests.ground.laying import lay
from loadtests.ground.places import Ground, Place

PATIENCE_S: Final = 60


def ground_of(host: str, keys: list[str]) -> Ground:
    """Make the organisations of some keys ready; RuntimeError with what the server says where that is refused."""
    return asyncio.run(_ground_of(host, keys))


async def _ground_of(host: str, keys: list[str]) -> Ground:
    return Ground(tuple([await _place_of(host, key) for key in keys]))


async def _place_of(host: str, key: str) -> Place:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=host, headers=headers, timeout=PATIENCE_S) as client:

        async def ask(query: str, **variables: Any) -> Any:
            answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
            if "errors" in answer:
                raise RuntimeError(answer["errors"][0]["message"])
            return answer["data"]

        # Nothing of theirs has a mark; what is another's is told by its ids.
        return await lay(ask, mark="", key=key)
