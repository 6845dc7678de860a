"""Aliases of model versions in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.model_aliases
from dataloaders.model_aliases import MovesByAlias
from dataloaders.model_versions import ModelVersionById
from dataloaders.models import ModelById
from dataloaders.users import ActorById
from execution.declare import column, many, one
from maestro.access import Permission
from maestro.errors import InvalidInput
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion
from schema.connections import given
from schema.guards import mutation
from schema.nodes import ActorReference, Owned, RowBacked, Trashable
from schema.outcomes import NameTaken, StaleVersion

if TYPE_CHECKING:
    from schema.model_versions import ModelVersion
    from schema.models import RegisteredModel

AliasId = Annotated[strawberry.ID, strawberry.argument(description="The id of a ModelAlias.")]
VersionReference = Annotated["ModelVersion", strawberry.lazy("schema.model_versions")]

MOST_MOVES = 1000


def last_moves(
    first: Annotated[int, strawberry.argument(description="How many moves, the newest first; at most 1,000.")] = 50,
) -> int:
    """Declare and check how much of an alias's history is wanted."""
    if not 0 <= first <= MOST_MOVES:
        raise InvalidInput(f"first is {first}; a history has 0 to {MOST_MOVES} moves.", field="first", limit=MOST_MOVES)
    return first


@strawberry.type(description="One move of an alias.")
class ModelAliasMove(RowBacked):
    """A move's row."""

    row: strawberry.Private[Any]
    at: datetime = column("When it was moved.")
    model_version: VersionReference | None = one(
        ModelVersionById, key="version_id", description="Where it pointed from then on; null when it was removed."
    )
    by: ActorReference | None = one(ActorById, key="by_id", description="Who moved it.")


@strawberry.type(description="A name that points at one version of a model and can be moved, like `champion`.")
class ModelAlias(Owned, Trashable, kind=Kind.ModelAlias):
    """An alias's row."""

    name: str = column("Its name, unique in the model.")
    is_protected: bool = column("Whether it can only be moved or deleted by force.")
    set_at: datetime = column("Since when it points there.")
    set_by: ActorReference | None = one(ActorById, key="set_by_id", description="Who made it point there.")
    model: Annotated["RegisteredModel", strawberry.lazy("schema.models")] = one(
        ModelById, key="model_id", description="The model whose versions it names."
    )
    model_version: VersionReference = one(ModelVersionById, key="version_id", description="The version it points at.")
    history: list[ModelAliasMove] = many(
        MovesByAlias, arguments=last_moves, description="The moves of this name in the model, the newest first."
    )


@strawberry.input(description="Where an alias is to point.")
class SetAliasInput:
    """The alias, its version, and what must hold before."""

    model_id: strawberry.ID = strawberry.field(description="The model.")
    name: str = strawberry.field(
        description="The alias: 1 to 100 letters, digits, dots, dashes and underscores, not digits alone."
    )
    version_id: strawberry.ID = strawberry.field(description="The version of the model that it shall point at.")
    is_protected: bool | None = strawberry.field(
        default=UNSET, description="Whether it is protected from now on; left out, a new alias is not."
    )
    expected_version_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="Where it must point until now, null for nowhere; left out, it may point anywhere.",
    )
    force: bool = strawberry.field(default=False, description="Move it even if it is protected.")


@strawberry.type(description="The alias as it is after the change.")
class ModelAliasSaved:
    """The good outcome."""

    alias: ModelAlias = strawberry.field(description="The alias.")


SetAliasPayload = Annotated[
    ModelAliasSaved | StaleVersion, strawberry.union("SetAliasPayload", description="How the move went.")
]
RestoreAliasPayload = Annotated[
    ModelAliasSaved | NameTaken, strawberry.union("RestoreAliasPayload", description="How the restoring went.")
]


@strawberry.type
class ModelAliasMutations:
    """Root fields."""

    @mutation(
        Permission.MODEL_PROMOTE,
        description="Make an alias point at a version of its model; creates it where there is none.",
    )
    async def set_alias(
        self,
        info: Info[Any, Any],
        input: Annotated[SetAliasInput, strawberry.argument(description="Where the alias is to point.")],
    ) -> SetAliasPayload:
        """Create or move."""
        values = given(input)
        values["model_id"] = uuid_of(Kind.RegisteredModel, input.model_id, field="modelId")
        values["version_id"] = uuid_of(Kind.ModelVersion, input.version_id, field="versionId")
        if (expected := values.get("expected_version_id")) is not None:
            values["expected_version_id"] = uuid_of(Kind.ModelVersion, expected, field="expectedVersionId")
        return ModelAliasSaved(alias=ModelAlias(row=await resolvers.model_aliases.assign(info.context, values)))

    @mutation(Permission.MODEL_PROMOTE, description="Move an alias to the trash.")
    async def delete_alias(
        self,
        info: Info[Any, Any],
        id: AliasId,
        expected_version: ExpectedVersion = None,
        *,
        force: Annotated[bool, strawberry.argument(description="Delete it even if it is protected.")] = False,
    ) -> ModelAlias:
        """Delete."""
        row = await resolvers.model_aliases.delete(
            info.context, uuid_of(Kind.ModelAlias, id), force=force, expected_version=expected_version
        )
        return ModelAlias(row=row)

    @mutation(Permission.MODEL_PROMOTE, description="Bring an alias back from the trash to the version it pointed at.")
    async def restore_alias(self, info: Info[Any, Any], id: AliasId) -> RestoreAliasPayload:
        """Restore."""
        row = await resolvers.model_aliases.restore(info.context, uuid_of(Kind.ModelAlias, id))
        return ModelAliasSaved(alias=ModelAlias(row=row))
