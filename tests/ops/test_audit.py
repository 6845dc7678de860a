"""The chain of the audit log: whoever changes, removes, swaps, cuts off or forges entries is found out."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from maestro.db.engine import Database
from maestro.db.rows import StatementFailed, UniqueViolation
from maestro.db.tables import AuditEntry
from maestro.errors import InvalidInput
from ops import audit
from ops.audit import Flaw, Head, Verdict, verify
from tests.fixtures.graphql import Api

APPEND: Final = """
    INSERT INTO audit_entry (id, organization_id, actor_id, actor_kind, actor_label, api_key_id, session_id, address,
        operation, operation_name, target_type, target_id, is_allowed, code, reason, before, after)
    VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'USER', 'Zoë 🎉', gen_random_uuid(), gen_random_uuid(), '::1',
        $2, 'Rename', 'Project', gen_random_uuid(), false, 'CONFLICT', 'Taken.', '{"n": 1.50, "a": null}', '{"n": 2}')
"""
FORGE: Final = """
    DO $$ DECLARE e audit_entry; previous bytea := ''; BEGIN
        FOR e IN SELECT * FROM audit_entry WHERE operation <> 'other' ORDER BY seq LOOP
            UPDATE audit_entry SET prev_hash = previous,
                hash = sha256(previous || convert_to(maestro_audit_text(e), 'UTF8'))
            WHERE id = e.id RETURNING hash INTO previous;
            UPDATE audit_head SET seq = e.seq, hash = previous WHERE organization_id = e.organization_id;
        END LOOP;
    END $$
"""
"""What somebody does who knows how it works and may do everything: the chain fits itself again."""

ZEROS: Final = "00" * 32
CHANGES: Final = {
    "id": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "actor_id": "gen_random_uuid()",
    "actor_kind": "'SERVICE_ACCOUNT'",
    "actor_label": "'Zoe 🎉'",
    "api_key_id": "NULL",
    "session_id": "NULL",
    "address": "''",
    "operation": "'deleteProject'",
    "operation_name": "NULL",
    "target_type": "'Run'",
    "target_id": "gen_random_uuid()",
    "is_allowed": "true",
    "code": "NULL",
    "reason": "'taken.'",
    "before": """'{"n": 1.5, "a": null}'""",
    "after": "NULL",
    "prev_hash": r"'\x00'",
    "hash": r"'\x00'",
}
"""A change of each column, the smallest that there is."""


FORBIDDEN: Final = [
    "UPDATE audit_entry SET reason = 'nothing'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry",
    "TRUNCATE organization CASCADE",
    "DELETE FROM organization",
    "UPDATE audit_head SET seq = 0",
    "DELETE FROM audit_head",
    "TRUNCATE audit_head",
    "INSERT INTO audit_head (organization_id, seq, hash) VALUES (gen_random_uuid(), 1, '')",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY",
    "DROP TABLE audit_entry",
    "SET session_replication_role = replica",
]
"""What an attacker would try who has taken over the server."""


@dataclass(frozen=True)
class Log:
    """The log of an organisation, and what its database's owner can do to it."""

    db: Database
    organization_id: UUID

    async def append(self, *operations: str) -> None:
        for operation in operations:
            await self.run(APPEND, self.organization_id, operation)

    async def run(self, sql: str, *arguments: Any) -> None:
        async with self.db.transaction() as tx:
            await tx.fetch_sql(sql, *arguments)

    async def verdict(self, expected: Head | None = None) -> Verdict:
        return await verify(self.db, self.organization_id, expected)

    async def found(self, expected: Head | None = None) -> tuple[Flaw | None, int | None]:
        verdict = await self.verdict(expected)
        return verdict.flaw, verdict.seq


@pytest.fixture
async def log(db: Database) -> Log:
    """A log of eight entries, beside that of another organisation."""
    logs = [Log(db, uuid4()), Log(db, uuid4())]
    for one in logs:
        await one.run(
            "INSERT INTO organization (id, slug, name) VALUES ($1, gen_random_uuid()::text, 'x')", one.organization_id
        )
    await logs[1].append("other")
    await logs[0].append(*"abcdefgh")
    return logs[0]


async def test_a_log_that_nobody_touched_is_intact_up_to_its_head(log: Log) -> None:
    verdict = await log.verdict()
    (head,) = await log.db.fetch_sql("SELECT seq, hash FROM audit_head WHERE organization_id = $1", log.organization_id)
    assert verdict == Verdict(Head(8, head.hash))
    assert (verdict.is_intact, verdict.message) == (True, "All 8 entries are as they were written.")


async def test_an_empty_log_is_intact(log: Log) -> None:
    assert await verify(log.db, uuid4()) == Verdict(Head(0, b""))


def test_every_column_is_changed_here() -> None:
    assert set(CHANGES) == set(AuditEntry.__table__.c.keys()) - {"seq", "organization_id"}


@pytest.mark.parametrize("column", CHANGES)
async def test_a_changed_column_is_found(log: Log, column: str) -> None:
    await log.run(f"UPDATE audit_entry SET {column} = {CHANGES[column]} WHERE operation = 'c'")
    assert await log.found() == (Flaw.CHANGED, 3)


async def test_a_text_that_moves_from_one_column_to_the_next_is_found(log: Log) -> None:
    await log.run("UPDATE audit_entry SET code = 'CONFLIC', reason = 'TTaken.' WHERE operation = 'c'")
    assert await log.found() == (Flaw.CHANGED, 3)


async def test_an_entry_that_is_given_to_another_organization_is_missing(log: Log) -> None:
    other = "(SELECT organization_id FROM audit_entry WHERE operation = 'other')"
    await log.run(f"UPDATE audit_entry SET organization_id = {other} WHERE operation = 'c'")
    assert await log.found() == (Flaw.REMOVED, 3)


@pytest.mark.parametrize("gone", ["a", "d", "g"])
async def test_a_removed_entry_is_found(log: Log, gone: str) -> None:
    await log.run("DELETE FROM audit_entry WHERE operation = $1", gone)
    assert await log.found() == (Flaw.REMOVED, "abcdefgh".index(gone) + 1)


async def test_a_gap_that_is_closed_by_renumbering_is_found(log: Log) -> None:
    await log.run("DELETE FROM audit_entry WHERE operation = 'd'")
    for operation in "efgh":
        await log.run("UPDATE audit_entry SET seq = seq - 1 WHERE operation = $1", operation)
    assert await log.found() == (Flaw.REMOVED, 4)


async def test_two_entries_that_changed_places_are_found(log: Log) -> None:
    for place, operation in ((100, "c"), (3, "f"), (6, "c")):
        await log.run("UPDATE audit_entry SET seq = $1 WHERE operation = $2", place, operation)
    assert await log.found() == (Flaw.REORDERED, 3)


async def test_two_entries_whose_contents_changed_places_are_found(log: Log) -> None:
    await log.run(
        "CREATE TEMP TABLE kept AS SELECT seq, prev_hash, hash FROM audit_entry WHERE operation IN ('c', 'f')"
    )
    for place, operation in ((100, "c"), (3, "f"), (6, "c")):
        await log.run("UPDATE audit_entry SET seq = $1 WHERE operation = $2", place, operation)
    await log.run(
        "UPDATE audit_entry e SET prev_hash = k.prev_hash, hash = k.hash FROM "
        "(SELECT seq, prev_hash, hash FROM kept) k WHERE e.seq = k.seq AND e.operation <> 'other'"
    )
    assert await log.found() == (Flaw.REORDERED, 3)


async def test_an_entry_that_was_moved_to_the_end_is_found(log: Log) -> None:
    await log.run("UPDATE audit_entry SET seq = 100 WHERE operation = 'c'")
    assert await log.found() == (Flaw.REORDERED, 3)


async def test_a_tail_that_was_cut_off_is_found_by_the_head(log: Log) -> None:
    await log.run("DELETE FROM audit_entry WHERE operation IN ('g', 'h')")
    assert await log.found() == (Flaw.TRUNCATED, 7)


async def test_a_head_that_was_set_back_is_found(log: Log) -> None:
    await log.run(
        "UPDATE audit_head h SET seq = e.seq, hash = e.hash FROM audit_entry e "
        "WHERE e.operation = 'f' AND h.organization_id = e.organization_id"
    )
    assert await log.found() == (Flaw.TRUNCATED, 7)


@pytest.mark.parametrize("sql", ["DELETE FROM audit_head", "UPDATE audit_head SET hash = ''"])
async def test_a_head_that_was_removed_or_changed_is_found(log: Log, sql: str) -> None:
    await log.run(sql)
    assert (await log.verdict()).flaw is Flaw.TRUNCATED


async def test_a_log_that_was_cut_off_with_its_head_is_found_by_a_kept_head_alone(log: Log) -> None:
    kept = (await log.verdict()).head
    await log.run("DELETE FROM audit_entry WHERE operation IN ('g', 'h')")
    await log.run(FORGE)
    assert (await log.verdict()).is_intact
    assert await log.found(kept) == (Flaw.TRUNCATED, 7)


async def test_a_log_that_was_written_anew_is_found_by_a_kept_head_alone(log: Log) -> None:
    kept = (await log.verdict()).head
    await log.run("UPDATE audit_entry SET actor_label = 'nobody' WHERE operation = 'c'")
    await log.run(FORGE)
    await log.append("i")
    assert (await log.verdict()).is_intact
    assert await log.found(kept) == (Flaw.REWRITTEN, 8)


async def test_a_log_that_has_grown_since_a_head_was_kept_is_intact(log: Log) -> None:
    kept = (await log.verdict()).head
    await log.append("i", "j")
    assert (await log.verdict(kept)).head.seq == 10


async def test_a_log_of_several_batches_is_verified_as_a_whole(log: Log) -> None:
    count = 2 * audit.BATCH + 1
    await log.run(
        "INSERT INTO audit_entry (id, organization_id, actor_label, operation, is_allowed) "
        "SELECT gen_random_uuid(), $1, 'x', 'many', true FROM generate_series(1, $2::int)",
        log.organization_id,
        count,
    )
    assert (await log.verdict()).head.seq == count + 8
    await log.run("UPDATE audit_entry SET actor_label = 'y' WHERE seq = $1", count)
    assert await log.found() == (Flaw.CHANGED, count)


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(12, bytes(32))
    assert str(head) == f"12:{'00' * 32}"
    assert Head.parse(str(head)) == head
    assert Head.parse(str(Head())) == Head()


@pytest.mark.parametrize("text", ["", "12", "12:", f"0:{ZEROS}", f"x:{ZEROS}", f"12:{ZEROS[1:]}", f"-1:{ZEROS}"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Head.parse(text)


async def test_an_entry_that_is_there_already_is_refused_and_not_counted(log: Log) -> None:
    again = "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE operation = 'c' ON CONFLICT DO NOTHING"
    with pytest.raises(UniqueViolation):
        await log.run(again)
    assert (await log.verdict()).head.seq == 8


@pytest.mark.parametrize("seq", ["1", "NULL", "99"])
async def test_number_time_and_hashes_are_not_for_the_writer_to_choose(log: Log, seq: str) -> None:
    await log.run(
        "INSERT INTO audit_entry (id, organization_id, actor_label, operation, is_allowed, seq, at, prev_hash, hash) "
        rf"VALUES (gen_random_uuid(), $1, 'x', 'i', true, {seq}, '2001-01-01', '\x01', '\x01')",
        log.organization_id,
    )
    assert (await log.verdict()).head.seq == 9
    (entry,) = await log.db.fetch_sql("SELECT at > now() - interval '1 hour' AS is_now FROM audit_entry WHERE seq = 9")
    assert entry.is_now


@pytest.mark.parametrize("role", ["system", "organization"])
async def test_the_servers_roles_can_only_append(api: Api, role: str) -> None:
    await api('mutation { createProject(input: {name: "A"}) { __typename } }')
    system = api.runtime.db
    log = Log(system if role == "system" else system.within(api.viewer.scope), api.viewer.organization_id)
    before = await verify(system, log.organization_id)
    for sql in FORBIDDEN:
        with pytest.raises(StatementFailed):
            await log.run(sql)
    assert before.head.seq == 1
    assert await verify(system, log.organization_id) == before


async def test_an_organization_cannot_write_into_the_log_of_another(api: Api, foreign: Api) -> None:
    with pytest.raises(StatementFailed):
        async with api.runtime.db.within(foreign.viewer.scope).transaction() as tx:
            await tx.fetch_sql(APPEND, api.viewer.organization_id, "forged")
    assert (await verify(api.runtime.db, api.viewer.organization_id)).head.seq == 0


async def test_writers_at_the_same_time_make_one_chain_without_a_gap(api: Api) -> None:
    mutation = "mutation ($n: String!) { createProject(input: {name: $n}) { __typename } }"
    await asyncio.gather(*(api(mutation, n=f"P{i % 12}") for i in range(24)))
    verdict = await verify(api.runtime.db, api.viewer.organization_id)
    assert (verdict.is_intact, verdict.head.seq) == (True, 24)
    refused = await api.runtime.db.fetch_sql("SELECT count(*) AS n FROM audit_entry WHERE NOT is_allowed")
    assert refused[0].n == 12
