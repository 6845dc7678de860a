"""The guide to complexity shows what the server answers."""

import json
import re
from pathlib import Path
from typing import Any

import httpx

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "complexity.md"


async def test_the_example_of_the_guide_is_answered_as_it_says(client: httpx.AsyncClient) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    query = re.search(r"```graphql\n(query Explain.*?)```", text, re.DOTALL)
    after: list[Any] = re.findall(r"```json\n(.*?)```", text[query.end() :] if query else "", re.DOTALL)
    assert query
    variables, told = json.loads(after[0]), json.loads(after[1])
    answer = await client.post("/graphql", json={"query": query[1], "variables": variables})
    assert answer.json() == told
