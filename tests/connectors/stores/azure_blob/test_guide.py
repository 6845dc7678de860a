"""The page of Azure tells the truth: its example runs."""

from datetime import timedelta
from typing import Any, Final

from connectors.stores.azure_blob import AzureStore
from tests.connectors.stores.contract import CONTENT
from tests.rules.sources import ROOT

PAGE: Final = (ROOT / "docs" / "connectors" / "azure-blob.md").read_text(encoding="utf-8")


async def test_the_example_cools_down_what_is_old(store: AzureStore) -> None:
    names: dict[str, Any] = {}
    exec(PAGE.partition("```python\n")[2].partition("```")[0], names)  # noqa: S102 -- it is our own page
    for key in ("a/1", "a/2", "b"):
        await store.put_bytes(key, CONTENT)
    assert await names["cool_down"](store, "a/") == 0
    assert await names["cool_down"](store, "a/", timedelta(seconds=-60)) == 2
    assert await names["cool_down"](store, "a/", timedelta(seconds=-60)) == 0
    assert [one.tier async for page in store.list() for one in page] == ["Cool", "Cool", "Hot"]
