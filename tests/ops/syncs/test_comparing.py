"""The comparison of two stores: against a naive model, and in all that decides about one object."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.stores.capability import StoredObject
from connectors.stores.keys import is_key
from maestro.db.tables.enums import SyncAction
from maestro.errors import StoreFailed
from maestro.globs import Selection
from maestro.sync_options import SyncOptions
from ops.syncs.comparing import Likeness, Pair, action_for, likeness, pairs
from ops.syncs.ends import End, Ends

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@dataclass
class Listing:
    """A store that has nothing but a list, page by page."""

    objects: Sequence[StoredObject]
    page: int = 3

    async def list(
        self, prefix: str = "", *, after: str | None = None, page: int = 1000, left_out: Any = None
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects that begin with a prefix."""
        del after, page, left_out
        found = [one for one in self.objects if one.key.startswith(prefix)]
        for start in range(0, len(found), self.page):
            yield found[start : start + self.page]


def stored(key: str, size: int = 1, at: datetime = NOON, **more: Any) -> StoredObject:
    return StoredObject(key, size, at, **more)


def ends(source: Sequence[StoredObject], target: Sequence[StoredObject], *, page: int = 3) -> Ends:
    return Ends(End(cast("Any", Listing(source, page)), "S3"), End(cast("Any", Listing(target, page)), "GCS"))


def in_order(objects: Mapping[str, StoredObject]) -> list[StoredObject]:
    return sorted(objects.values(), key=lambda one: one.key.encode())


NAMES = st.text(st.sampled_from("ab/é\U0001f600\uffff-."), min_size=1, max_size=6)
OBJECTS = st.dictionaries(NAMES, st.integers(0, 3), max_size=30)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(OBJECTS, OBJECTS, st.integers(1, 7), st.sampled_from([(), ("a*",), ("**/b",), ("/a/",)]))
async def test_lists_side_by_side_find_what_two_dictionaries_do(  # noqa: PLR0917
    source: dict[str, int], target: dict[str, int], page: int, include: tuple[str, ...]
) -> None:
    selection, left_out = Selection.of(include, ("*é",)), list[str]()
    here = {key: stored(key, size) for key, size in source.items()}
    there = {key: stored(key, size) for key, size in target.items()}
    found = [pair async for pair in pairs(ends(in_order(here), in_order(there), page=page), selection, left_out.append)]
    meant = {key for key in {*source, *target} if selection.has(key)}
    expected = [Pair(key, here.get(key), there.get(key)) for key in sorted(meant, key=str.encode) if is_key(key)]
    assert found == expected
    assert sorted(left_out) == sorted(key for key in meant & {*source} if not is_key(key))


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "a"]])
async def test_a_list_out_of_order_is_refused_since_all_else_would_count_as_missing(keys: list[str]) -> None:
    wrong = ends([stored(key) for key in keys], [])
    with pytest.raises(StoreFailed, match="in the order of their keys"):
        [pair async for pair in pairs(wrong, Selection(), lambda _: None)]


@pytest.mark.parametrize(
    ("source", "target", "like"),
    [
        ({"size": 1}, {"size": 2}, Likeness.OTHER),
        ({"sha256": "a"}, {"sha256": "a"}, Likeness.SAME),
        ({"sha256": "a", "md5": "m"}, {"sha256": "b", "md5": "m"}, Likeness.OTHER),
        ({"md5": "m"}, {"md5": "m", "sha256": "a"}, Likeness.SAME),
        ({"crc32c": "c"}, {"crc32c": "d"}, Likeness.OTHER),
        ({"sha256": "a"}, {"md5": "m"}, Likeness.UNKNOWN),
        ({"etag": "e"}, {"etag": "e"}, Likeness.SAME),
        ({"etag": "e-2"}, {"etag": "e-3"}, Likeness.UNKNOWN),
        ({}, {}, Likeness.UNKNOWN),
    ],
)
def test_objects_are_alike_by_size_digest_and_tag(
    source: dict[str, Any], target: dict[str, Any], like: Likeness
) -> None:
    assert likeness(stored("k", **source), stored("k", **target), are_of_one_vendor=True) is like


def test_the_tag_of_another_vendor_tells_nothing() -> None:
    both = stored("k", etag="e")
    assert likeness(both, both, are_of_one_vendor=False) is Likeness.UNKNOWN


HERE, THERE = stored("k"), stored("k", at=LATER)
SAME, OTHER, UNKNOWN = Likeness.SAME, Likeness.OTHER, Likeness.UNKNOWN


@pytest.mark.parametrize(
    ("source", "target", "like", "options", "action"),
    [
        (HERE, None, OTHER, {}, SyncAction.ADD),
        (None, THERE, OTHER, {}, None),
        (None, THERE, OTHER, {"delete": True}, SyncAction.REMOVE),
        (HERE, THERE, SAME, {}, None),
        (HERE, THERE, UNKNOWN, {}, None),
        (HERE, stored("k"), UNKNOWN, {}, None),
        (THERE, HERE, UNKNOWN, {}, SyncAction.UPDATE),
        (THERE, HERE, OTHER, {}, SyncAction.UPDATE),
        (HERE, THERE, OTHER, {}, SyncAction.CONFLICT),
        (HERE, THERE, OTHER, {"on_conflict": "SOURCE_WINS"}, SyncAction.UPDATE),
        (HERE, THERE, UNKNOWN, {"compare": "CHECKSUM"}, SyncAction.CONFLICT),
    ],
)
def test_what_is_done_about_an_object(  # noqa: PLR0917
    source: StoredObject | None,
    target: StoredObject | None,
    like: Likeness,
    options: dict[str, Any],
    action: SyncAction | None,
) -> None:
    assert action_for(Pair("k", source, target), like, SyncOptions(**options)) is action
