"""The databases of the server that a restore works on, and the notes in their comments that say what each one is.

Nothing else is written down of a swap: whoever finds databases in the middle of one can tell from names, flags and
notes alone what has been done. A note is a comment that begins with `maestro `; it carries the database's own comment,
which comes back when the note goes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain, count
from typing import Any, Final

import orjson

from maestro.db.rows import Row
from maestro.errors import Conflict, PreflightFailed

LONGEST: Final = 63
"""Bytes in a name of PostgreSQL."""
_NOTED: Final = "maestro "
# By name: the columns that tell of the locale differ from version to version.
_DATABASES: Final = """
    SELECT d.datname AS name, d.datallowconn AS is_open, pg_get_userbyid(d.datdba) AS owner,
        shobj_description(d.oid, 'pg_database') AS comment, to_jsonb(d) AS columns,
        pg_encoding_to_char(d.encoding) AS encoding, t.spcname AS tablespace
    FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
"""


class Role(StrEnum):
    """What a database with a note is."""

    FENCED = "FENCED"
    """In use, and closed for the moment in which another one takes its place."""
    KEPT = "KEPT"
    """Replaced by another one, and kept for the way back."""
    SHADOW = "SHADOW"
    """Being filled, to take the place of another one."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a database is, of which other one, and by which restore; its own comment is `comment`."""

    role: Role
    of: str
    by: str
    at: datetime | None = None
    """When it was replaced."""
    until: datetime | None = None
    """Until when it is kept."""
    comment: str | None = None

    @property
    def text(self) -> str:
        """The note as the database's comment."""
        told = {
            "role": self.role,
            "of": self.of,
            "by": self.by,
            "at": self.at,
            "until": self.until,
            "comment": self.comment,
        }
        return _NOTED + orjson.dumps({name: value for name, value in told.items() if value is not None}).decode()

    @classmethod
    def read(cls, comment: str | None) -> "Note | None":
        """Return the note in a comment, None where it is somebody's own."""
        if comment is None or not comment.startswith(_NOTED):
            return None
        try:
            told = orjson.loads(comment.removeprefix(_NOTED))
            times = {name: datetime.fromisoformat(told[name]) for name in ("at", "until") if name in told}
            return cls(Role(told["role"]), told["of"], told["by"], comment=told.get("comment"), **times)
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Found:
    """A database as it is."""

    name: str
    is_open: bool
    """Whether it accepts connections."""
    owner: str
    comment: str | None
    """Its own comment."""
    note: Note | None
    row: Row


async def all_of(cluster: Any) -> list[Found]:
    """Return every database of the server."""
    return [_found(row) for row in await cluster.fetch(f"{_DATABASES} ORDER BY d.datname")]


async def find(cluster: Any, name: str) -> Found | None:
    """Return a database by its name."""
    row = await cluster.fetchrow(f"{_DATABASES} WHERE d.datname = $1", name)
    return None if row is None else _found(row)


async def noted(cluster: Any, role: Role, *, of: str, by: str | None = None) -> list[Found]:
    """Return the databases with a note: what they are, of which database, and perhaps by which restore."""
    return [
        one
        for one in await all_of(cluster)
        if one.note is not None and (one.note.role, one.note.of) == (role, of) and by in (None, one.note.by)
    ]


async def write_note(cluster: Any, name: str, note: Note | None, *, comment: str | None = None) -> None:
    """Put a note on a database, or its own comment back."""
    told = comment if note is None else note.text
    await cluster.execute(f"COMMENT ON DATABASE {quoted(name)} IS {'NULL' if told is None else literal(told)}")


async def set_open(cluster: Any, name: str, *, is_open: bool) -> None:
    """Let a database accept connections, or no more."""
    await cluster.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS {'true' if is_open else 'false'}")


async def create_shadow(cluster: Any, name: str, *, by: str) -> str:
    """Make an empty database beside another one, with its owner, encoding and locale, and return its name.

    One that the same restore has left behind is dropped first: nobody knows how far it was filled.
    """
    model = await find(cluster, name)
    if model is None:
        raise PreflightFailed(f"There is no database {name}.", checks=[f"the database {name} exists"])
    shadow = shadow_of(name, by)
    left = await find(cluster, shadow)
    # Killed between making and noting it, a restore leaves one that says nothing.
    if left is not None and ((left.note and left.note.role) not in (None, Role.SHADOW) or left.comment is not None):
        raise Conflict(f"There is another database {shadow}.", hint="Rename it, then start the restore again.")
    await drop(cluster, shadow)
    options = " ".join(_options(model))
    await cluster.execute(f"CREATE DATABASE {quoted(shadow)} TEMPLATE template0 {options}")
    await write_note(cluster, shadow, Note(Role.SHADOW, name, by))
    return shadow


async def drop(cluster: Any, name: str) -> None:
    """Drop a database, ending whoever works on it."""
    await cluster.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def shadow_of(name: str, by: str) -> str:
    """Return the name of the shadow by which a restore replaces a database."""
    # The end of an id is what differs most between two.
    return _with_suffix(name, f"_shadow_{by.replace('-', '')[-12:].lower()}")


def kept_name(name: str, at: datetime, taken: Collection[str]) -> str:
    """Return a free name under which a database is kept that was replaced at a time."""
    first = _with_suffix(name, f"_before_{at:%Y%m%d%H%M%S}")
    others = (_with_suffix(name, f"_before_{at:%Y%m%d%H%M%S}_{number}") for number in count(2))
    return next(one for one in chain([first], others) if one not in taken)


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL writes it, whatever the server takes a backslash for."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _with_suffix(name: str, suffix: str) -> str:
    room = LONGEST - len(suffix.encode())
    return name.encode()[:room].decode(errors="ignore") + suffix


def _found(row: Row) -> Found:
    note = Note.read(row.comment)
    own = row.comment if note is None else note.comment
    return Found(row.name, row.is_open, row.owner, own, note, row)


def _options(model: Found) -> Sequence[str]:
    """Return the options of CREATE DATABASE by which a new one is like another."""
    columns = model.row.columns
    options = [
        f"OWNER {quoted(model.owner)}",
        f"ENCODING {literal(model.row.encoding)}",
        f"TABLESPACE {quoted(model.row.tablespace)}",
        f"LC_COLLATE {literal(columns['datcollate'])}",
        f"LC_CTYPE {literal(columns['datctype'])}",
    ]
    locale = columns.get("datlocale") or columns.get("daticulocale")
    match columns.get("datlocprovider"):
        case "i":
            options += ["LOCALE_PROVIDER icu", f"ICU_LOCALE {literal(locale)}"]
            if columns.get("daticurules"):
                options.append(f"ICU_RULES {literal(columns['daticurules'])}")
        case "b":
            options += ["LOCALE_PROVIDER builtin", f"BUILTIN_LOCALE {literal(locale)}"]
        case _:
            options.append("LOCALE_PROVIDER libc")
    return options
