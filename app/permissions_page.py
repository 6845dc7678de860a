"""The page of the documentation that says who may do what, written from the catalogue and the schema's guards."""

from collections.abc import Iterator
from typing import Final

from graphql import GraphQLObjectType

from app.markdown import page, table
from maestro.access import IN_PROJECTS, ROLES, Permission
from maestro.db.tables.enums import Role
from schema import schema
from schema.guards import Guard, guard_of

INTRO: Final = """\
What somebody may do follows from their roles, each held in the whole organisation or in one project. There are
{roles} roles and {permissions} permissions; each role holds all that the next one in the list holds. An API key can be
narrower than its bearer, never wider. `viewer {{ permissions }}`, `viewerPermissions` on every object, `can` and
`explainAccess` tell a program what holds for it and why."""
PERMISSIONS_INTRO: Final = """\
A role in one project gives the permissions marked in the column *Project*, there; the others are held in the whole
organisation or not at all."""
OPERATIONS_INTRO: Final = """\
Which roles may use which operation. Without the permission the answer is `FORBIDDEN`; what the viewer cannot see is
`NOT_FOUND`. Where no permission stands, everybody who is signed in may ask, and the operation itself decides what they
get. *Logs* marks what a key that may log and never read can use; its answers are limited to a receipt.

Some operations take more where they concern a second object: changing a `lifecycle` takes MODEL_APPROVE, `useArtifact`
ARTIFACT_READ on the version, `createArtifactVersion` RUN_WRITE on the run that it names, `createModelVersion`
EXPERIMENT_READ and ARTIFACT_READ on its sources, `addArtifactEntry` ARTIFACT_READ on the bytes, `runQuery` and
`runAggregation` with `allowWrites` and `cancelQuery` of somebody else's query CONNECTOR_MANAGE, the fields of a
connector that ask it CONNECTOR_QUERY, `retryJob` all that starting such a job takes. Files are sent with
ARTIFACT_WRITE.

In one project JOB_READ shows the jobs of its connectors, without `input`, `result`, `idempotencyKey` and `worker` where
CONNECTOR_SYNC is not held, and JOB_CANCEL ends those all of whose connectors lie where it is held. Backups, restores
and schedules lie in no project: their lists are empty there."""
YES: Final = "✓"


def permissions_page() -> str:
    """Return the page of roles and permissions in Markdown."""
    sections = [
        "## Roles",
        table(("Role", "Permissions", "What it is for"), [_role(role) for role in ROLES]),
        "## Permissions",
        PERMISSIONS_INTRO,
        table(
            ("Permission", "In a key's scopes", *_names(), "Project", "What it allows"), map(_permission, Permission)
        ),
        "## Operations",
        OPERATIONS_INTRO,
    ]
    for title, root in _roots():
        sections += [f"### {title}", table(("Operation", "Needs", *_names(), "Logs"), _operations(root))]
    intro = INTRO.format(roles=len(ROLES), permissions=len(Permission))
    return page("Roles and permissions", intro, *sections)


def _roots() -> Iterator[tuple[str, GraphQLObjectType]]:
    known = schema._schema  # noqa: SLF001 -- Strawberry shows the schema that it made nowhere else
    for title, root in (
        ("Queries", known.query_type),
        ("Mutations", known.mutation_type),
        ("Subscriptions", known.subscription_type),
    ):
        if root is not None:
            yield title, root


def _names() -> list[str]:
    return [role.name.capitalize() for role in ROLES]


def _role(role: Role) -> tuple[str, str, str]:
    values = Role.__strawberry_definition__.values  # type: ignore[attr-defined] # set when the enum was described
    description = next(value.description for value in values if value.name == role.name)
    return role.name, str(len(ROLES[role])), description


def _permission(permission: Permission) -> list[str]:
    held = [YES if permission in held else "" for held in ROLES.values()]
    inside = YES if permission in IN_PROJECTS else ""
    return [permission.name, f"`{permission.value}`", *held, inside, permission.description]


def _operations(root: GraphQLObjectType) -> Iterator[list[str]]:
    for name, field in sorted(root.fields.items()):
        guard: Guard = guard_of(field.extensions["strawberry-definition"])
        allowed = [YES if guard.needs is None or guard.needs in held else "" for held in ROLES.values()]
        needs = "" if guard.needs is None else guard.needs.name
        yield [f"`{name}`", needs, *allowed, YES if guard.appends else ""]
