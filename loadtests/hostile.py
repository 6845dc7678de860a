"""Operations that nobody means well: each has to be answered with a code, cheaply, and the server lives on.

`python -m loadtests.figures hostile` measures them, and the tests send them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

TOO_COMPLEX: Final = "OPERATION_TOO_COMPLEX"
INVALID: Final = "GRAPHQL_VALIDATION_FAILED"
UNREAD: Final = "GRAPHQL_PARSE_FAILED"
TOO_LARGE: Final = "PAYLOAD_TOO_LARGE"
BAD_INPUT: Final = "BAD_USER_INPUT"
CONFIG: Final = 'mutation ($json: JSON) { createRun(input: {experimentId: "x", config: $json}) { __typename } }'
BY_IDS: Final = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"
FILTERED: Final = "query ($f: RunFilter) { runs(filter: $f) { __typename } }"
BACK: Final = "%s: runs { nodes { project { ...F%s } } }"


@dataclass(frozen=True, slots=True)
class Hostile:
    """One operation, and the codes with which it may be refused."""

    query: str
    codes: tuple[str, ...] = (TOO_COMPLEX,)
    variables: dict[str, Any] = field(default_factory=dict)

    def body(self, number: int = 0) -> bytes:
        """Return the body of a request; its document is another one for each number, so that no cache knows it."""
        return json.dumps({"query": f"{self.query} #{number}", "variables": self.variables}).encode()


def each(count: int, text: Callable[[int], str]) -> str:
    """Return texts, one after the other."""
    return " ".join(text(number) for number in range(count))


def chain(length: int, text: Callable[[int], str], end: str = "__typename") -> str:
    """Return fragments on Query, each with a text that may spread the next one."""
    made = each(length, lambda number: f"fragment F{number} on Query {{ {text(number)} }}")
    return f"{{ ...F0 }} {made} fragment F{length} on Query {{ {end} }}"


def nested(depth: int, around: str, inside: str) -> str:
    """Return something within brackets within brackets; `around` has it at `%s`."""
    opening, closing = around.split("%s")
    return opening * depth + inside + closing * depth


def deep(depth: int) -> list[Any]:
    """Return a list within a list within a list."""
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


CORPUS: Final[dict[str, Hostile]] = {
    # fragments
    "a bomb of 2^18 fields": Hostile(chain(18, lambda n: f"...F{n + 1} ...F{n + 1}")),
    "a bomb of 3^90 fields": Hostile(chain(90, lambda n: f"...F{n + 1} ...F{n + 1} ...F{n + 1}")),
    "a bomb with aliases": Hostile(
        chain(18, lambda n: f"a: viewer {{ __typename }} b{n}: __typename ...F{n + 1} ...F{n + 1}")
    ),
    "a bomb of nested fields": Hostile(
        "{ projects { nodes { ...F0 } } } "
        + each(
            14,
            lambda n: f"fragment F{n} on Project {{ {BACK % ('a', n + 1)} {BACK % ('b', n + 1)} }}",
        )
        + " fragment F14 on Project { id }"
    ),
    "a fragment in itself": Hostile("{ ...F } fragment F on Query { ...F }", (INVALID,)),
    "a cycle of fragments": Hostile(chain(90, lambda n: f"...F{n + 1}", "...F0"), (INVALID, TOO_COMPLEX)),
    "many cycles": Hostile(
        "{ ...F0 } " + each(90, lambda n: f"fragment F{n} on Query {{ ...F{(n + 1) % 90} ...F{(n + 7) % 90} }}"),
        (INVALID, TOO_COMPLEX),
    ),
    "a long chain of fragments": Hostile(chain(190, lambda n: f"...F{n + 1}")),
    "unknown fragments": Hostile("{" + each(45, lambda n: f"...F{n}") + "}", (INVALID, TOO_COMPLEX)),
    "unused fragments": Hostile(
        "{ __typename } " + each(190, lambda n: f"fragment F{n} on Query {{ a{n}: __typename }}"),
        (INVALID, TOO_COMPLEX),
    ),
    "fragments of unknown types": Hostile(
        "{" + each(45, lambda n: f"...F{n}") + "}" + each(95, lambda n: f"fragment F{n} on Typ{n} {{ __typename }}"),
        (INVALID, TOO_COMPLEX),
    ),
    # pairs that validation compares
    "fragments side by side": Hostile(
        "{ viewer { __typename } "
        + each(45, lambda n: f"...F{n}")
        + "}"
        + each(45, lambda n: f"fragment F{n} on Query {{ __typename viewer {{ organization {{ id name }} }} }}")
    ),
    "fragments side by side with fields": Hostile(
        "{"
        + each(190, lambda n: f"...F{n}")
        + "}"
        + each(190, lambda n: f"fragment F{n} on Query {{ a{n}: __typename }}"),
    ),
    "conflicting aliases": Hostile("{" + each(1_500, lambda n: f"a: f{n}") + "}"),
    "few conflicting aliases": Hostile("{" + each(50, lambda n: f"a: f{n}") + "}", (INVALID, TOO_COMPLEX)),
    "one field again and again": Hostile("{ viewer {" + "__typename " * 790 + "} }"),
    "one field with other arguments": Hostile(
        "{" + each(300, lambda n: f"projects(first: {n}) {{ __typename }}") + "}"
    ),
    "objects that overlap": Hostile("{ viewer {" + each(150, lambda _: "organization { id name slug }") + "} }"),
    "overlapping objects in depth": Hostile(
        "{ projects { "
        + nested(6, "nodes { runs { nodes { project { %s} } } } nodes { runs { nodes { project { id } } } }", "id ")
        + " } }",
        (INVALID, TOO_COMPLEX),
    ),
    "inline fragments that overlap": Hostile(
        "{ viewer {" + each(390, lambda n: f"... on Viewer {{ id{n % 3} }}") + "} }", (INVALID, TOO_COMPLEX)
    ),
    # much of one thing
    "10,000 aliases": Hostile("{" + each(10_000, lambda n: f"a{n}: __typename") + "}"),
    "800 aliases": Hostile("{" + each(800, lambda n: f"a{n}: __typename") + "}"),
    "10,000 directives": Hostile("{ __typename " + "@skip(if: false) " * 10_000 + "}"),
    "500 directives": Hostile("{ __typename " + "@skip(if: false) " * 500 + "}"),
    "unknown directives": Hostile("{ __typename " + each(1_900, lambda n: f"@d{n}") + "}"),
    "a few unknown directives": Hostile("{ __typename " + each(99, lambda n: f"@d{n}") + "}", (INVALID,)),
    "more selections than are read": Hostile("{ viewer {" + "id " * 3_900 + "} }"),
    "fields of many objects": Hostile(
        "{ projects { nodes {" + each(190, lambda n: f"r{n}: runs {{ nodes {{ id }} }}") + " nothing } } }",
        (INVALID,),
    ),
    "values of every kind": Hostile(
        "{ runs(filterText: 1, filter: {and: [" + each(400, lambda _: "{name: {eq: 1}}") + "]}) { __typename } }",
        (INVALID,),
    ),
    "many root fields": Hostile("{" + each(100, lambda n: f"a{n}: __typename") + "}"),
    "unknown fields": Hostile("{ viewer {" + each(790, lambda n: f"prjects{n}") + "} }", (INVALID, TOO_COMPLEX)),
    "unknown arguments": Hostile(
        "{ projects(" + each(900, lambda n: f"frst{n}: 1") + ") { __typename } }", (INVALID, TOO_COMPLEX)
    ),
    "unknown types of variables": Hostile(
        "query (" + each(900, lambda n: f"$v{n}: Projct{n}") + ") { __typename }", (INVALID, TOO_COMPLEX)
    ),
    "many variables": Hostile(
        "query (" + each(900, lambda n: f"$v{n}: Int") + ") { projects(first: $v0) { __typename } }",
        (INVALID, TOO_COMPLEX),
    ),
    "variables that are not defined": Hostile(
        "{ nodes(ids: [" + each(1_900, lambda n: f"$v{n}") + "]) { __typename } }", (INVALID, TOO_COMPLEX)
    ),
    "many operations": Hostile(each(800, lambda n: f"query Q{n} {{ __typename }}")),
    "many operations over many fragments": Hostile(
        each(50, lambda n: f"query Q{n}($v: Int) {{ ...F0 }} ")
        + each(48, lambda n: f"fragment F{n} on Query {{ ...F{n + 1} a{n}: projects(first: $v) {{ __typename }} }}")
        + " fragment F48 on Query { __typename }",
        (TOO_COMPLEX, INVALID),
    ),
    "operations of one name": Hostile(each(95, lambda _: "query Q { __typename }"), (INVALID, TOO_COMPLEX)),
    "definitions of types": Hostile(
        each(190, lambda n: f"type T{n} {{ a: Int b: T{n} }}"), (INVALID, TOO_COMPLEX, "BAD_REQUEST")
    ),
    "introspection in depth": Hostile(
        "{ __schema { types { " + nested(6, "fields { type { %s } }", "name") + " } } }", (INVALID, TOO_COMPLEX)
    ),
    # long and deep
    "brackets without an end": Hostile("{" * 50_000),
    "deep selections": Hostile(nested(5_000, "{ viewer %s}", "")),
    "selections at the bound": Hostile(nested(99, "{ viewer %s}", ""), (TOO_COMPLEX, UNREAD)),
    "deep inline fragments": Hostile("{" + nested(98, "... { %s}", "nothing") + "}", (TOO_COMPLEX, INVALID)),
    "deep lists": Hostile("{ nodes(ids: " + nested(3_000, "[%s]", "1") + ") { __typename } }"),
    "lists at the bound": Hostile("{ nodes(ids: " + nested(95, "[%s]", "1") + ") { __typename } }", (INVALID,)),
    "deep objects": Hostile("{ runs(filter: " + nested(3_000, "{not: %s}", "{}") + ") { __typename } }"),
    "objects at the bound": Hostile(
        "{ runs(filter: " + nested(95, "{not: %s}", "{}") + ") { __typename } }", (BAD_INPUT, INVALID)
    ),
    "deep types of variables": Hostile("query ($v: " + nested(3_000, "[%s]", "Int") + ") { __typename }"),
    "a huge integer": Hostile("{ projects(first: " + "9" * 99_000 + ") { __typename } }", (INVALID,)),
    "a huge float": Hostile("{ projects(first: 1e" + "9" * 99_000 + ") { __typename } }", (INVALID,)),
    "a huge name": Hostile("{" + "x" * 99_000 + "}", (INVALID,)),
    "a huge string": Hostile('{ projects(filterText: "' + "x" * 99_000 + '") { __typename } }', (BAD_INPUT,)),
    "a huge block string": Hostile(
        '{ projects(filterText: """' + "x\n" * 49_000 + '""") { __typename } }', (BAD_INPUT,)
    ),
    "a string of escapes": Hostile(
        '{ projects(filterText: "' + "\\u0041" * 16_000 + '") { __typename } }', (BAD_INPUT,)
    ),
    "a huge comment": Hostile("# " + "x" * 99_000 + "\n{", (UNREAD,)),
    "many comments": Hostile("#\n" * 50_000 + "{"),
    "nothing but commas": Hostile("{" + "," * 99_000, (UNREAD,)),
    "a megabyte": Hostile("{" + "__typename " * 100_000 + "}"),
    # variables
    "deep JSON in a variable": Hostile(CONFIG, (TOO_COMPLEX,), {"json": deep(900)}),
    "deep JSON at the bound": Hostile(CONFIG, (BAD_INPUT, "NOT_FOUND"), {"json": {"a": deep(97)}}),
    "a deep filter in a variable": Hostile(FILTERED, variables={"f": {"not": {"not": {"not": deep(200)}}}}),
    "a variable of many lists": Hostile(BY_IDS, (BAD_INPUT,), {"ids": [[] for _ in range(7_400)]}),
    "more objects than are read": Hostile(
        FILTERED, variables={"f": {"and": [{"name": {"eq": "x"}} for _ in range(4_900)]}}
    ),
    "more values than are read": Hostile(BY_IDS, variables={"ids": ["x"] * 50_000}),
    "as many values as are read": Hostile(BY_IDS, (BAD_INPUT,), {"ids": ["x"] * 29_900}),
    "as many objects as are read": Hostile(
        FILTERED, (BAD_INPUT,), {"f": {"and": [{"name": {"eq": "x"}} for _ in range(400)]}}
    ),
    "a body of 5 MB": Hostile(CONFIG, (TOO_LARGE,), {"json": "x" * 5_000_000}),
    "4 MB of lists": Hostile(CONFIG, (TOO_LARGE,), {"json": [[]] * 950_000}),
    "4 MB of objects": Hostile(CONFIG, (TOO_LARGE,), {"json": [{}] * 950_000}),
    "4 MB of digits": Hostile(CONFIG, (TOO_LARGE,), {"json": [1] * 1_250_000}),
    "as many digits as are read": Hostile(CONFIG, (BAD_INPUT,), {"json": [1] * 599_000}),
    "as many lists as are read": Hostile(CONFIG, variables={"json": [[]] * 99_000}),
    "a scalar of many lists": Hostile(CONFIG, variables={"json": {"a": [[]] * 30_000}}),
    "a scalar of many numbers": Hostile(CONFIG, (BAD_INPUT,), {"json": {"a": [1] * 200_000}}),
    # cost
    "pages of pages": Hostile(
        "{ projects(first: 1000) { nodes { runs(first: 1000) { nodes { params { key } } } } } }", (TOO_COMPLEX,)
    ),
}
"""By a name for each."""
