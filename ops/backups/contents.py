"""What a database holds, as its manifest has it: rows, sequences, the names of everything, and what is around it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from maestro.db.roles import LOGIN
from maestro.progress import Progress, untold
from ops.backups.checksums import ALGORITHM, sizes_of, states_of
from ops.backups.manifest import DatabaseState, TableState
from ops.backups.servers import Connection, transient
from ops.backups.snapshots import Snapshot

# The builtin provider's and ICU's locale has a column of its own, which was renamed once.
_DATABASE: Final = """
    SELECT d.datname::text AS name, pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate::text AS collation,
        d.datctype::text AS ctype, pg_database_size(d.oid) AS size_bytes, to_jsonb(d) AS raw,
        pg_get_userbyid(d.datdba)::text AS owner, shobj_description(d.oid, 'pg_database') AS comment,
        current_setting('server_version') AS server_version,
        coalesce((SELECT jsonb_agg(jsonb_build_object('role', r.rolname, 'settings', s.setconfig) ORDER BY r.rolname)
            FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid), '[]')
            AS settings,
        coalesce((SELECT jsonb_agg(jsonb_build_object('role', CASE WHEN a.grantee = 0 THEN NULL ELSE
                pg_get_userbyid(a.grantee) END, 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                ORDER BY a.grantee::regrole::text, a.privilege_type)
            FROM aclexplode(d.datacl) a), 'null') AS privileges,
        (SELECT coalesce(jsonb_object_agg(extname, extversion), '{}') FROM pg_extension) AS extensions
    FROM pg_database d WHERE d.datname = current_database()"""
# What a dump names of the server's roles, but owners: grantees, those of policies and settings; the server's account.
_ROLES: Final = """
    WITH named AS (
        SELECT s.refobjid AS oid FROM pg_shdepend s JOIN pg_database d ON d.datname = current_database()
        WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('a', 'i', 'r')
            AND (s.dbid = d.oid OR (s.classid = 'pg_database'::regclass AND s.objid = d.oid))
        UNION SELECT s.setrole FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
        WHERE d.datname = current_database()
        UNION SELECT oid FROM pg_roles WHERE rolname = $1
    )
    SELECT r.rolname::text AS name, r.rolcanlogin AS "canLogin", r.rolinherit AS inherits,
        coalesce((SELECT array_agg(g.rolname::text ORDER BY g.rolname) FROM pg_auth_members m
            JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND m.roleid IN (SELECT oid FROM named)), '{}')
            AS "memberOf"
    FROM pg_roles r WHERE r.oid IN (SELECT oid FROM named) AND r.rolname NOT LIKE 'pg\\_%' ORDER BY 1"""
_OWNERS: Final = """
    SELECT DISTINCT pg_get_userbyid(c.relowner)::text AS name FROM pg_class c JOIN pg_namespace n
        ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'S', 'v', 'm')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"""
_SEQUENCES: Final = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, s.seqincrement AS increment
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
    WHERE c.relpersistence <> 't' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"""
# By their names and not by their definitions, whose text is not always the same once it was read back.
_OBJECTS: Final = """
    WITH ours AS (
        SELECT oid, nspname FROM pg_namespace WHERE nspname NOT IN ('pg_catalog', 'information_schema')
            AND nspname NOT LIKE 'pg\\_%'
    ), extended AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
    named AS (
        SELECT CASE c.relkind WHEN 'i' THEN 'indexes' WHEN 'I' THEN 'indexes' WHEN 'v' THEN 'views'
                WHEN 'm' THEN 'materialized views' WHEN 'S' THEN 'sequences' ELSE 'tables' END AS kind,
            format('%I.%I %s %s %s', n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity, coalesce(
                (SELECT indisvalid FROM pg_index i WHERE i.indexrelid = c.oid), true)) AS name
        FROM pg_class c JOIN ours n ON n.oid = c.relnamespace
        WHERE c.relkind <> 'c' AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM extended)
        UNION ALL SELECT 'constraints', format('%s %I %s', c.conrelid::regclass, c.conname, c.convalidated)
        FROM pg_constraint c JOIN ours n ON n.oid = c.connamespace WHERE c.contype <> 'n'
        UNION ALL SELECT 'triggers', format('%s %I %s', t.tgrelid::regclass, t.tgname, t.tgenabled)
        FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL SELECT 'policies', format('%s %I %s %s', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive)
        FROM pg_policy p
        UNION ALL SELECT 'functions', p.oid::regprocedure::text
        FROM pg_proc p JOIN ours n ON n.oid = p.pronamespace
        WHERE ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM extended)
        UNION ALL SELECT 'columns', format('%s %I %s %s', a.attrelid::regclass, a.attname,
            format_type(a.atttypid, a.atttypmod), a.attnotnull)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN ours n ON n.oid = c.relnamespace
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
            AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM extended)
        UNION ALL SELECT 'privileges', format('%s %s %s', c.oid::regclass, pg_get_userbyid(a.grantee), a.privilege_type)
        FROM pg_class c JOIN ours n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
        WHERE a.grantee <> c.relowner
    )
    SELECT kind, array_agg(name ORDER BY name COLLATE "C") AS names FROM named GROUP BY kind ORDER BY kind"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A database without its rows; `details` is what a manifest has of it in no field of its own, plain JSON."""

    sequences: Mapping[str, int]
    database: DatabaseState
    revision: str | None
    server_version: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contents(Surroundings):
    """What a database held at a moment."""

    tables: Mapping[str, TableState]


def whole(surroundings: Surroundings, tables: Mapping[str, TableState]) -> Contents:
    """Put the two halves of what a database holds together."""
    known = {field.name: getattr(surroundings, field.name) for field in fields(surroundings)}
    return Contents(**known, tables=tables)


async def contents_of(
    snapshot: Snapshot, *, connections: int = 2, phase: str = "Reading rows", progress: Progress = untold
) -> Contents:
    """Return what a snapshot holds."""
    surroundings = await surroundings_of(snapshot)
    return whole(surroundings, await states_of(snapshot, connections=connections, phase=phase, progress=progress))


async def surroundings_of(snapshot: Snapshot) -> Surroundings:
    """Return a snapshot without its rows; sequences, which know no snapshots, are as they are now."""
    connection = snapshot.connection
    with transient():
        row = await connection.fetchrow(_DATABASE)
        sequences = await _sequences(connection)
        revision = await revision_of(connection)
        objects = {found["kind"]: _digest(found["names"]) for found in await connection.fetch(_OBJECTS)}
        roles = [dict(role) for role in await connection.fetch(_ROLES, LOGIN)]
        owners = [owner["name"] for owner in await connection.fetch(_OWNERS)]
    raw = row["raw"]
    details = {
        "checksums": ALGORITHM,
        "objects": objects,
        "sizes": await sizes_of(snapshot),
        "roles": roles,
        "owners": owners,
        "extensions": row["extensions"],
        "database": {
            "owner": row["owner"],
            "comment": row["comment"],
            "locale": raw.get("datlocale") or raw.get("daticulocale"),
            "connectionLimit": raw["datconnlimit"],
            "settings": row["settings"],
            "privileges": row["privileges"],
        },
    }
    state = DatabaseState(
        name=row["name"],
        encoding=row["encoding"],
        collation=row["collation"],
        ctype=row["ctype"],
        locale_provider=raw.get("datlocprovider", "c"),
        size_bytes=row["size_bytes"],
    )
    return Surroundings(sequences, state, revision, row["server_version"], details)


async def _sequences(connection: Connection) -> dict[str, int]:
    """Return the last value that each sequence has given, or the one before its first."""
    found = {}
    for row in await connection.fetch(_SEQUENCES):
        last, is_called = await connection.fetchrow(f"SELECT last_value, is_called FROM {row['name']}")  # noqa: S608 -- quoted by the server
        found[row["name"]] = last if is_called else last - row["increment"]
    return found


async def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database's schema, None where it was never migrated."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version') IS NULL"):
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM public.alembic_version")
    return revision


def _digest(names: list[str]) -> dict[str, Any]:
    return {"count": len(names), "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}
