"""An organisation made ready: documents registered, runs made that are logged to, ids of the others looked up."""

from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any, Final

from loadtests.ground.documents import DOCUMENTS
from loadtests.ground.places import Place

REGISTER: Final = """mutation ($documents: [DocumentInput!]!) {
  registerDocuments(input: { client: { name: "loadtests", version: "1" }, documents: $documents }) { __typename }
}"""
PROJECT: Final = """mutation ($name: String!) {
  createProject(input: { name: $name, description: $name }) { ... on ProjectSaved { project { id } } }
}"""
EXPERIMENT: Final = """mutation ($project: ID!, $name: String!) {
  createExperiment(input: { projectId: $project, name: $name }) { ... on ExperimentSaved { experiment { id } } }
}"""
NEW_RUN: Final = """mutation ($experiment: ID!, $name: String!) {
  createRun(input: { experimentId: $experiment, name: $name, params: [{ key: "team", value: "load" }] }) {
    ... on RunSaved { run { id } }
  }
}"""
FIND: Final = """{
  organization { id }
  projects(first: 50) { nodes { id } }
  experiments(first: 200) { nodes { id } }
  runs(first: 500) { nodes { id } }
}"""
LOGGED: Final = 8
"""So many runs of an organisation are logged to at a time."""

Ask = Callable[..., Awaitable[Any]]
"""Carries out an operation with variables and returns its data."""


async def lay(ask: Ask, *, mark: str, key: str) -> Place:
    """Register the documents, make runs to log to, all of whose names have the mark, and look up ids to ask for."""
    await ask(REGISTER, documents=[{"text": text} for text in DOCUMENTS.values()])
    name = f"{mark} load {token_hex(4)}".strip()
    project = (await ask(PROJECT, name=name))["createProject"]["project"]["id"]
    experiment = (await ask(EXPERIMENT, project=project, name=name))["createExperiment"]["experiment"]["id"]
    logged = [
        (await ask(NEW_RUN, experiment=experiment, name=f"{name} {number}"))["createRun"]["run"]["id"]
        for number in range(LOGGED)
    ]
    found = await ask(FIND)
    ids = {noun: [node["id"] for node in found[noun]["nodes"]] for noun in ("projects", "experiments", "runs")}
    return Place(
        id=found["organization"]["id"],
        mark=mark,
        key=key,
        projects=tuple(ids["projects"]),
        experiments=tuple(ids["experiments"]),
        runs=tuple(one for one in ids["runs"] if one not in logged),
        logged=tuple(logged),
    )
