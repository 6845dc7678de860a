"""The documents that the load consists of, as a dashboard and training jobs would send them."""

from hashlib import sha256
from typing import Final

PROJECTS: Final = """query Projects {
  projects(first: 20, sort: [{ field: NAME }]) { totalCount nodes { id name description createdBy { name } } }
}"""
PROJECT: Final = """query Project($id: ID!) {
  project(id: $id) { id name metricKeys { name } experiments(first: 10) { nodes { id name path } } }
}"""
RUNS: Final = """query Runs($id: ID!) {
  experiment(id: $id) { id name runs(first: 20) { totalCount nodes {
    id name status startedAt params { key value } metricSummaries { key { name } last } createdBy { name }
  } } }
}"""
RUN: Final = """query Run($id: ID!) {
  run(id: $id) { id name status notes params { key value } metricSummaries { key { name } last min max } }
}"""
CHART: Final = """query Chart($id: ID!) {
  run(id: $id) { id name series(keys: ["loss"]) { count sampled(buckets: 100) { x min max mean } } }
}"""
SEARCH: Final = """query Search($where: String!) {
  runs(first: 20, filterText: $where, sort: [{ metric: "accuracy", direction: DESC }]) {
    totalCount nodes { id name status experiment { name } metricSummaries(keys: ["accuracy"]) { last } }
  }
}"""
LOG: Final = """mutation Log($batch: LogBatchInput!) {
  logBatch(input: $batch) { accepted isReplay }
}"""
NODES: Final = "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
POINTS: Final = """subscription Points($id: ID!) {
  metricAppended(runId: $id, keys: ["sent_at"]) { cursor run { id name } series { values isGap } }
}"""
WATCH: Final = "subscription Watch($id: ID!) { runUpdated(id: $id) { id name notes } }"
NOTE: Final = "mutation Note($id: ID!, $notes: String!) { updateRun(id: $id, input: {notes: $notes}) { __typename } }"

DOCUMENTS: Final = {
    "Projects": PROJECTS,
    "Project": PROJECT,
    "Runs": RUNS,
    "Run": RUN,
    "Chart": CHART,
    "Search": SEARCH,
    "Log": LOG,
    "Nodes": NODES,
    "Points": POINTS,
    "Watch": WATCH,
    "Note": NOTE,
}
"""Each document by the name of its operation."""


def document_id(name: str) -> str:
    """Return the id under which requests name a document: its SHA-256."""
    return sha256(DOCUMENTS[name].encode()).hexdigest()
