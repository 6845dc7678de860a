"""A new organisation of the first owner's, with generated runs, all of whose names begin with a mark of its own."""

from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from app.acting import carried_out, owner_in
from loadtests.ground.laying import lay
from loadtests.ground.places import Place
from maestro import ids
from maestro.clock import now
from maestro.runtime import Runtime
from ops.seeding.scale import generate
from resolvers.context import Context
from resolvers.setup import Owner

FOUND: Final = """mutation ($name: String!, $slug: String!) {
  createOrganization(input: { name: $name, slug: $slug }) { ... on OrganizationCreated { organization { id } } }
}"""
KEY: Final = """mutation { createApiKey(input: { name: "load test" }) { key } }"""
MARKED: Final = {"project": ("name", "description"), "experiment": ("name",), "run": ("name",)}
"""Columns of generated rows that get the mark in front."""


async def founded(runtime: Runtime, *, runs: int) -> Place:
    """Make an organisation with a key and so many generated runs; for any, the runtime is that of the tables' owner."""
    mark, owner = f"mark{token_hex(5)}", await owner_in(runtime)
    made = await carried_out(owner, FOUND, name=f"{mark} team", slug=mark)
    found = ids.uuid_of(ids.Kind.Organization, made["createOrganization"]["organization"]["id"])
    viewer = replace(owner.viewer, organization_id=found)
    if runs:
        whose = Owner(owner.viewer.actor_id, found)
        await generate(runtime.db, whose, runs, now=now(), progress=lambda *_: None)
        for table, columns in MARKED.items():
            changed = ", ".join(f"{column} = $2 || ' ' || {column}" for column in columns)
            await runtime.db.fetch_sql(f"UPDATE {table} SET {changed} WHERE organization_id = $1", found, mark)

    # A context is that of one operation.
    async def ask(query: str, **variables: Any) -> Any:
        return await carried_out(Context(runtime, viewer), query, **variables)

    key = (await ask(KEY))["createApiKey"]["key"]
    return await lay(ask, mark=mark, key=key)
