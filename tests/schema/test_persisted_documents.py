"""Registered documents by GraphQL: all of a client's or none, retired and restored, listed with their use."""

import asyncio
from typing import Any

import pytest

from maestro.db.tables.enums import Role
from maestro.documents.manifests import MOST
from maestro.ids import Kind, encode
from tests.fixtures.documents import CLIENT, NAMES, REGISTER, RESTORE, RETIRE, ROLE, known, register, sha256
from tests.fixtures.graphql import Api
from tests.fixtures.members import new_member

USAGE = "usage { calls errors lastUsedAt p95Ms averageCost maxCost }"
LIST = f"""
query ($text: String, $sort: [PersistedDocumentSort!], $first: Int) {{
  persistedDocuments(filterText: $text, sort: $sort, first: $first) {{
    totalCount
    nodes {{
      id name kind sha256 text problems createdBy {{ name }} retiredBy {{ name }}
      clients {{ name version documentId }}
      {USAGE}
      usageByClient {{ clientName clientVersion calls errors p95Ms averageCost maxCost }}
    }}
  }}
}}"""
ENTRIES = "{ auditLog(first: 1) { nodes { operation targetType after } } }"
BROKEN = "query Broken { viewer { nothing } }"


async def nodes(api: Api, **variables: Any) -> list[Any]:
    found: list[Any] = (await api(LIST, **variables))["persistedDocuments"]["nodes"]
    return found


async def names(api: Api, text: str | None = None, **variables: Any) -> list[str]:
    return [one["name"] for one in await nodes(api, text=text, **variables)]


async def refusals(api: Api, **given: Any) -> dict[str, list[str]]:
    """What is wrong with each of the documents that are refused."""
    (error,) = await api.errors(REGISTER, input={"client": CLIENT, **given})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    return {one["id"]: one["problems"] for one in error["extensions"]["documents"]}


# Registering


async def test_a_document_is_registered_with_what_it_does(api: Api) -> None:
    (made,) = await register(api, ROLE)
    assert made == {
        "documentId": sha256(ROLE),
        "sha256": sha256(ROLE),
        "name": "Role",
        "kind": "QUERY",
        "isNew": True,
        "document": {"id": made["document"]["id"], "name": "Role", "text": ROLE},
    }


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("{ viewer { role } }", ("QUERY", None)),
        ("mutation M { revokeOtherSessions }", ("MUTATION", "M")),
        ("subscription S($id: ID!) { runUpdated(id: $id) { __typename } }", ("SUBSCRIPTION", "S")),
    ],
)
async def test_each_kind_of_operation_can_be_registered(api: Api, text: str, does: tuple[str, str | None]) -> None:
    (made,) = await register(api, text)
    assert (made["kind"], made["name"]) == does


async def test_registering_again_changes_nothing(api: Api) -> None:
    (made,) = await register(api, ROLE)
    before = await api.state()
    (again,) = await register(api, ROLE)
    assert again == {**made, "isNew": False}
    assert await api.state() == before


async def test_another_version_of_the_client_is_added(api: Api) -> None:
    await register(api, ROLE)
    await register(api, manifest={"old-way": ROLE}, client={"name": "dashboard", "version": "1.3"})
    (one,) = await nodes(api)
    assert one["clients"] == [
        {"name": "dashboard", "version": "1.2", "documentId": sha256(ROLE)},
        {"name": "dashboard", "version": "1.3", "documentId": "old-way"},
    ]


async def test_one_bad_document_keeps_all_others_out(api: Api) -> None:
    told = await refusals(api, manifest={"good": ROLE, "bad": BROKEN, "worse": "{ syntax", "empty": ""})
    assert told == {
        "bad": ["Cannot query field 'nothing' on type 'Viewer'. (line 1, column 25)"],
        "worse": ["Syntax Error: Expected Name, found <EOF>. (line 1, column 9)"],
        "empty": ["The document is no text."],
    }
    assert await nodes(api) == []


@pytest.mark.parametrize(
    "text", ["fragment F on Viewer { role }", "query A { viewer { role } } query B { viewer { role } }"]
)
async def test_a_document_has_exactly_one_operation(api: Api, text: str) -> None:
    ((problem,),) = (await refusals(api, manifest={"x": text})).values()
    assert problem.endswith("operations; a stored document has one.")


async def test_a_document_that_is_too_long_is_refused(api: Api) -> None:
    ((problem, *_),) = (await refusals(api, manifest={"x": f"{{ {'viewer ' * 11_000} }}"})).values()
    assert "too many tokens" in problem.lower() or "tokens" in problem


async def test_the_refused_are_counted_and_the_first_of_them_told(api: Api) -> None:
    given = {"client": CLIENT, "manifest": {str(number): BROKEN for number in range(60)}}
    (error,) = await api.errors(REGISTER, input=given)
    assert error["extensions"]["refused"] == 60
    assert len(error["extensions"]["documents"]) == 50


async def test_an_id_cannot_mean_another_document(api: Api) -> None:
    await register(api, manifest={"x": ROLE})
    told = await refusals(api, manifest={"x": NAMES}, client={"name": "another", "version": "1"})
    assert told == {"x": ["This id means another document, which is registered."]}
    assert await names(api) == ["Role"]


async def test_of_two_registrations_at_once_that_give_an_id_two_meanings_one_is_refused(api: Api) -> None:
    async def attempt(text: str) -> bool:
        _, errors = await api.run(REGISTER, input={"client": CLIENT, "manifest": {"x": text}})
        return not errors

    done = await asyncio.gather(*(attempt(f"query Q{number} {{ viewer {{ role }} }}") for number in range(8)))
    assert sum(done) == 1
    assert len(await nodes(api)) == 1


async def test_of_many_same_registrations_at_once_all_succeed_and_one_is_new(api: Api) -> None:
    async def attempt() -> bool:
        (made,) = await register(api, ROLE)
        new: bool = made["isNew"]
        return new

    assert sum(await asyncio.gather(*(attempt() for _ in range(8)))) == 1
    assert len(await nodes(api)) == 1


async def test_a_dry_run_tells_and_writes_nothing(api: Api) -> None:
    await register(api, ROLE)
    before = await api.state()
    old, new = await register(api, ROLE, NAMES, dryRun=True)
    assert (old["isNew"], old["document"]["name"]) == (False, "Role")
    assert (new["isNew"], new["document"]) == (True, None)
    assert await api.state() == before
    assert await refusals(api, manifest={"bad": BROKEN}, dryRun=True)


async def test_either_a_manifest_or_documents_are_wanted(api: Api) -> None:
    for given in ({}, {"manifest": {"x": ROLE}, "documents": [{"text": ROLE}]}):
        (error,) = await api.errors(REGISTER, input={"client": CLIENT, **given})
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "client", [{"name": "", "version": "1"}, {"name": "a@b", "version": "1"}, {"name": "a", "version": " "}]
)
async def test_a_client_has_a_name_and_a_version(api: Api, client: Any) -> None:
    (error,) = await api.errors(REGISTER, input={"client": client, "manifest": {"x": ROLE}})
    assert error["extensions"]["field"].startswith("client.")


async def test_too_many_documents_are_refused(api: Api) -> None:
    given = {"client": CLIENT, "manifest": {str(number): ROLE for number in range(MOST + 1)}}
    (error,) = await api.errors(REGISTER, input=given)
    assert error["extensions"]["limit"] == MOST


async def test_the_log_tells_what_was_registered(api: Api) -> None:
    await register(api, ROLE, NAMES)
    (entry,) = (await api(ENTRIES))["auditLog"]["nodes"]
    assert entry["operation"] == "registerDocuments"
    assert entry["after"] == {"client": "dashboard@1.2", "documents": 2, "added": 2}


async def test_a_maintainer_reads_and_does_not_register(api: Api) -> None:
    await register(api, ROLE)
    maintainer = await new_member(api, Role.MAINTAINER)
    assert await names(maintainer) == ["Role"]
    (error,) = await maintainer.errors(REGISTER, input={"client": CLIENT, "manifest": {"x": NAMES}})
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_two_organizations_give_an_id_two_meanings(api: Api, foreign: Api) -> None:
    await register(api, manifest={"x": ROLE})
    await register(foreign, manifest={"x": NAMES})
    assert (await names(api), await names(foreign)) == (["Role"], ["Names"])


# Retiring and restoring


async def test_a_document_is_retired_and_restored(api: Api) -> None:
    (made,) = await register(api, ROLE)
    key = made["document"]["id"]
    retired = (await api(RETIRE, id=key))["retireDocument"]
    assert (retired["retiredAt"] is not None, retired["retiredBy"]["name"]) == (True, "Owner")
    assert (await api(RETIRE, id=key))["retireDocument"] == retired
    assert (await api(RESTORE, id=key))["restoreDocument"] == {"id": key, "retiredAt": None}


async def test_a_retired_document_is_not_registered_again(api: Api) -> None:
    (made,) = await register(api, ROLE)
    await api(RETIRE, id=made["document"]["id"])
    assert await refusals(api, documents=[{"text": ROLE}]) == {
        sha256(ROLE): ["The document was retired; restore it first."]
    }


async def test_another_organizations_document_is_not_found(api: Api, foreign: Api) -> None:
    (made,) = await register(foreign, ROLE)
    for text in (RETIRE, RESTORE):
        (error,) = await api.errors(text, id=made["document"]["id"])
        assert error["extensions"]["code"] == "NOT_FOUND"
    (error,) = await api.errors(RETIRE, id=encode(Kind.Project, api.viewer.organization_id))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


# Listing


async def test_documents_are_filtered_and_sorted(api: Api) -> None:
    await register(api, ROLE)
    (made,) = await register(api, NAMES, client={"name": "reports", "version": "3"})
    api.runtime.usage.note(await known(api, ROLE), None, seconds=0.01, is_error=False)
    await api.runtime.usage.flush(api.runtime.db)
    await api(RETIRE, id=made["document"]["id"])
    assert await names(api) == ["Names", "Role"]
    assert await names(api, "isRetired = false") == ["Role"]
    assert await names(api, "clients ILIKE '%reports@%'") == ["Names"]
    assert await names(api, "calls = 0") == ["Names"]
    assert await names(api, "lastUsedAt NOT EXISTS") == ["Names"]
    assert await names(api, "kind = MUTATION") == []
    assert await names(api, f"sha256 = '{sha256(ROLE)}'") == ["Role"]
    by_calls = [{"field": "CALLS", "direction": "DESC"}]
    assert await names(api, sort=by_calls) == ["Role", "Names"]


async def test_a_cursor_goes_on_in_a_list_by_how_often_documents_were_run(api: Api) -> None:
    await register(api, ROLE)
    await register(api, NAMES)
    api.runtime.usage.note(await known(api, ROLE), None, seconds=0.01, is_error=False)
    await api.runtime.usage.flush(api.runtime.db)
    query = """query ($after: String) {
      persistedDocuments(first: 1, after: $after, sort: [{field: CALLS, direction: DESC}]) {
        nodes { name } pageInfo { endCursor }
      }
    }"""
    first = (await api(query))["persistedDocuments"]
    second = (await api(query, after=first["pageInfo"]["endCursor"]))["persistedDocuments"]
    assert [page["nodes"][0]["name"] for page in (first, second)] == ["Role", "Names"]


async def test_a_page_of_documents_costs_as_many_statements_as_one_document(api: Api) -> None:
    await register(api, ROLE)
    await nodes(api)
    for_one = api.statements
    await register(api, *(f"query Q{number} {{ viewer {{ role }} }}" for number in range(30)))
    assert len(await nodes(api, first=50)) == 31
    assert api.statements == for_one == 6  # the page, the total, the people, the clients, the usage twice


async def test_a_document_that_does_not_fit_the_schema_any_more_is_told(api: Api) -> None:
    await register(api, ROLE)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE document SET text = $1, schema_sha256 = 'earlier'", BROKEN)
    (one,) = await nodes(api)
    assert one["problems"] == ["Cannot query field 'nothing' on type 'Viewer'. (line 1, column 25)"]
