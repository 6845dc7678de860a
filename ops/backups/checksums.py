"""Counts and checksums of the rows of tables, the same wherever and in whatever order the rows lie.

A row's image is what `record_send` makes of its columns, in the order of their names: the bytes that the binary
protocol has for each value, with its length, so that NULL is not the empty text and no bit is left out. Values of types
whose bytes may differ from one database to another are taken as text instead. The image's 64-bit hash is the one that
hash partitioning rests on, which therefore stays what it is from one version of PostgreSQL to the next. A table's
checksum is the sum of its rows' hashes, modulo 2^128 and in hexadecimal. Generated columns are left out: they follow
from the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from maestro.crowd import together
from maestro.progress import Progress, untold
from ops.backups.manifest import TableState
from ops.backups.servers import Connection, transient
from ops.backups.snapshots import Snapshot

ALGORITHM: Final = "record_send/hash_record_extended/sum/1"
"""Names this way of computing a checksum in a manifest; to be changed with it."""
MODULUS: Final = 2**128
PART_BYTES: Final = 64 * 1024**2
"""Bytes of a table that one statement reads: two connections share a large table, and progress is told often."""
BINARY: Final = (
    "bool, bytea, char, int2, int4, int8, float4, float8, numeric, money, text, varchar, bpchar, name, json, jsonb, "
    "uuid, date, time, timetz, timestamp, timestamptz, interval, bit, varbit, inet, cidr, macaddr, macaddr8"
)
"""Types whose bytes are the same in every database."""
_TABLES: Final = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_table_size(c.oid) AS bytes,
        pg_relation_size(c.oid) / current_setting('block_size')::int AS pages,
        coalesce((
            SELECT array_agg(CASE WHEN coalesce(e.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace
                AND coalesce(e.typname, t.typname)::text = ANY($1) THEN quote_ident(a.attname)
                ELSE quote_ident(a.attname) || '::text' END ORDER BY a.attname::text COLLATE "C")
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ), '{}') AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_toast%'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND d.deptype = 'e')
    ORDER BY bytes DESC, name"""


@dataclass(slots=True)
class _Table:
    name: str
    size_bytes: int
    pages: int
    columns: Sequence[str]
    rows: int = 0
    total: int = 0

    def parts(self) -> Iterator[tuple[str, int]]:
        """Yield the statements that read it all, a range of its pages each, with the bytes of each."""
        image = f"ROW(record_send(ROW({', '.join(self.columns)})))"
        hashed = f"hash_record_extended({image}, 0)"
        read = f"SELECT count(*), coalesce(sum({hashed}), 0) FROM ONLY {self.name}"  # noqa: S608 -- the server has quoted it
        count = max(1, min(self.pages, self.size_bytes // PART_BYTES))
        bounds = [self.pages * part // count for part in range(count)]
        for start, end in zip(bounds, [*bounds[1:], None], strict=True):
            ends = "" if end is None else f" AND ctid < '({end},0)'"
            yield f"{read} WHERE ctid >= '({start},0)'{ends}", self.size_bytes // count

    @property
    def state(self) -> TableState:
        return TableState(rows=self.rows, checksum=f"{self.total % MODULUS:032x}")


async def states_of(
    snapshot: Snapshot, *, connections: int, phase: str = "Reading rows", progress: Progress = untold
) -> dict[str, TableState]:
    """Return the number of rows, and their checksum, of each table of a snapshot."""
    tables = await _found(snapshot)
    parts = iter([(table, *part) for table in tables for part in table.parts()])
    total, done = sum(table.size_bytes for table in tables), 0

    async def work(reader: Connection) -> None:
        nonlocal done
        for table, sql, size in parts:
            with transient():
                rows, summed = await reader.fetchrow(sql)
            table.rows += rows
            table.total += int(summed)
            done += size
            progress(phase, min(done, total), total, unit="bytes")

    async with snapshot.readers(connections) as readers:
        await together(work(reader) for reader in readers)
    tables.sort(key=lambda table: table.name)
    return {table.name: table.state for table in tables}


async def sizes_of(snapshot: Snapshot) -> dict[str, int]:
    """Return the bytes of each table of a snapshot without indexes, by its name."""
    return {table.name: table.size_bytes for table in await _found(snapshot)}


async def _found(snapshot: Snapshot) -> list[_Table]:
    with transient():
        found = await snapshot.connection.fetch(_TABLES, BINARY.split(", "))
    return [_Table(row["name"], row["bytes"], row["pages"], row["columns"]) for row in found]
