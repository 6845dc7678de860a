"""The five operations in the words of each schema, and the one form in which their answers are compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from loadtests.peers.ground import Ground
from maestro import ids

PAGE, WIDE, PROJECTS, EXPERIMENTS, RUNS = 20, 1000, 5, 5, 17
"""Items of lists; 5 projects of 5 experiments of 17 runs are 8,106 objects, with their params and metrics."""
TITLES: Final = {
    "Q1": "one project, 3 fields",
    "Q2": "20 runs with params, metrics, user",
    "Q3": "1,000 runs of 10 scalars",
    "Q4": "nested, 8,106 objects",
    "Q5": "10,000 points of a metric",
}
SCALARS: Final = "number name status notes version startedAt endedAt createdAt updatedAt"
MOMENTS: Final = frozenset({"startedAt", "endedAt", "createdAt", "updatedAt"})
WHOLE: Final = frozenset({"number", "version", "step"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of a schema: the text of each operation, its variables, and what fields are called in all schemas."""

    texts: Mapping[str, str]
    variables: Callable[[Ground], dict[str, dict[str, str]]]
    names: Mapping[str, str]

    def bodies(self, ground: Ground) -> dict[str, dict[str, Any]]:
        """Return what is sent for each operation."""
        variables = self.variables(ground)
        return {name: {"query": text, "variables": variables.get(name, {})} for name, text in self.texts.items()}

    def neutral(self, data: Any) -> Any:
        """Return an answer's data as all servers tell it: names, ids, moments and numbers alike, lists as lists."""
        if isinstance(data, list):
            return [self.neutral(one) for one in data]
        if not isinstance(data, dict):
            return data
        told: dict[str, Any] = {}
        for key, value in data.items():
            name = self.names.get(key, key)
            if name == "key" and isinstance(value, dict):
                told["name"] = value["name"]
            else:
                told[name] = _plain(name, self.neutral(_listed(name, value)))
        return told


def _listed(name: str, value: Any) -> Any:
    """Return the list that is in a connection or in columns."""
    if isinstance(value, dict) and "nodes" in value:
        return value["nodes"]
    if name == "points" and isinstance(value, dict):
        return [{"step": step, "value": one} for step, one in zip(value["step"], value["value"], strict=True)]
    return value


def _plain(name: str, value: Any) -> Any:
    """Return a value as all write it; the metrics of a run by name, since not all schemas can sort them so."""
    match name:
        case "id":
            return value.rpartition("_")[2].replace("-", "")
        case "metrics":
            return sorted(value, key=lambda one: one["name"])
        case _ if name in MOMENTS and value is not None:
            return datetime.fromisoformat(value).timestamp()
        case _ if name in WHOLE:
            return int(value)
    return value


def leaves(data: Any) -> int:
    """Count the values in data: what is neither a list nor an object."""
    if isinstance(data, dict | list):
        return sum(leaves(one) for one in (data.values() if isinstance(data, dict) else data))
    return 1


def _ours(ground: Ground) -> dict[str, dict[str, str]]:
    return {
        "Q1": {"id": ids.encode(ids.Kind.Project, ground.project)},
        "Q5": {"id": ids.encode(ids.Kind.MetricSeries, ground.series)},
    }


def _theirs(ground: Ground) -> dict[str, dict[str, str]]:
    return {"Q1": {"id": str(ground.project)}, "Q5": {"id": str(ground.series)}}


OURS: Final = Dialect(
    {
        "Q1": "query Q1($id: ID!) { project(id: $id) { id name description } }",
        "Q2": f"""query Q2 {{ runs(first: {PAGE}) {{ nodes {{
          id name status startedAt
          params {{ key text }} metricSummaries {{ name last }} createdBy {{ id name }} }} }} }}""",
        "Q3": f"query Q3 {{ runs(first: {WIDE}) {{ nodes {{ id {SCALARS} }} }} }}",
        "Q4": f"""query Q4 {{ projects(first: {PROJECTS}) {{ nodes {{
          id name experiments(first: {EXPERIMENTS}) {{ nodes {{
            id name runs(first: {RUNS}) {{ nodes {{
              id name params {{ key text }} metricSummaries {{ name last }} }} }} }} }} }} }} }}""",
        "Q5": """query Q5($id: ID!) {
          node(id: $id) { ... on MetricSeries { id points(first: 10000) { step value } } } }""",
    },
    _ours,
    {"metricSummaries": "metrics", "node": "series"},
)
PLAIN: Final = Dialect(
    {
        "Q1": "query Q1($id: ID!) { project(id: $id) { id name description } }",
        "Q2": f"""query Q2 {{ runs(first: {PAGE}) {{
          id name status startedAt params {{ key text }} metrics {{ name last }} createdBy {{ id name }} }} }}""",
        "Q3": f"query Q3 {{ runs(first: {WIDE}) {{ id {SCALARS} }} }}",
        "Q4": f"""query Q4 {{ projects(first: {PROJECTS}) {{
          id name experiments(first: {EXPERIMENTS}) {{
            id name runs(first: {RUNS}) {{
              id name params {{ key text }} metrics {{ name last }} }} }} }} }}""",
        "Q5": "query Q5($id: ID!) { series(id: $id) { id points(first: 10000) { step value } } }",
    },
    _theirs,
    {},
)
"""The schema that somebody would write for these tables by hand, in Strawberry and in Mercurius."""
STRAWBERRY: Final = Dialect(
    {name: text.replace("$id: ID!", "$id: UUID!") for name, text in PLAIN.texts.items()}, _theirs, {}
)
POSTGRAPHILE: Final = Dialect(
    {
        "Q1": "query Q1($id: UUID!) { projectByRowId(rowId: $id) { rowId name description } }",
        "Q2": f"""query Q2 {{ allRuns(first: {PAGE}, orderBy: PRIMARY_KEY_DESC) {{ nodes {{
          rowId name status startedAt paramsByRunId {{ nodes {{ key text }} }}
          metricSeriesByRunId {{ nodes {{ metricKeyByKeyId {{ name }} vLast }} }}
          userByCreatedById {{ rowId name }} }} }} }}""",
        "Q3": f"query Q3 {{ allRuns(first: {WIDE}, orderBy: PRIMARY_KEY_DESC) {{ nodes {{ rowId {SCALARS} }} }} }}",
        "Q4": f"""query Q4 {{ allProjects(first: {PROJECTS}, orderBy: PRIMARY_KEY_DESC) {{ nodes {{
          rowId name experimentsByProjectId(first: {EXPERIMENTS}, orderBy: PRIMARY_KEY_DESC) {{ nodes {{
            rowId name runsByExperimentId(first: {RUNS}, orderBy: PRIMARY_KEY_DESC) {{ nodes {{
              rowId name paramsByRunId {{ nodes {{ key text }} }}
              metricSeriesByRunId {{ nodes {{ metricKeyByKeyId {{ name }} vLast }} }} }} }} }} }} }} }} }}""",
        "Q5": """query Q5($id: UUID!) {
          metricSeryByRowId(rowId: $id) { rowId metricHotsBySeriesId(first: 10000) { nodes { step value } } } }""",
    },
    _theirs,
    {
        "rowId": "id",
        "projectByRowId": "project",
        "metricSeryByRowId": "series",
        "allRuns": "runs",
        "allProjects": "projects",
        "experimentsByProjectId": "experiments",
        "runsByExperimentId": "runs",
        "paramsByRunId": "params",
        "metricSeriesByRunId": "metrics",
        "metricHotsBySeriesId": "points",
        "metricKeyByKeyId": "key",
        "userByCreatedById": "createdBy",
        "vLast": "last",
    },
)
"""What PostGraphile calls tables, columns and references unless told otherwise."""
