"""What a statement of Snowflake may do, told by its words before it is sent, as no transaction only reads there.

Its text is cut into words, names, literals and comments like Snowflake cuts it; what is ambiguous is refused.
A statement reads when it, and each statement that it hands its rows to, begins like one that only reads.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from maestro.errors import Forbidden, InvalidInput
from maestro.vendor_errors import NotSupported

_TOKEN: Final = re.compile(
    r"""
      (?P<blank>    \s+ | (?:--|//)[^\n]* )
    | (?P<comment>  /\*(?P<inside>.*?)\*/ )
    | (?P<text>     '(?:[^'\\]|''|\\.)*' | \$\$.*?\$\$ )
    | (?P<name>     "(?:[^"]|"")*" )
    | (?P<word>     [^\W\d][\w$]* )
    | (?P<flow>     ->> )
    | (?P<broken>   ['"] | /\* | \$\$ )
    | (?P<sign>     \d[\w.]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_READS: Final = frozenset({"SELECT", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "LIST", "LS", "VALUES"})
_COUNTED: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
"""What answers how many rows it has changed, and nothing else."""
_CHANGES: Final = frozenset({*_COUNTED, "COPY"})
"""What can be undone in a transaction; everything else that writes commits by itself."""
_WRITES: Final = frozenset(
    {*_CHANGES, "CREATE", "ALTER", "DROP", "UNDROP", "TRUNCATE", "GRANT", "REVOKE", "COMMENT", "REMOVE", "RM"}
    | {"CALL", "EXECUTE", "PROCEDURE"}
)
_FILES: Final = frozenset({"PUT", "GET"})
_STATE: Final = frozenset({"USE", "SET", "UNSET", "BEGIN", "START", "COMMIT", "ROLLBACK"})
_AFTER_WITH: Final = frozenset({"SELECT", "CALL", "PROCEDURE", *_CHANGES})
_SYSTEM: Final = "SYSTEM$"
_HARMLESS: Final = frozenset(
    f"{_SYSTEM}{name}"
    for name in (
        "CLUSTERING_DEPTH",
        "CLUSTERING_INFORMATION",
        "ESTIMATE_QUERY_ACCELERATION",
        "EXPLAIN_JSON_TO_TEXT",
        "EXPLAIN_PLAN_JSON",
        "TYPEOF",
        "WAIT",
    )
)
"""The functions of the system that change nothing."""
_NO_STATE: Final = "Each statement has a session for itself: name things in full, and open a transaction for several."


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    depth: int
    """In how many parentheses it stands."""
    position: int


def is_change(statement: str) -> bool:
    """Whether a statement changes rows, so that it can be undone until it is committed."""
    return _parts(statement)[0][0].text in _CHANGES


def is_counted(statement: str) -> bool:
    """Whether a statement answers how many rows it has changed."""
    return _parts(statement)[0][0].text in _COUNTED


def is_read(statement: str) -> bool:
    """Whether a statement only reads."""
    try:
        check(statement, is_writing=False)
    except (Forbidden, InvalidInput):
        return False
    return True


def check(statement: str, *, is_writing: bool) -> None:
    """Refuse a statement that does more than it may, or what this connector never does.

    Forbidden for a write where only reads are allowed, and for files of this machine; InvalidInput for none or several
    statements, for one whose text is ambiguous, and for one that only changes the session.
    """
    for part in _parts(statement):
        first = part[0].text
        if first in _FILES:
            raise Forbidden(
                f"{first} would read or write files of this server.",
                hint="Insert rows through the connector, or load from a stage in the cloud.",
            )
        if first in _STATE or (first == "ALTER" and part[1:] and part[1].text == "SESSION"):
            raise InvalidInput(f"{first} changes a session, which no other statement has.", hint=_NO_STATE)
        if not is_writing:
            _check_read(part)


def _check_read(part: Sequence[_Token]) -> None:
    first = part[0].text
    if first == "WITH":
        first = next((one.text for one in part if one.depth == 0 and one.text in _AFTER_WITH), first)
    if first in _WRITES:
        raise Forbidden(f"{first} may write, and only reads are allowed here.", hint="Run it as a write.")
    if first not in _READS:
        raise InvalidInput(f"No read of Snowflake begins with {first[:40]}.", position=part[0].position)
    for one in part:
        if one.text.startswith(_SYSTEM) and one.text not in _HARMLESS:
            raise Forbidden(
                f"{one.text} may change something, and only reads are allowed here.", hint="Run it as a write."
            )


def _parts(statement: str) -> list[list[_Token]]:
    """Return the words and names of each statement in a chain, which hands its rows to the next one by `->>`."""
    parts: list[list[_Token]] = [[]]
    has_ended = False
    for one in _tokens(statement):
        if one.kind == "sign" and one.text == ";":
            has_ended = True
            continue
        if has_ended:
            raise InvalidInput("There is more than one statement.", hint="Send them one after the other.")
        if one.kind == "flow":
            parts.append([])
        elif one.kind in ("word", "name"):
            parts[-1].append(one)
        elif not parts[-1] and one.text != "(":
            raise InvalidInput(f"A statement does not begin with {one.text[:20]}.")
    if not all(parts):
        raise InvalidInput("There is no statement.")
    return parts


def _tokens(statement: str) -> Iterator[_Token]:
    depth = 0
    for found in _TOKEN.finditer(statement):
        kind, text = found.lastgroup or "", found[0]
        if kind == "broken" or "/*" in (found["inside"] or ""):
            raise InvalidInput(
                f"The text, name or comment at character {found.start() + 1} has no end, or has two.",
                position=found.start() + 1,
            )
        if kind in ("blank", "comment", "inside"):
            continue
        depth -= text == ")"
        yield _Token(kind, text.strip('"').upper() if kind in ("word", "name") else text, depth, found.start() + 1)
        depth += text == "("


def placeholders(statement: str) -> int:
    """Return how many parameters a statement takes."""
    return sum(one.kind == "sign" and one.text == "?" for one in _tokens(statement))


def check_parameters(statement: str, given: int) -> None:
    """Refuse more or fewer parameters than a statement takes."""
    wanted = placeholders(statement)
    if given != wanted:
        raise InvalidInput(f"The statement takes {wanted} parameters, and {given} are given.")


def quoted(*names: str) -> str:
    """Return a name, or the parts of one, as it is written where it holds odd characters."""
    if any("\0" in name for name in names):
        raise NotSupported("A name holds the character NUL.")
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)
