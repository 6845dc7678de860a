"""Search in the schema."""

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.search
from dataloaders.search import SearchType
from execution.policy import cached
from maestro.cache import tags_of
from maestro.db.tables import Artifact, Connector, Experiment, Project, RegisteredModel, Run
from schema.enums import described
from schema.guards import query
from schema.nodes import Node, node_of

described(
    SearchType,
    "What can be searched for.",
    {
        "PROJECT": "Projects.",
        "EXPERIMENT": "Experiments.",
        "RUN": "Runs.",
        "MODEL": "Registered models.",
        "ARTIFACT": "Artifacts.",
        "CONNECTOR": "Connectors.",
    },
)


SEARCHED = tags_of(Project, Experiment, Run, RegisteredModel, Artifact, Connector)
"""Where it is looked for."""


@strawberry.type(description="Something that was found.")
class SearchHit:
    """One hit."""

    node: Node = strawberry.field(description="What was found.")
    title: str = strawberry.field(description="Its name.")
    snippet: str | None = strawberry.field(
        description="The stretch of its description or notes in which a word was found; null when none is there."
    )
    score: float = strawberry.field(
        description="1 for what was named exactly, 0.8 for a name that begins so, 0.6 for one that has all the words, "
        "0.4 where some of them stand in the description or the notes."
    )


@strawberry.type(description="What a search found, the best first.")
class SearchResult:
    """The hits."""

    hits: list[SearchHit] = strawberry.field(description="What was found; at most as much as was asked for.")


@strawberry.type
class SearchQueries:
    """Root fields."""

    @query(
        None,
        cached=cached(ttl=60, tags=SEARCHED),
        description="Find what has all the words of a text in its name, description or notes, the last word perhaps "
        "unfinished; also anything by its id, and runs by their external id or their number, like `#17`.",
    )
    async def search(
        self,
        info: Info[Any, Any],
        text: Annotated[str, strawberry.argument(description="What to find: 1 to 200 characters.")],
        types: Annotated[
            list[SearchType] | None, strawberry.argument(description="What it may be; anything unless told.")
        ] = None,
        first: Annotated[int, strawberry.argument(description="How many hits at most; 1 to 100.")] = 20,
    ) -> SearchResult:
        """Search."""
        found = await resolvers.search.search(info.context, text, types=types, first=first)
        return SearchResult(
            hits=[
                SearchHit(node=node_of(one.kind, one.row), title=one.row.name, snippet=one.snippet, score=one.score)
                for one in found
            ]
        )
