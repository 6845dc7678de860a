"""How much one viewer's operations may be, by settings and roles, and what is told when one is more."""

from typing import Final

from graphql import GraphQLError

from execution.limits import Excess, Limits, Measure
from maestro.access.grants import Grants, held_by
from maestro.access.permissions import ROLES
from maestro.access.viewer import Viewer
from maestro.db.tables.enums import Role
from maestro.errors import OperationTooComplex
from maestro.settings import Settings

FEWER: Final = "Ask for less at once, or in several operations."
VARIABLES: Final = "Send values in variables."

_TOLD: Final[dict[Measure, tuple[str, str]]] = {
    Measure.CHARACTERS: ("The document has {} characters", VARIABLES),
    Measure.TOKENS: ("The document has {} tokens", VARIABLES),
    Measure.BRACKETS: ("Brackets nest {} deep in the document", VARIABLES),
    Measure.DEFINITIONS: ("The document has {} operations and fragments", "Send operations one by one."),
    Measure.SELECTIONS: ("The document has {} selections", FEWER),
    Measure.NESTING: ("Selections nest {} deep with their fragments", "Nest fragments less."),
    Measure.OVERLAPS: (
        "To see that its fields do not conflict takes {} comparisons",
        "Select each field once, and spread fewer fragments side by side.",
    ),
    Measure.DEPTH: ("Fields nest {} deep in the operation", "Nest less, and follow references by ids in a second one."),
    Measure.ALIASES: ("The operation has {} aliases with its fragments", "Ask for lists instead of many aliases."),
    Measure.DIRECTIVES: ("The operation has {} directives with its fragments", FEWER),
    Measure.ROOT_FIELDS: ("The operation has {} fields at its root", FEWER),
    Measure.FIELDS: ("The operation has {} fields with its fragments", FEWER),
    Measure.VARIABLE_DEPTH: ("Objects and lists nest {} deep in the variables", "Nest less."),
    Measure.CONTAINERS: ("The variables hold {} objects and lists", "Send shorter lists, in several operations."),
    Measure.VALUES: ("The variables hold {} values", "Send shorter lists, in several operations."),
    Measure.COST: ("The operation costs {} objects", "Ask for shorter lists: `first` and `ids` say how long they are."),
}


def too_complex(excess: Excess) -> OperationTooComplex:
    """Return the error for what is beyond a limit."""
    told, hint = _TOLD[excess.measure]
    value = f"more than {excess.limit:,}" if excess.value is None else f"{excess.value:,}"
    at_most = "" if excess.value is None else f", and {excess.limit:,} is the limit"
    return OperationTooComplex(
        f"{told.format(value)}{at_most}.",
        hint=hint,
        measure=excess.measure.value,
        value=excess.value,
        limit=excess.limit,
    )


def refusal_of(excess: Excess) -> GraphQLError:
    """Return the same as an error of GraphQL."""
    error = too_complex(excess)
    return GraphQLError(error.message, original_error=error)


def limits_of(settings: Settings, viewer: Viewer) -> Limits:
    """Return the limits of a viewer: everybody's, but for those that their role has of its own."""
    everybody = Limits(
        depth=settings.max_depth,
        aliases=settings.max_aliases,
        directives=settings.max_directives,
        root_fields=settings.max_root_fields,
        fields=settings.max_fields,
        cost=settings.max_cost,
    )
    own = settings.role_limits.get(role_of(viewer.grants)) if settings.role_limits else None
    if own is None:
        return everybody
    return Limits(
        depth=own.depth or everybody.depth,
        aliases=everybody.aliases if own.aliases is None else own.aliases,
        directives=everybody.directives if own.directives is None else own.directives,
        root_fields=own.root_fields or everybody.root_fields,
        fields=own.fields or everybody.fields,
        cost=own.cost or everybody.cost,
    )


def role_of(grants: Grants) -> Role:
    """Return the highest role all of which is allowed, anywhere; what allows less than any role counts as VIEWER.

    So a person with several roles has the limits of the highest one, and a narrowed key those of what it may still do.
    """
    found = Role.VIEWER
    for place in (None, *grants.in_projects):
        for role in reversed(ROLES):
            if grants.covers(role, place) and held_by(role, place) > held_by(found, place):
                found = role
    return found
