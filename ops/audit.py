"""Verifying the audit log: each hash is computed again from what is stored, along the whole chain."""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.errors import InvalidInput

BATCH: Final = 500
_SEQ: Final = 1
"""Where the number of an entry stands among its fields."""

# What is sealed of an entry, in the order of `maestro_audit_text` and as PostgreSQL writes it.
_ENTRIES: Final = """
    SELECT seq, id, prev_hash, hash, ARRAY[
        organization_id::text, seq::text, id::text, (extract(epoch FROM at) * 1000000)::bigint::text,
        actor_id::text, actor_kind, actor_label, api_key_id::text, session_id::text, address,
        operation, operation_name, target_type, target_id::text, is_allowed::text, code, reason,
        before::text, after::text
    ] AS fields
    FROM audit_entry WHERE organization_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""
_ENDS: Final = """
    SELECT coalesce(head.seq, 0) AS seq, coalesce(head.hash, '') AS hash,
        (SELECT coalesce(max(seq), 0) FROM audit_entry WHERE organization_id = $1) AS last
    FROM (SELECT 1) one LEFT JOIN audit_head head ON head.organization_id = $1
"""
_HEAD: Final = re.compile(r"(?P<seq>\d{1,18}):(?P<hash>([0-9a-f]{64})?)")


class Flaw(StrEnum):
    """What has been done to a log."""

    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    REORDERED = "REORDERED"
    TRUNCATED = "TRUNCATED"
    REWRITTEN = "REWRITTEN"


SAYINGS: Final = {
    Flaw.CHANGED: "Entry {seq:,} does not fit its hash: it has been changed.",
    Flaw.REMOVED: "Entry {seq:,} is missing, or what stands there does not follow the entry before it.",
    Flaw.REORDERED: "Another entry stands in the place of entry {seq:,}.",
    Flaw.TRUNCATED: "The log does not end where it should: entry {seq:,} is where it parts from its head.",
    Flaw.REWRITTEN: "Entry {seq:,} is not the one that was known: the log has been written anew.",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log: the number of its last entry and that entry's hash. Kept elsewhere, it vouches for them all."""

    seq: int = 0
    hash: bytes = b""

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str, *, field: str = "expectedHead") -> "Head":
        """Read the form of `str`; InvalidInput."""
        found = _HEAD.fullmatch(text.strip().lower())
        if found is None or (int(found["seq"]) == 0) != (found["hash"] == ""):
            raise InvalidInput(
                f"{text[:80]!r} is not the head of an audit log.",
                field=field,
                hint="Pass the head of an earlier verification: a number, a colon and 64 hexadecimal digits.",
            )
        return cls(int(found["seq"]), bytes.fromhex(found["hash"]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it: `head` is the last entry that is proved good; the rest tells of the first that is not."""

    head: Head
    flaw: Flaw | None = None
    seq: int | None = None
    entry_id: UUID | None = None

    @property
    def is_intact(self) -> bool:
        """Say whether nothing is wrong."""
        return self.flaw is None

    @property
    def message(self) -> str:
        """The verdict as a sentence."""
        if self.flaw is None:
            return f"All {self.head.seq:,} entries are as they were written."
        return SAYINGS[self.flaw].format(seq=self.seq)


async def verify(db: Database, organization_id: UUID, expected: Head | None = None) -> Verdict:
    """Compute the chain of an organisation anew, in constant memory, up to where it ended at the beginning.

    `expected` is a head that was kept elsewhere: with it a log is found out that was cut off, or written anew as a
    whole, with all its hashes.
    """
    ends = (await db.fetch_sql(_ENDS, organization_id))[0]
    head = Head(ends.seq, ends.hash)
    good = Head()
    async for entry in _entries(db, organization_id):
        if good.seq >= head.seq:
            break
        if not _follows(good, entry):
            return await _broken(db, organization_id, good=good, entry=entry)
        good = Head(entry.seq, entry.hash)
        if expected is not None and good.seq == expected.seq and good.hash != expected.hash:
            return Verdict(good, Flaw.REWRITTEN, good.seq, entry.id)
    if good != head or ends.last != head.seq:
        return Verdict(good, Flaw.TRUNCATED, good.seq + (good.seq < max(head.seq, ends.last)))
    if expected is not None and good.seq < expected.seq:
        return Verdict(good, Flaw.TRUNCATED, good.seq + 1)
    return Verdict(good)


async def _entries(db: Database, organization_id: UUID) -> AsyncIterator[Row]:
    """Read a log from its beginning, a batch at a time: what is written stays, so that no snapshot is needed."""
    seq = 0
    while rows := await db.fetch_sql(_ENTRIES, organization_id, seq, BATCH):
        for row in rows:
            yield row
        seq = rows[-1].seq


def _sealed(previous: bytes, fields: Sequence[str | None]) -> bytes:
    """Return the hash of an entry: each field has its length in front, so no two entries have the same text."""
    text = "".join(["-" if field is None else f"{len(field)}:{field}" for field in fields])
    return hashlib.sha256(previous + text.encode()).digest()


def _follows(good: Head, entry: Row) -> bool:
    is_next: bool = entry.seq == good.seq + 1 and entry.prev_hash == good.hash
    return is_next and _sealed(good.hash, entry.fields) == entry.hash


def _fits(previous: bytes, entry: Row, *, place: int, seal: bytes) -> bool:
    """Say whether an entry, put into another place of the log, has the hash of that place."""
    fields = [*entry.fields]
    fields[_SEQ] = str(place)
    return _sealed(previous, fields) == seal


async def _broken(db: Database, organization_id: UUID, *, good: Head, entry: Row) -> Verdict:
    """Find out what happened after the last good entry, where `entry` does not fit."""
    place, is_stray = good.seq + 1, False
    async for other in _entries(db, organization_id):
        if other.seq == place:
            continue
        if _fits(good.hash, other, place=place, seal=other.hash):
            return Verdict(good, Flaw.REORDERED, place, other.id)
        if entry.seq == place and _fits(other.prev_hash, entry, place=other.seq, seal=other.hash):
            return Verdict(good, Flaw.REORDERED, place, entry.id)
        is_stray = is_stray or _fits(entry.prev_hash, entry, place=other.seq, seal=entry.hash)
    if entry.seq != place:
        return Verdict(good, Flaw.REMOVED, place)
    # What is whole, here or in another place, but comes after something else has lost what was before it.
    is_whole = is_stray or _sealed(entry.prev_hash, entry.fields) == entry.hash
    is_removed = is_whole and entry.prev_hash != good.hash
    return Verdict(good, Flaw.REMOVED if is_removed else Flaw.CHANGED, place, entry.id)
