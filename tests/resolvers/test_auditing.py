"""What mutations leave in the audit log: one entry each, whatever becomes of them, for one statement."""

import asyncio
from typing import Any, Final
from uuid import UUID

import pytest

import resolvers.projects
import resolvers.trash
from maestro.db import tables
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from resolvers.auditing import BROKEN, CUT_OFF, REPLAYED
from tests.fixtures.audit import CREATE, DELETE, RESTORE, UPDATE, create, entries, entry
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.operations import Caller, operations
from tests.fixtures.populating import populate

LOG: Final = """
mutation ($run: ID!, $seq: BigInt!) {
  logBatch(input: {runId: $run, writerId: "w", seq: $seq, metrics: [{key: "loss", steps: [1], values: [0.5]}]}) {
    isReplay
  }
}"""


AT_ONCE: Final = "ALTER TABLE project ADD CONSTRAINT c CHECK (name <> 'Vision')"
AT_COMMIT: Final = """
CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'mst_secret'; END $$;
CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON project DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION trap()"""
"""What breaks a transaction in a way that nobody expects."""


BEGUN: Final = {"runQuery", "runAggregation", "administerConnector"}
"""What has its entry when it begins: it was allowed, whatever a vendor answers then."""


class Watched(Api):
    """Runs mutations, each of which must leave exactly one entry that tells how it went."""

    async def everything(self) -> list[Row]:
        # A new organisation's log begins with its creation.
        return await self.runtime.db.fetch_sql("SELECT * FROM audit_entry")

    async def run(self, query: str, **variables: Any) -> tuple[Any, list[Any]]:
        before = {row.id for row in await self.everything()}
        data, errors = await super().run(query, **variables)
        (left,) = (row for row in await self.everything() if row.id not in before)
        code = errors[0]["extensions"]["code"] if errors else None
        assert f"{{ {left.operation}" in query
        assert left.is_allowed == (left.code is None)
        begun = {None} if left.operation in BEGUN else set()
        assert left.code in ({code} | begun if errors else {None, "NAME_TAKEN", "STALE_VERSION"})
        assert left.actor_id == self.viewer.actor_id
        return data, errors


@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
async def test_every_mutation_leaves_one_entry_carried_out_or_refused(api: Api, role: Role) -> None:
    ids = await populate(api)
    caller = Caller(Watched(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id)), ids)
    answers = {one.name: await caller.codes(one) for one in operations("mutation")}
    assert ["FORBIDDEN"] in answers.values() if role is Role.VIEWER else [] in answers.values()


async def test_every_mutation_that_finds_nothing_leaves_one_entry(api: Api, foreign: Api) -> None:
    theirs = await populate(api)
    answers = [
        await Caller(Watched(foreign.runtime, foreign.viewer), theirs).codes(one) for one in operations("mutation")
    ]
    assert ["NOT_FOUND"] in answers


async def test_an_entry_of_a_creation_tells_who_made_what(api: Api) -> None:
    project = await create(api)
    made = await entry(api)
    assert (made.actor_id, made.actor_kind, made.actor_label) == (api.viewer.actor_id, "USER", "owner@localhost")
    assert (made.operation, made.operation_name, made.is_allowed, made.code) == ("createProject", "Begin", True, None)
    assert (made.target_type, made.target_id) == ("Project", uuid_of(Kind.Project, project))
    assert made.before is None
    assert (made.after["name"], made.after["description"]) == ("Vision", "d")


async def test_an_entry_of_a_change_tells_what_was_and_what_is(api: Api) -> None:
    project = await create(api)
    await api(UPDATE, id=project, name="Sight")
    changed = (await entries(api))[1]
    assert (changed.operation, changed.target_id) == ("updateProject", uuid_of(Kind.Project, project))
    assert (changed.before["name"], changed.after["name"]) == ("Vision", "Sight")


async def test_entries_of_deleting_and_restoring_tell_both_states(api: Api) -> None:
    project = await create(api)
    await api(DELETE, id=project)
    await api(RESTORE, id=project)
    deleted, restored = (await entries(api))[1:]
    assert (deleted.operation, deleted.before) == ("deleteProject", {"deleted_at": None})
    assert deleted.after["deleted_at"] is not None
    assert restored.operation == "restoreProject"
    assert restored.before["deleted_at"] == deleted.after["deleted_at"]
    assert restored.after["deleted_at"] is None


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [("Taken", None, "NAME_TAKEN"), ("New", 7, "STALE_VERSION"), ("", None, "BAD_USER_INPUT")],
)
async def test_a_refused_change_leaves_its_code_and_what_it_was_aimed_at(
    api: Api, name: str, *, version: int | None, code: str
) -> None:
    await create(api, "Taken")
    project = await create(api)
    await api.run(UPDATE, id=project, name=name, v=version)
    refused = (await entries(api))[2]
    assert (refused.is_allowed, refused.code) == (False, code)
    assert (refused.target_type, refused.target_id) == ("Project", uuid_of(Kind.Project, project))
    assert refused.reason
    assert (refused.before, refused.after) == (None, None)


async def test_a_request_that_is_sent_again_leaves_an_entry_that_says_so(api: Api) -> None:
    project = await create(api, key="once")
    await create(api, key="once")
    first, again = await entries(api)
    assert (first.reason, again.reason) == (None, REPLAYED)
    assert (again.is_allowed, again.target_id, again.after) == (True, uuid_of(Kind.Project, project), None)


async def test_an_entry_costs_one_statement(api: Api) -> None:
    async def cost(work: Any) -> int:
        before = api.runtime.db.statements_run
        await work
        return api.runtime.db.statements_run - before

    bare = await cost(resolvers.projects.create(api.context(), {"name": "Bare"}))
    project = await create(api)
    assert api.statements == bare + 1
    key = uuid_of(Kind.Project, project)
    bare = await cost(resolvers.projects.update(api.context(), key, expected_version=None, changes={"name": "B"}))
    await api(UPDATE, id=project, name="C")
    assert api.statements == bare + 1
    other = uuid_of(Kind.Project, await create(api, "Other"))
    bare = await cost(resolvers.trash.delete(api.context(), tables.Project, other))
    await api(DELETE, id=project)
    assert api.statements == bare + 1


async def test_batches_that_are_stored_together_leave_an_entry_each(api: Api) -> None:
    run = encode(Kind.Run, (await populate(api))[Kind.Run])
    known = len(await entries(api))
    await asyncio.gather(*(api(LOG, run=run, seq=i) for i in range(12)), api(LOG, run=run, seq=3))
    logged = (await entries(api))[known:]
    assert {(one.operation, one.is_allowed, one.target_id) for one in logged} == {
        ("logBatch", True, uuid_of(Kind.Run, run))
    }
    assert sorted(one.after["seq"] for one in logged if one.after) == list(range(12))
    assert [one.reason for one in logged if not one.after] == [REPLAYED]


@pytest.mark.parametrize("trap", [AT_ONCE, AT_COMMIT], ids=["by a statement", "by its commit"])
async def test_a_mutation_that_breaks_leaves_a_failure_that_tells_nothing(api: Api, db: Database, trap: str) -> None:
    async with db.driver() as connection:
        await connection.execute(trap)
    (error,) = await api.errors(CREATE, name="Vision")
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    broken = await entry(api)
    assert (broken.is_allowed, broken.code, broken.reason) == (False, "INTERNAL_SERVER_ERROR", BROKEN)
    assert (broken.operation, broken.before, broken.after) == ("createProject", None, None)


async def settled(api: Api, count: int) -> list[Row]:
    """The log, once it has so many entries."""
    found = await entries(api)
    for _ in range(500):
        if len(found) >= count:
            break
        await asyncio.sleep(0.02)
        found = await entries(api)
    return found


async def cut_off(api: Api, db: Database, *, locking: str, key: UUID, mutation: str, **variables: Any) -> None:
    """Run a mutation that waits for a row, and cut it off before it gets it."""
    async with db.transaction() as tx:
        await tx.fetch_sql(f"SELECT FROM {locking} WHERE id = $1 FOR UPDATE", key)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await api(mutation, **variables)


async def test_a_mutation_that_is_cut_off_leaves_a_failure(api: Api, db: Database) -> None:
    project = await create(api)
    key = uuid_of(Kind.Project, project)
    await cut_off(api, db, locking="project", key=key, mutation=UPDATE, id=project, name="Sight")
    cut = (await settled(api, 2))[1]
    assert (cut.operation, cut.is_allowed, cut.code, cut.reason) == (
        "updateProject",
        False,
        "SERVICE_UNAVAILABLE",
        CUT_OFF,
    )
    assert cut.target_id == key
    assert (await api("query ($id: ID!) { project(id: $id) { name } }", id=project))["project"]["name"] == "Vision"


async def test_a_batch_that_is_stored_after_its_client_has_gone_leaves_one_entry(api: Api, db: Database) -> None:
    key = (await populate(api))[Kind.Run]
    known = len(await entries(api))
    await cut_off(api, db, locking="run", key=key, mutation=LOG, run=encode(Kind.Run, key), seq=1)
    await settled(api, known + 1)
    await api(UPDATE.replace("$name", '"later"').replace(', "later": String!', ""), id=await create(api))
    found = [(one.operation, one.is_allowed) for one in (await entries(api))[known:]]
    assert found == [("logBatch", True), ("createProject", True), ("updateProject", True)]
