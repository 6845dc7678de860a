"""The page of Google Cloud Storage tells the truth: its example runs."""

from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from connectors.stores.gcs.store import GcsStore, gcs_store
from connectors.stores.policies import AccessPolicy, Grant
from tests.connectors.stores.contract import CONTENT
from tests.connectors.stores.presign_contract import send
from tests.fixtures.gcs_servers import key_file, replaying
from tests.rules.sources import ROOT


async def test_the_example_lends_an_object_and_leaves_the_policy_as_it_is(strict_gcs: GcsStore) -> None:
    page = (ROOT / "docs" / "connectors" / "gcs.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)  # noqa: S102 -- it is our own page
    await strict_gcs.put_bytes("weights", CONTENT)
    grants = (Grant("roles/storage.objectViewer", ("user:a@example.com",)),)
    await strict_gcs.set_iam_policy(AccessPolicy(grants, (await strict_gcs.iam_policy()).etag))
    async with replaying() as (tokens, address):
        tokens.say((200, {}, {"access_token": "a-token", "expires_in": 3600}))
        key = SecretStr(key_file(f"{address}/token"))
        async with gcs_store(replace(strict_gcs._service.config, service_account=key)) as store:
            answer = await send(await names["lend"](store, "weights"))
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"].startswith('attachment; filename="weights.bin"')
    assert (await strict_gcs.iam_policy()).grants == grants
