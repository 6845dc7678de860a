"""Operations that schemathesis makes up from the schema: whatever is sent, nothing unexpected happens on the server."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import schemathesis
from graphql import ValueNode, parse_value
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.app.conftest import migrated

EXAMPLES: Final = {"Query": 5, "Mutation": 2}
UNLIMITED: Final = {
    **{f"MAESTRO_RATE_LIMIT_{bucket}": "off" for bucket in ("REQUESTS", "COST", "INGEST")},
    **{f"MAESTRO_MAX_{measure}": "100000" for measure in ("ALIASES", "DIRECTIVES", "ROOT_FIELDS", "FIELDS")},
    "MAESTRO_MAX_DEPTH": "150",
    "MAESTRO_MAX_COST": "1000000000",
}

COLUMNS: Final = st.lists(
    st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False)), max_size=3
)
TEXTS: Final = st.sampled_from(["", "x", "status = FINISHED", "metrics.loss < 1 AND", "\u0000", "é" * 300])


def written(value: Any) -> ValueNode:
    return parse_value(json.dumps(value))


def literals(of: st.SearchStrategy[Any]) -> st.SearchStrategy[ValueNode]:
    return of.map(written)


SAVED: Final = {"Model": "RegisteredModel"}


@dataclass(frozen=True)
class Target:
    """A server without limits, asked by its owner, and the ids of some objects by the names of their types."""

    http: httpx.Client
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, query: str, **variables: Any) -> httpx.Response:
        return self.http.post("/graphql", json={"query": query, "variables": variables})

    def make(self, kind: str, **given: str) -> None:
        """Make an object, to be met by operations that are made up."""
        saved = f"... on {SAVED.get(kind, kind)}Saved {{ {kind.lower()} {{ id }} }}"
        query = f"mutation ($i: Create{kind}Input!) {{ create{kind}(input: $i) {{ {saved} }} }}"
        answer = self.ask(query, i=given).json()
        self.ids[kind] = answer["data"][f"create{kind}"][kind.lower()]["id"]

    def nearer(self, query: str) -> str:
        """Put ids that exist, and pages that there can be, into a text, so that it comes further."""
        for kind, key in self.ids.items():
            query = re.sub(rf'(?i)\b({kind}Id): "[^"]*"', rf'\1: "{key}"', query)
        anything = iter([*self.ids.values()] * 100)
        query = re.sub(r'\b(id|ids): (\[?)"[^"]*"', lambda found: f'{found[1]}: {found[2]}"{next(anything)}"', query)
        query = re.sub(r"\bfirst: -?\w+", "first: 2", query)
        return re.sub(r'\b(last|after|before|filterText|search): ("[^"]*"|-?\w+)', r"\1: null", query)


@pytest.fixture(scope="module")
def target(reachable_folder: Path, initialised: Path) -> Iterator[Target]:
    """A server to be fuzzed."""
    with migrated(reachable_folder, initialised) as program, program.serving(**UNLIMITED) as running:
        made = running.program.invoke("key", "create", "--name", "fuzz")
        headers = {"authorization": f"Bearer {made.stdout.strip()}"}
        with httpx.Client(base_url=running.url, headers=headers, timeout=60, trust_env=False) as http:
            one = Target(http)
            one.make("Project", name="p")
            one.make("Experiment", name="e", projectId=one.ids["Project"])
            one.make("Run", experimentId=one.ids["Experiment"])
            one.make("Model", name="m", projectId=one.ids["Project"])
            one.make("Artifact", name="a", type="dataset", projectId=one.ids["Project"])
            yield one


@pytest.fixture(scope="module")
def operations(target: Target) -> dict[str, list[Any]]:
    """The operations that schemathesis finds by introspection, by the type of their root."""
    schemathesis.graphql.scalar("Secret", literals(TEXTS))
    for name in ("FloatColumn", "IntColumn"):
        schemathesis.graphql.scalar(name, literals(COLUMNS))
    schemathesis.graphql.scalar("JSON", st.sampled_from(["{a: [1, {b: null}]}", '"x"', "1e9", "[]"]).map(parse_value))
    found = schemathesis.graphql.from_url(str(target.http.base_url.join("/graphql")), headers=dict(target.http.headers))
    made: dict[str, list[Any]] = {"Query": [], "Mutation": []}
    for result in found.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        made[operation.label.partition(".")[0]].append(operation)
    return made


@dataclass
class Outcome:
    """What became of the operations that were sent."""

    answered: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    def note(self, label: str, query: str, answer: httpx.Response) -> None:
        codes = [error["extensions"]["code"] for error in answer.json().get("errors", [])]
        self.answered.update(codes or ["data"])
        if answer.status_code >= 500 or "INTERNAL_SERVER_ERROR" in codes:
            self.wrong[label] = f"{query}\n{answer.text[:500]}"


def send(operation: Any, target: Target, outcome: Outcome, *, examples: int) -> None:
    """Make up some forms of one operation, and send each as it is and nearer to what there is."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def sent(case: Any) -> None:
        for query in (case.body, target.nearer(case.body)):
            outcome.note(operation.label, query, target.ask(query))

    sent()


@pytest.mark.parametrize("root", EXAMPLES)
def test_nothing_unexpected_happens_on_operations_that_are_made_up(
    target: Target, operations: dict[str, list[Any]], root: str
) -> None:
    outcome = Outcome()
    for operation in operations[root]:
        send(operation, target, outcome, examples=EXAMPLES[root])
    assert outcome.wrong == {}
    assert outcome.answered["data"]
