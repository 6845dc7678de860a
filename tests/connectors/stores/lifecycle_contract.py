"""What every store whose vendor moves and removes objects by age has to do."""

from collections.abc import Sequence
from typing import Protocol

import pytest

from connectors.stores.buckets import Lifecycle, LifecycleRule
from connectors.stores.capability import ObjectStore
from maestro.vendor_errors import NotSupported


class LifecycleStore(ObjectStore, Lifecycle, Protocol):
    """A store with rules."""


class LifecycleContract:
    """Subclassed with a fixture `store` of an empty store.

    `rules` are rules that the vendor can have all at a time, and `impossible` those of which it can have none.
    """

    rules: Sequence[LifecycleRule] = ()
    impossible: Sequence[LifecycleRule] = ()

    async def test_a_new_store_has_no_rules(self, store: LifecycleStore) -> None:
        assert list(await store.lifecycle()) == []

    async def test_the_rules_that_are_set_are_those_that_are_told(self, store: LifecycleStore) -> None:
        assert self.rules
        await store.set_lifecycle(self.rules)
        assert sorted(await store.lifecycle(), key=_id) == sorted(self.rules, key=_id)

    async def test_all_rules_take_the_place_of_those_before(self, store: LifecycleStore) -> None:
        await store.set_lifecycle(self.rules)
        await store.set_lifecycle(self.rules[:1])
        assert list(await store.lifecycle()) == list(self.rules[:1])

    async def test_no_rules_remove_all(self, store: LifecycleStore) -> None:
        await store.set_lifecycle(self.rules)
        await store.set_lifecycle([])
        assert list(await store.lifecycle()) == []
        await store.set_lifecycle([])

    async def test_a_rule_that_cannot_be_is_refused_and_changes_nothing(self, store: LifecycleStore) -> None:
        await store.set_lifecycle(self.rules[:1])
        for rule in self.impossible:
            with pytest.raises(NotSupported):
                await store.set_lifecycle([*self.rules, rule])
        assert list(await store.lifecycle()) == list(self.rules[:1])


def _id(rule: LifecycleRule) -> str:
    return rule.id
