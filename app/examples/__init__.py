"""The operations with which GraphiQL opens; each is a file that a test runs against the demo data."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypedDict

FOLDER = Path(__file__).parent


class Example(TypedDict):
    """An operation with a title and its variables as JSON text."""

    title: str
    query: str
    variables: str


def examples(ids: Mapping[str, str]) -> list[Example]:
    """Read the files in order; `<name>.json` beside one holds its variables, with `{{name}}` for what `ids` has."""
    return [{**example, "variables": _filled(example["variables"], ids)} for example in _files()]


@cache
def _files() -> tuple[Example, ...]:
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.graphql"), key=_number))


def _number(path: Path) -> int:
    return int(path.name.partition("_")[0])


def _read(path: Path) -> Example:
    title, _, query = path.read_text().partition("\n")
    variables = path.with_suffix(".json")
    return {
        "title": title.removeprefix("#").strip(),
        "query": query,
        "variables": variables.read_text() if variables.exists() else "",
    }


def _filled(variables: str, ids: Mapping[str, str]) -> str:
    for name, key in ids.items():
        variables = variables.replace(f"{{{{{name}}}}}", key)
    return variables
