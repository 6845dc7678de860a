"""The swap: one database takes the name of another, in one short moment in which nobody is answered.

The order is: lock, carry over what can be carried before, fence, end all sessions, carry over the rest, and both
renames in one transaction. Killed at any instruction, what is left is the old database under its name, perhaps fenced,
or the new one; running it again by the same `by` goes on from there.
"""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from maestro.clock import now
from maestro.db.direct import connected, name_of
from maestro.db.rows import StatementFailed
from maestro.errors import Conflict, NotFound, PreflightFailed
from maestro.progress import Progress, untold
from ops.restores.databases import (
    Found,
    Note,
    Role,
    all_of,
    drop,
    find,
    kept_name,
    noted,
    quoted,
    set_open,
    write_note,
)
from ops.restores.fence import MAINTENANCE, end_sessions, fenced, locked, undo
from ops.restores.properties import copy_properties

LONGEST_S: Final = 10
"""After so long a statement of the exclusive moment is given up, and the old database opened again."""
_STANDING: Final = """
    SELECT r.rolsuper AS is_superuser, r.rolsuper OR r.rolcreatedb AS may_create, current_user AS account,
        ARRAY(SELECT gid FROM pg_prepared_xacts WHERE database = ANY($1)) AS prepared,
        ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE database = ANY($1)) AS slots,
        ARRAY(SELECT s.subname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
            WHERE d.datname = ANY($1) AND s.subenabled) AS subscriptions,
        ARRAY(SELECT datname::text FROM pg_database
            WHERE datname = ANY($1) AND NOT pg_has_role(datdba, 'USAGE')) AS foreign_ones,
        ARRAY(SELECT DISTINCT a.usename::text FROM pg_stat_activity a JOIN pg_roles u ON u.oid = a.usesysid
            WHERE a.datname = ANY($1) AND NOT r.rolsuper AND (u.rolsuper OR NOT (
                pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))) AS beyond
    FROM pg_roles r WHERE r.rolname = current_user
"""


class Carry(Protocol):
    """Brings from the present database to the coming one what a restore must not lose; may be called again.

    It is called before the fence, and with `is_last` once nobody else writes to the present one.
    """

    async def __call__(self, present: Any, coming: Any, *, is_last: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Swapped:
    """What a swap has done: the name of the database that was replaced, and how long nobody was answered."""

    kept: str
    at: datetime
    unavailable_ms: float | None
    """None when it had been done before."""


async def swap(
    url: str,
    coming: str,
    *,
    by: str,
    keep_until: datetime,
    carry: Carry | None = None,
    progress: Progress = untold,
) -> Swapped:
    """Let the database `coming` take the name of the one of a URL, which is kept, closed, under another name.

    `by` names what it is done for: the same swap is never done twice. Conflict while another one is under way,
    PreflightFailed when it cannot be done, NotFound without a database of that name, Transient when sessions do not
    end; after each of them the present database is in use as before.
    """
    name = name_of(url)
    async with connected(url, database=MAINTENANCE) as cluster, locked(cluster, name):
        done = await noted(cluster, Role.KEPT, of=name, by=by)
        present = await _opened(cluster, name)
        if done:
            note = done[0].note
            return Swapped(done[0].name, (note and note.at) or now(), None)
        at = await cluster.fetchval("SELECT now()")
        kept = kept_name(name, at, [one.name for one in await all_of(cluster)])
        await require_possible(cluster, name, coming=coming)
        await copy_properties(cluster, name, coming)
        note = Note(Role.KEPT, name, by, at=at, until=keep_until, comment=present.comment)
        return await _Exchange(url, cluster, present, coming, Swapped(kept, at, None), note).carried_out(
            carry, progress
        )


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One swap that can be done."""

    url: str
    cluster: Any
    present: Found
    coming: str
    result: Swapped
    note: Note

    async def carried_out(self, carry: Carry | None, progress: Progress) -> Swapped:
        async with AsyncExitStack() as stack:
            ends = await self._connected(stack) if carry is not None else ()
            if carry is not None:
                progress("Carrying over")
                await carry(*ends, is_last=False)
            progress("Exchanging the databases")
            began = time.perf_counter()
            async with fenced(self.cluster, self.present, by=self.note.by):
                names = [self.present.name, self.coming]
                await end_sessions(self.cluster, names, but=[end.get_server_pid() for end in ends])
                if carry is not None:
                    await carry(*ends, is_last=True)
                await stack.aclose()
                await end_sessions(self.cluster, names)
                await self._rename()
        unavailable_ms = (time.perf_counter() - began) * 1_000
        return Swapped(self.result.kept, self.result.at, round(unavailable_ms, 1))

    async def _connected(self, stack: AsyncExitStack) -> Sequence[Any]:
        found = await find(self.cluster, self.coming)
        was_open = found is not None and found.is_open
        if not was_open:
            await set_open(self.cluster, self.coming, is_open=True)
        try:
            return [
                await stack.enter_async_context(connected(self.url, database=one))
                for one in (self.present.name, self.coming)
            ]
        finally:
            if not was_open:
                await set_open(self.cluster, self.coming, is_open=False)

    async def _rename(self) -> None:
        present, coming, kept = self.present.name, self.coming, self.result.kept
        async with self.cluster.transaction():
            await self.cluster.execute(f"SET LOCAL statement_timeout = '{LONGEST_S}s'")
            await self.cluster.execute(f"ALTER DATABASE {quoted(present)} RENAME TO {quoted(kept)}")
            await write_note(self.cluster, kept, self.note)
            await self.cluster.execute(f"ALTER DATABASE {quoted(coming)} RENAME TO {quoted(present)}")
            await write_note(self.cluster, present, None, comment=self.present.comment)
            await set_open(self.cluster, present, is_open=True)


async def require_possible(cluster: Any, name: str, *, coming: str | None = None) -> None:
    """Raise PreflightFailed, with all that is in the way, unless a database can be exchanged now, for a certain one.

    NotFound when that one is not there.
    """
    if coming is not None and await find(cluster, coming) is None:
        raise NotFound(f"There is no database {coming}.", hint="Start the restore again.")
    row = await cluster.fetchrow(_STANDING, [name] if coming is None else [name, coming])
    who, account = f"the account {row.account}", quoted(row.account)
    failed = [f"{who} does not own the database {one}" for one in row.foreign_ones]
    if name in (MAINTENANCE, "template0", "template1"):
        failed.append(f"the database {name} is the server's own")
    if not row.may_create:
        failed.append(f"{who} may not create databases: ALTER ROLE {account} CREATEDB;")
    failed += [f"{who} may not end sessions of {one}: GRANT pg_signal_backend TO {account};" for one in row.beyond]
    failed += [f"the transaction {one!r} is prepared: commit it or roll it back" for one in row.prepared]
    failed += [
        f"the logical replication slot {one} belongs to it: drop it, and make it anew after" for one in row.slots
    ]
    failed += [f"the subscription {one} is enabled in it: disable it first" for one in row.subscriptions]
    if failed:
        raise PreflightFailed(
            f"The database {name} cannot be exchanged: {'; '.join(failed)}.",
            hint="Do what is said, then start the restore again. Nothing was changed.",
            checks=failed,
        )


async def drop_kept(url: str, at: datetime) -> list[str]:
    """Drop the kept databases whose time is over, and return their names."""
    dropped = []
    async with connected(url, database=MAINTENANCE) as cluster:
        for one in await noted(cluster, Role.KEPT, of=name_of(url)):
            if one.note is not None and one.note.until is not None and one.note.until <= at:
                await drop(cluster, one.name)
                dropped.append(one.name)
    return dropped


async def drop_shadow(url: str, *, by: str) -> list[str]:
    """Drop what a restore has filled and nobody will use, and return the names; nothing once it has been swapped in."""
    async with connected(url, database=MAINTENANCE) as cluster:
        left = await noted(cluster, Role.SHADOW, of=name_of(url), by=by)
        for one in left:
            await drop(cluster, one.name)
    return [one.name for one in left]


async def _opened(cluster: Any, name: str) -> Found:
    """Return a database that accepts connections, after undoing what an earlier swap has left half done."""
    found = await find(cluster, name)
    if found is None:
        raise NotFound(f"There is no database {name}.", hint="Check the URL of the database.")
    if found.is_open:
        return found
    if found.note is None or found.note.role is not Role.FENCED:
        raise Conflict(
            f"The database {name} accepts no connections, and no restore has closed it.",
            hint=f"Ask who did, or open it: ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true;",
        )
    try:
        await undo(cluster, found)
    except StatementFailed as error:
        raise PreflightFailed(f"The database {name} cannot be opened: {error}.", checks=[str(error)]) from error
    return await _opened(cluster, name)
