"""What a client sees: the GraphQL schema, one module a noun."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.outcomes import HANDLERS
from schema.projects import ProjectMutations, ProjectQueries
from schema.scalars import SCALARS


@strawberry.type(description="Everything that can be asked.")
class Query(ProjectQueries):
    """The root of queries."""


@strawberry.type(description="Everything that can be changed.")
class Mutation(ProjectMutations):
    """The root of mutations."""


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map=SCALARS),
    exception_handlers=HANDLERS,
)
