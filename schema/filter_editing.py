"""What an editor of filter texts asks, in the schema."""

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.filters
from execution.policy import Scope, cached
from maestro.cache import tags_of
from maestro.db.tables import Artifact, Connector, Experiment, Job, MetricKey, Param, Project, RegisteredModel, Run
from maestro.filters import (
    Field,
    FilterError,
    KeySpace,
    Operator,
    Suggestion,
    SuggestionKind,
    ValueType,
    Vocabulary,
)
from maestro.filters.vocabulary import OPERATORS
from maestro.ids import Kind, uuid_of
from resolvers.filters import FilterableList
from schema.enums import described
from schema.guards import query

described(
    FilterableList,
    "The lists that can be filtered.",
    {
        "PROJECTS": "`projects`.",
        "EXPERIMENTS": "`experiments`.",
        "RUNS": "`runs`.",
        "MODELS": "`models`.",
        "ARTIFACTS": "`artifacts`.",
        "CONNECTORS": "`connectors`.",
        "SYNC_PLANS": "`syncPlans`.",
        "SYNC_RUNS": "`syncRuns`, of the organisation and of a connector.",
        "JOBS": "`jobs`.",
        "SCHEDULES": "`schedules`.",
        "BACKUPS": "`backups`.",
        "RESTORES": "`restores`.",
        "PROFILES": "`profiles`.",
        "NOTIFICATION_CHANNELS": "`notificationChannels`.",
    },
)
SEARCHED = tags_of(Project, Experiment, Run, Param, MetricKey, RegisteredModel, Artifact, Connector, Job)
"""What the lists and the keys of their open spaces are read from."""
WhichList = Annotated[FilterableList, strawberry.argument(description="The list that is to be filtered.")]
Text = Annotated[str, strawberry.argument(description="The filter text; at most 10,000 characters.")]


@strawberry.type(description="What is wrong with a filter text, and where.")
class FilterProblem:
    """The first error."""

    message: str = strawberry.field(description="What is wrong, for people.")
    position: int = strawberry.field(description="Where it begins, in characters from the start of the text.")
    length: int = strawberry.field(description="How many characters are wrong; 0 at the end of the text.")
    suggestion: str | None = strawberry.field(description="What can replace exactly those characters.")
    hint: str | None = strawberry.field(description="What to do about it.")


@strawberry.type(description="Whether a filter text can be used.")
class FilterValidation:
    """The answer to one text."""

    is_valid: bool = strawberry.field(description="Whether it can be used.")
    error: FilterProblem | None = strawberry.field(description="What is wrong; null when nothing is.")
    canonical_text: str | None = strawberry.field(
        description="The same filter in its one canonical form; null when something is wrong."
    )


@strawberry.type(description="A field that a list can be filtered by.")
class FilterField:
    """A field of the vocabulary."""

    name: str = strawberry.field(description="Its name.")
    type: ValueType = strawberry.field(description="What it holds.")
    operators: list[str] = strawberry.field(description="The operators that fit it, as the language spells them.")
    description: str = strawberry.field(description="What it means.")
    values: list[str] = strawberry.field(description="The values it can have; empty for an open set.")


@strawberry.type(description="An open set of keys, like the metrics: a filter names `metrics.<key>`.")
class FilterSpace:
    """A space of the vocabulary."""

    name: str = strawberry.field(description="Its name, which stands before the dot.")
    type: ValueType = strawberry.field(description="What its keys hold.")
    operators: list[str] = strawberry.field(description="The operators that fit its keys.")
    description: str = strawberry.field(description="What it means.")
    known_keys: list[str] = strawberry.field(
        description="The keys in use that begin with the prefix: sorted, at most 500. Tags are those of the newest "
        "2,000 objects."
    )


@strawberry.type(description="What the word before the cursor may become.")
class FilterCompletion:
    """A suggestion."""

    text: str = strawberry.field(description="What to put in place of the word.")
    kind: SuggestionKind = strawberry.field(description="What it is.")
    description: str = strawberry.field(description="What it means.")


@strawberry.type(description="What a filter of a list may name.")
class FilterVocabulary:
    """The fields and spaces of a list."""

    names: strawberry.Private[Vocabulary]

    @strawberry.field(description="The fields.")
    def fields(self) -> list[FilterField]:
        """Return the fields."""
        return [_field(field) for field in self.names.fields.values()]

    @strawberry.field(description="The open sets of keys.")
    def spaces(self) -> list[FilterSpace]:
        """Return the spaces."""
        return [_space(space) for space in self.names.spaces.values()]

    @strawberry.field(description="What can stand at a place of a text, at most 50; none after something wrong.")
    def completions(
        self,
        text: Text,
        position: Annotated[
            int | None, strawberry.argument(description="The place, in characters from the start; the end unless told.")
        ] = None,
    ) -> list[FilterCompletion]:
        """Suggest."""
        return [_completion(one) for one in resolvers.filters.completions(self.names, text, position)]


def _operators(of: ValueType) -> list[str]:
    return [operator.value for operator in Operator if operator in OPERATORS[of]]


def _field(field: Field) -> FilterField:
    return FilterField(
        name=field.name,
        type=field.type,
        operators=_operators(field.type),
        description=field.description,
        values=list(field.values),
    )


def _space(space: KeySpace) -> FilterSpace:
    return FilterSpace(
        name=space.space.value,
        type=space.type,
        operators=_operators(space.type),
        description=space.description,
        known_keys=list(space.known_keys),
    )


def _completion(one: Suggestion) -> FilterCompletion:
    return FilterCompletion(text=one.text, kind=one.kind, description=one.description)


@strawberry.type
class FilterQueries:
    """Root fields."""

    @query(
        None,
        cached=cached(ttl=3600, scope=Scope.PUBLIC),
        description="Say whether a filter text can be used, and where it is wrong.",
    )
    def validate_filter(self, list: WhichList, text: Text) -> FilterValidation:
        """Validate."""
        try:
            canonical = resolvers.filters.canonical(list, text)
        except FilterError as error:
            problem = FilterProblem(
                message=error.message,
                position=error.position,
                length=error.length,
                suggestion=error.suggestion,
                hint=error.hint,
            )
            return FilterValidation(is_valid=False, error=problem, canonical_text=None)
        return FilterValidation(is_valid=True, error=None, canonical_text=canonical)

    @query(
        None,
        cached=cached(ttl=300, tags=SEARCHED),
        description="What a filter of a list may name, for an editor with completion.",
    )
    async def filter_vocabulary(
        self,
        info: Info[Any, Any],
        list: WhichList,
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Whose keys to know; those of all projects unless told."),
        ] = None,
        prefix: Annotated[str, strawberry.argument(description="What the known keys begin with.")] = "",
    ) -> FilterVocabulary:
        """Load the vocabulary."""
        key = None if project_id is None else uuid_of(Kind.Project, project_id, field="projectId")
        names = await resolvers.filters.vocabulary(info.context, list, project_id=key, prefix=prefix)
        return FilterVocabulary(names=names)
