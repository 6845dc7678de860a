"""Manifests that the real generators write: each document is registered, and runs by its id over HTTP."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.documents import automatic, register, send
from tests.fixtures.graphql import Api
from tests.fixtures.node import run_node
from tests.rules.sources import ROOT

GENERATORS = ("codegen", "codegenSha256", "apollo", "relay", "relaySha256")


@pytest.fixture(scope="module")
def manifests(clients: Path) -> Iterator[dict[str, Any]]:
    """What each generator has written."""
    folder = tempfile.mkdtemp()
    yield json.loads(run_node(clients / "manifests.js", folder, str(ROOT / "schema" / "schema.graphql")))
    shutil.rmtree(folder)


def ids(manifest: Any) -> list[str]:
    """The ids that a client of the generator sends."""
    return [one["id"] for one in manifest["operations"]] if "operations" in manifest else list(manifest)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("prefix", ["", "sha256:"])
async def test_what_a_generator_has_written_runs_by_its_ids(
    api: Api, client: httpx.AsyncClient, manifests: dict[str, Any], *, generator: str, prefix: str
) -> None:
    manifest = manifests[generator]
    made = await register(api, manifest=manifest)
    assert {one["kind"] for one in made} == {"QUERY", "MUTATION"}
    assert [one["documentId"] for one in made] == ids(manifest)
    query, mutation = sorted(made, key=lambda one: str(one["kind"]), reverse=True)
    created = await send(client, documentId=prefix + mutation["documentId"], variables={"input": {"name": "Vision"}})
    assert created.json()["data"]["createProject"]["project"]["name"] == "Vision"
    for named in ({"documentId": prefix + query["documentId"]}, automatic(prefix + query["documentId"])):
        (project,) = (await send(client, variables={"first": 1}, **named)).json()["data"]["projects"]["nodes"]
        assert project["name"] == "Vision"


async def test_manifests_of_all_generators_are_registered_side_by_side(api: Api, manifests: dict[str, Any]) -> None:
    for generator in GENERATORS:
        client = {"name": generator, "version": "1"}
        assert len(await register(api, manifest=manifests[generator], client=client)) == 2
