"""Who is told how jobs end, by GraphQL."""

import json
from typing import Any, Final
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.db.tables.enums import Role
from maestro.errors import DamagedSecret
from maestro.ids import Kind, encode
from maestro.notifications import place_of, sealed_in, secret_of
from tests.fixtures.graphql import Api
from tests.schema.job_texts import acting_as, refused, rows

SAVED: Final = """... on NotificationChannelSaved { channel {
    id name kind address jobKinds onFailure onSuccess isEnabled hasSecret version lastSentAt lastError
} } ... on NameTaken { code field }"""
STALE: Final = "... on StaleVersion { code }"
CREATE: Final = f"""
mutation ($input: CreateNotificationChannelInput!, $key: String) {{
  createNotificationChannel(input: $input, idempotencyKey: $key) {{ {SAVED} }}
}}"""
UPDATE: Final = f"""
mutation ($id: ID!, $input: UpdateNotificationChannelInput!, $version: Int) {{
  updateNotificationChannel(id: $id, input: $input, expectedVersion: $version) {{ {SAVED} {STALE} }}
}}"""
DELETE: Final = """
mutation ($id: ID!, $version: Int) { deleteNotificationChannel(id: $id, expectedVersion: $version) {
  ... on NotificationChannelSaved { channel { id } } ... on StaleVersion { code } } }"""
TEST: Final = "mutation ($id: ID!) { testNotificationChannel(id: $id) { kind input } }"
LIST: Final = "{ notificationChannels { totalCount nodes { id address hasSecret } } }"
SECRET: Final = "a-secret-of-some-length"
HOOK: Final = {"name": "hook", "kind": "WEBHOOK", "address": "https://hooks.example.org/T0/B0"}
MAIL: Final = {"name": "mail", "kind": "EMAIL", "address": "ops@example.org"}


async def new_channel(api: Api, **given: Any) -> Any:
    return (await api(CREATE, input={**HOOK, **given}))["createNotificationChannel"]["channel"]


async def test_a_webhook_is_made_with_a_sealed_secret(api: Api) -> None:
    made = await new_channel(api, secret=SECRET, jobKinds=["RESTORE", "BACKUP"], onSuccess=True)
    assert made.pop("id").startswith("notification_")
    assert made == {
        **HOOK,
        "jobKinds": ["BACKUP", "RESTORE"],
        "onFailure": True,
        "onSuccess": True,
        "isEnabled": True,
        "hasSecret": True,
        "version": 1,
        "lastSentAt": None,
        "lastError": None,
    }
    (row,) = await api.runtime.db.fetch_sql("SELECT * FROM notification_channel")
    assert secret_of(api.runtime.vault, row) == SECRET.encode()
    sealed = sealed_in(row)
    assert sealed is not None
    with pytest.raises(DamagedSecret):
        api.runtime.vault.open(sealed, belongs_to=place_of(row.organization_id, uuid7()))


async def test_nobody_can_read_a_secret(api: Api) -> None:
    await new_channel(api, secret=SECRET)
    for table in ("audit_entry", "notification_channel", "idempotency_key"):
        told = await api.runtime.db.fetch_sql(f"SELECT t::text AS row FROM {table} t")
        assert SECRET not in json.dumps([row.row for row in told])


async def test_an_e_mail_address_is_told(api: Api) -> None:
    made = (await api(CREATE, input=MAIL, key="k"))["createNotificationChannel"]["channel"]
    assert (made["kind"], made["address"], made["hasSecret"], made["jobKinds"]) == (
        "EMAIL",
        "ops@example.org",
        False,
        [],
    )
    assert (await api(CREATE, input=MAIL, key="k"))["createNotificationChannel"]["channel"]["id"] == made["id"]
    assert (await api(CREATE, input=MAIL))["createNotificationChannel"] == {"code": "NAME_TAKEN", "field": "name"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"address": "ftp://example.org/x"}, "address"),
        ({"address": "example.org/hook"}, "address"),
        ({"address": "https://"}, "address"),
        ({"address": "https://example.org:99999/x"}, "address"),
        ({"address": "https://me:pass@example.org/x"}, "address"),
        ({"address": "https://example.org/x#part"}, "address"),
        ({"address": "https://example.org/a b"}, "address"),
        ({"address": f"https://example.org/{'x' * 2000}"}, "address"),
        ({**MAIL, "address": "https://example.org"}, "address"),
        ({**MAIL, "secret": SECRET}, "secret"),
        ({"secret": "short"}, "secret"),
        ({"secret": "x" * 1001}, "secret"),
        ({"name": ""}, "name"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(api: Api, given: dict[str, Any], field: str) -> None:
    error = await refused(api, "BAD_USER_INPUT", CREATE, input={**HOOK, **given})
    assert error["extensions"]["field"] == field


async def test_a_channel_is_changed(api: Api) -> None:
    channel = await new_channel(api, secret=SECRET)
    changes = {"name": "n", "jobKinds": ["PURGE"], "isEnabled": False, "onFailure": False}
    changed = (await api(UPDATE, id=channel["id"], input=changes, version=1))["updateNotificationChannel"]["channel"]
    assert {name: changed[name] for name in changes} == changes
    assert (changed["hasSecret"], changed["version"]) == (True, 2)
    stale = await api(UPDATE, id=channel["id"], input={"name": "m"}, version=1)
    assert stale["updateNotificationChannel"] == {"code": "STALE_VERSION"}
    await refused(api, "BAD_USER_INPUT", UPDATE, id=channel["id"], input={"onSuccess": None})


async def test_a_secret_is_not_sent_elsewhere(api: Api) -> None:
    channel = await new_channel(api, secret=SECRET)

    async def after(**changes: Any) -> bool:
        done = await api(UPDATE, id=channel["id"], input=changes)
        return bool(done["updateNotificationChannel"]["channel"]["hasSecret"])

    assert await after(address="https://hooks.example.org/T1")
    assert not await after(address="https://elsewhere.example.org/T1")
    assert await after(secret=SECRET)
    assert await after(address="https://hooks.example.org/T1", secret=SECRET)
    assert not await after(secret=None)


async def test_a_channel_is_removed_for_good(api: Api) -> None:
    channel = await new_channel(api)
    stale = await api(DELETE, id=channel["id"], version=3)
    assert stale["deleteNotificationChannel"] == {"code": "STALE_VERSION"}
    assert (await api(DELETE, id=channel["id"]))["deleteNotificationChannel"]["channel"]["id"] == channel["id"]
    assert await rows(api, "notification_channel") == []
    await refused(api, "NOT_FOUND", DELETE, id=channel["id"])


async def test_a_channel_is_tested_by_a_job_of_any_organization(foreign: Api) -> None:
    channel = await new_channel(foreign, isEnabled=False)
    job = (await foreign(TEST, id=channel["id"]))["testNotificationChannel"]
    key = str(UUID(channel["id"].rpartition("_")[2]))
    assert job == {"kind": "NOTIFY", "input": {"channelId": key, "jobId": None}}


async def test_channels_are_listed_in_one_statement(api: Api) -> None:
    await new_channel(api)
    await new_channel(api, **MAIL)
    query = """query ($filter: NotificationChannelFilter) {
        notificationChannels(filter: $filter, sort: [{field: NAME}]) { nodes { name hasSecret jobKinds } } }"""
    nodes = (await api(query))["notificationChannels"]["nodes"]
    assert [one["name"] for one in nodes] == ["hook", "mail"]
    assert api.statements == 1
    found = await api(query, filter={"kind": {"eq": "EMAIL"}})
    assert [one["name"] for one in found["notificationChannels"]["nodes"]] == ["mail"]


async def test_others_see_and_change_no_channel(api: Api, foreign: Api) -> None:
    channel = (await new_channel(api))["id"]
    assert (await foreign(LIST))["notificationChannels"] == {"totalCount": 0, "nodes": []}
    maintainer = acting_as(api, Role.MAINTAINER)
    for query, variables in ((UPDATE, {"input": {"name": "x"}}), (DELETE, {}), (TEST, {})):
        await refused(foreign, "NOT_FOUND", query, id=channel, **variables)
        await refused(maintainer, "FORBIDDEN", query, id=channel, **variables)
    await refused(maintainer, "FORBIDDEN", LIST)
    await refused(maintainer, "FORBIDDEN", CREATE, input=HOOK)
    nowhere = encode(Kind.NotificationChannel, uuid7())
    await refused(api, "NOT_FOUND", TEST, id=nowhere)
