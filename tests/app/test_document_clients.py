"""Real clients of Apollo and urql: automatic persisted queries, and manifests of documents that are trusted."""

import asyncio
import json
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette

from maestro.db.tables.enums import Role
from maestro.settings import Settings
from tests.fixtures.documents import ROLE, register, sha256
from tests.fixtures.graphql import Api, browser, owners_key
from tests.fixtures.members import new_member
from tests.fixtures.node import CLIENTS, RUN_S, run_node
from tests.fixtures.sockets import listening
from tests.rules.sources import ROOT

HASH: Final = {"text": False, "hash": True}
BOTH: Final = {"text": True, "hash": True}
GUIDE: Final = ROOT / "docs" / "guides" / "persisted-documents.md"
EXAMPLES: Final = re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
AS_A_PAGE: Final = """
const [url, cookie, manifest] = process.argv.slice(1), real = globalThis.fetch;
globalThis.fetch = async (asked, options) => {
  if (String(asked).endsWith(".json")) return new Response(manifest);
  const headers = new Headers(options.headers);
  headers.set("cookie", cookie);
  headers.set("origin", new URL(url).origin);
  return real(String(asked).replace("https://ml.example.org/graphql", url), { ...options, headers });
};
"""
"""What a browser would do: the address, the cookie, and the origin of the page."""


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    """The setting `documents`."""
    found: str = getattr(request, "param", "open")
    return found


@pytest.fixture
def settings(tmp_path: Path, mode: str) -> Settings:
    """Settings of a server in a mode."""
    return Settings(data_dir=tmp_path / "data", documents=mode, _env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's


@pytest.fixture
async def url(app: Starlette) -> AsyncIterator[str]:
    """The endpoint of a real server."""
    async with listening(app) as address:
        yield f"{address}/graphql"


async def run(api: Api, script: Path, url: str, *arguments: str) -> Any:
    """Run a client as the owner, and return what it got and what it sent."""
    key = await owners_key(api.runtime)
    return json.loads(await asyncio.to_thread(run_node, script, url, key, *arguments))


async def test_apollo_leaves_a_text_and_sends_its_hash_from_then_on(api: Api, clients: Path, url: str) -> None:
    done = await run(api, clients / "apollo.js", url, "post")
    assert (
        done["answers"] == [{"data": {"projects": {"__typename": "ProjectConnection", "nodes": []}}, "error": None}] * 2
    )
    assert done["sent"] == [{"method": "POST", **sent} for sent in (HASH, BOTH, HASH)]


async def test_apollo_sends_hashes_by_get(api: Api, clients: Path, url: str) -> None:
    done = await run(api, clients / "apollo.js", url, "get")
    assert [answer["error"] for answer in done["answers"]] == [None, None]
    assert [(sent["method"], sent["text"]) for sent in done["sent"]] == [
        ("GET", False),
        ("POST", True),
        ("GET", False),
    ]


async def test_urql_leaves_a_text_and_sends_its_hash_from_then_on(api: Api, clients: Path, url: str) -> None:
    done = await run(api, clients / "urql.js", url)
    assert [answer["data"]["viewer"]["role"] for answer in done["answers"]] == ["OWNER", "OWNER"]
    assert done["sent"] == [{"method": "POST", **sent} for sent in (HASH, BOTH, HASH)]


async def test_urql_sends_hashes_by_get(api: Api, clients: Path, url: str) -> None:
    done = await run(api, clients / "urql.js", url, "get")
    assert [answer["data"]["viewer"]["role"] for answer in done["answers"]] == ["OWNER", "OWNER"]
    assert [(sent["method"], sent["text"]) for sent in done["sent"]][::2] == [("GET", False), ("GET", False)]


@pytest.mark.parametrize("mode", ["mixed", "trusted"], indirect=True)
async def test_apollo_runs_the_documents_of_its_manifest_by_their_ids(
    api: Api, clients: Path, url: str, *, tmp_path: Path
) -> None:
    printed = await asyncio.to_thread(
        run_node, clients / "manifests.js", str(tmp_path / "made"), str(ROOT / "schema" / "schema.graphql")
    )
    manifest = json.loads(printed)["apollo"]
    await register(api, manifest=manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    done = await run(api, clients / "apollo.js", url, "manifest", str(tmp_path / "manifest.json"))
    assert [answer["error"] for answer in done["answers"]] == [None, None]
    assert done["sent"] == [{"method": "POST", **HASH}] * 2
    await api.runtime.usage.flush(api.runtime.db)
    used = await api(
        "{ persistedDocuments { nodes { name usageByClient { clientName clientVersion calls errors } } } }"
    )
    by_name = {one["name"]: one["usageByClient"] for one in used["persistedDocuments"]["nodes"]}
    assert by_name == {
        "Projects": [{"clientName": "dashboard", "clientVersion": "1.2", "calls": 2, "errors": 0}],
        "MakeProject": [],
    }


@pytest.mark.parametrize("mode", ["trusted"], indirect=True)
async def test_clients_of_automatic_persisted_queries_are_told_once_where_they_are_not_for_them(
    api: Api, clients: Path, url: str
) -> None:
    for script in ("apollo.js", "urql.js"):
        done = await run(api, clients / script, url)
        assert all("known documents only" in answer["error"] for answer in done["answers"])
        assert done["sent"] == [{"method": "POST", **HASH}] * 2


# The guide


@pytest.fixture
async def cookie(api: Api, app: Starlette) -> str:
    """What the browser of a viewer sends, who may not register documents."""
    viewer = await new_member(api, Role.VIEWER)
    token = await api.runtime.access.create_link_token(viewer.viewer.actor_id)
    async with browser(app) as http:
        await http.get("/sign-in", params={"token": token})
        return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


async def shown(example: str, *given: str) -> Any:
    """Run an example as a page, and return what it prints."""
    script = f"{AS_A_PAGE}\n{example}\nconsole.log(JSON.stringify(data));"
    done = await asyncio.create_subprocess_exec(
        "node", "--input-type=module", "-e", script, *given, cwd=CLIENTS, stdout=PIPE, stderr=PIPE
    )
    output, complaints = await asyncio.wait_for(done.communicate(), RUN_S)
    assert done.returncode == 0, complaints.decode()
    return json.loads(output)


@pytest.mark.usefixtures("clients")
async def test_the_guides_example_of_open_documents_runs(url: str, cookie: str) -> None:
    assert await shown(EXAMPLES[0], url, cookie) == {"viewer": {"role": "VIEWER"}}


@pytest.mark.usefixtures("clients")
@pytest.mark.parametrize("mode", ["mixed"], indirect=True)
async def test_the_guides_example_of_mixed_documents_runs(api: Api, url: str, cookie: str) -> None:
    text = "query Role { viewer { role __typename } }"
    operation = {"id": sha256(text), "name": "Role", "type": "query", "body": text}
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]}
    await register(api, manifest=manifest)
    data = await shown(EXAMPLES[1], url, cookie, json.dumps(manifest))
    assert data == {"viewer": {"__typename": "Viewer", "role": "VIEWER"}}


@pytest.mark.usefixtures("clients")
@pytest.mark.parametrize("mode", ["trusted"], indirect=True)
async def test_the_guides_example_of_trusted_documents_runs(api: Api, url: str, cookie: str) -> None:
    await register(api, manifest={"made by relay": ROLE}, client={"name": "reports", "version": "3"})
    called = f"{EXAMPLES[2]}\nconst {{ data }} = await fetchQuery({{ id: 'made by relay' }}, {{}});"
    assert await shown(called, url, cookie) == {"viewer": {"role": "VIEWER"}}
    await api.runtime.usage.flush(api.runtime.db)
    used = await api("{ persistedDocuments { nodes { usageByClient { clientName clientVersion calls } } } }")
    (document,) = used["persistedDocuments"]["nodes"]
    assert document["usageByClient"] == [{"clientName": "reports", "clientVersion": "3", "calls": 1}]
