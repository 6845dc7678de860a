"""What belongs to a database and stands outside of it: its access list, its settings and its limit of connections.

No dump of a database has them, and a swap by name would lose them.
"""

import re
from typing import Any, Final

from ops.restores.databases import literal, quoted

_LISTS: Final = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Settings whose value is a list of names; the same ones that pg_dump knows. Quoted as one text they would be one."""
_ELEMENT: Final = re.compile(r'\s*("(?:[^"]|"")*"|[^,"]+)\s*(?:,|$)')
_GRANTS: Final = """
    SELECT a.privilege_type AS privilege, a.is_grantable,
        CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END AS grantee
    FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1
"""
_SETTINGS: Final = """
    SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END AS role,
        split_part(setting, '=', 1) AS name, substr(setting, strpos(setting, '=') + 1) AS value
    FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS setting
    WHERE d.datname = $1 ORDER BY 1, 2
"""
_OF: Final = """
    SELECT datconnlimit AS connections, datacl IS NULL AS is_default, pg_get_userbyid(datdba) AS owner
    FROM pg_database WHERE datname = $1
"""


async def copy_properties(cluster: Any, source: str, target: str) -> None:
    """Give a database the access list, the settings and the limit of connections of another one, and no others."""
    async with cluster.transaction():
        for sql in [
            *await _access(cluster, source, target),
            *await _settings(cluster, source, target),
        ]:
            await cluster.execute(sql)
        limit = (await cluster.fetchrow(_OF, source)).connections
        await cluster.execute(f"ALTER DATABASE {quoted(target)} CONNECTION LIMIT {limit}")


async def _access(cluster: Any, source: str, target: str) -> list[str]:
    here, there = await cluster.fetchrow(_OF, source), await cluster.fetchrow(_OF, target)
    if here.is_default and there.is_default:
        return []
    name = quoted(target)
    grantees = {row.grantee for row in await cluster.fetch(_GRANTS, target)} | {None}
    revoked = [f"REVOKE ALL ON DATABASE {name} FROM {_grantee(grantee)}" for grantee in sorted(grantees, key=str)]
    given = [
        f"GRANT {row.privilege} ON DATABASE {name} TO {_grantee(row.grantee)}"
        + (" WITH GRANT OPTION" if row.is_grantable else "")
        for row in await cluster.fetch(_GRANTS, source)
    ]
    if here.is_default:
        given = [
            f"GRANT ALL ON DATABASE {name} TO {quoted(here.owner)}",
            f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC",
        ]
    return [*revoked, *given]


async def _settings(cluster: Any, source: str, target: str) -> list[str]:
    old = {row.role for row in await cluster.fetch(_SETTINGS, target)}
    reset = [f"{_whose(role, target)} RESET ALL" for role in sorted(old, key=str)]
    return reset + [
        f"{_whose(row.role, target)} SET {quoted(row.name)} TO {_value(row.name, row.value)}"
        for row in await cluster.fetch(_SETTINGS, source)
    ]


def _whose(role: str | None, database: str) -> str:
    name = quoted(database)
    return f"ALTER DATABASE {name}" if role is None else f"ALTER ROLE {quoted(role)} IN DATABASE {name}"


def _value(name: str, value: str) -> str:
    if name.lower() not in _LISTS:
        return literal(value)
    elements = [match[1].strip() for match in _ELEMENT.finditer(value) if match[1].strip()]
    plain = [one[1:-1].replace('""', '"') if one.startswith('"') else one for one in elements]
    return ", ".join(map(literal, plain)) or "''"


def _grantee(name: str | None) -> str:
    return "PUBLIC" if name is None else quoted(name)
