"""Plans: what they would do, what they leave out, and what they compare by."""

import os

from maestro.db.tables.enums import PlanState
from maestro.sync_options import SyncOptions, refusal
from tests.fixtures.syncs import EARLY, LATE, Folders, Syncs, content_of, write


async def test_a_plan_counts_and_names_what_it_would_do(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, "new", b"12")
    write(folders.source, "a/changed", b"123", at=LATE)
    write(folders.target, "a/changed", b"12")
    write(folders.source, "same", b"1")
    write(folders.target, "same", b"1")
    write(folders.source, "theirs", b"12")
    write(folders.target, "theirs", b"1234", at=LATE)
    write(folders.target, "extra", b"12345")
    before = content_of(folders.target)
    plan, summary = await syncs.plan(folders.ends, delete=True)
    assert summary == {
        "add": {"count": 1, "bytes": 2, "samples": ["new"]},
        "update": {"count": 1, "bytes": 3, "samples": ["a/changed"]},
        "remove": {"count": 1, "bytes": 5, "samples": ["extra"]},
        "conflict": {"count": 1, "bytes": 2, "samples": ["theirs"]},
        "unchanged": {"count": 1, "bytes": 1, "samples": ["same"]},
        "leftOut": {"count": 0, "bytes": 0, "samples": []},
        "overwrites": 0,
        "targetCount": 4,
        "targetFreeBytes": summary["targetFreeBytes"],
    }
    assert summary["targetFreeBytes"] > 0
    assert (plan.state, plan.summary) == (PlanState.READY, summary)
    assert (plan.expires_at - plan.ready_at).total_seconds() == 24 * 3600
    items = await syncs.items(plan.id)
    assert [(item.number, key, item.action, item.state) for key, item in items.items()] == [
        (1, "a/changed", "UPDATE", "PENDING"),
        (2, "extra", "REMOVE", "PENDING"),
        (3, "new", "ADD", "PENDING"),
        (4, "theirs", "CONFLICT", "SKIPPED"),
    ]
    assert items["a/changed"].source == {"size": 3, "modifiedAt": "2026-06-01T00:00:00+00:00"}
    assert content_of(folders.target) == before


async def test_nothing_is_removed_unless_that_is_asked_for(syncs: Syncs, folders: Folders) -> None:
    write(folders.target, "extra")
    _, summary = await syncs.plan(folders.ends)
    assert summary["remove"]["count"] == 0


async def test_the_source_wins_when_it_is_told_to_and_that_is_counted(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, "theirs", b"12")
    write(folders.target, "theirs", b"1234", at=LATE)
    _, summary = await syncs.plan(folders.ends, on_conflict="SOURCE_WINS")
    assert (summary["update"]["count"], summary["conflict"]["count"], summary["overwrites"]) == (1, 0, 1)


async def test_only_what_patterns_and_folders_mean_is_compared(syncs: Syncs, folders: Folders) -> None:
    for key in ("data/a.txt", "data/tmp/b.txt", "data/c.bin", "other/d.txt"):
        write(folders.source, key)
    for key in ("copy/e.txt", "copy/f.bin", "g.txt"):
        write(folders.target, key)
    options = {"source_prefix": "/data/", "target_prefix": "copy", "include": ["*.txt"], "exclude": ["tmp/"]}
    _, summary = await syncs.plan(folders.ends, delete=True, **options)
    assert summary["add"]["samples"] == ["a.txt"]
    assert summary["remove"]["samples"] == ["e.txt"]


async def test_what_the_other_end_cannot_hold_is_counted_and_named(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, ".work/a")
    write(folders.source, "a" * 200 + "/" + "b" * 200)
    (folders.source / os.fsdecode(b"\xff")).write_bytes(b"")
    _, summary = await syncs.plan(folders.ends, target_prefix="c" * 250 + "/" + "d" * 250)
    assert summary["add"]["count"] == 0
    assert summary["leftOut"]["count"] == 2
    assert sorted(summary["leftOut"]["samples"]) == ["a" * 200 + "/" + "b" * 200, "\N{REPLACEMENT CHARACTER}"]


async def test_by_checksum_the_bytes_decide_and_not_the_times(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, "same", b"1", at=LATE)
    write(folders.target, "same", b"1", at=EARLY)
    write(folders.source, "damaged", b"12", at=EARLY)
    write(folders.target, "damaged", b"1x", at=LATE)
    _, quick = await syncs.plan(folders.ends)
    assert (quick["update"]["samples"], quick["conflict"]["samples"]) == (["same"], [])
    _, exact = await syncs.plan(folders.ends, compare="CHECKSUM")
    assert (exact["update"]["samples"], exact["conflict"]["samples"]) == ([], ["damaged"])


async def test_a_plan_that_is_made_again_replaces_what_was_made(syncs: Syncs, folders: Folders) -> None:
    for number in range(5):
        write(folders.source, f"{number}")
    plan, first = await syncs.plan(folders.ends)
    assert len(await syncs.items(plan.id)) == first["add"]["count"] == 5


def test_how_much_may_go_is_limited_by_number_and_by_part() -> None:
    def refused(going: int, there: int, **options: object) -> str | None:
        return refusal({"remove": {"count": going}, "targetCount": there}, SyncOptions.model_validate(options))

    assert refused(0, 0) is None
    assert refused(5, 10) is None
    assert refused(6, 10) == "6 of the 10 objects of the target would be removed; at most 50% may be."
    assert refused(3, 10, max_deletes=2) == "3 objects of the target would be removed; at most 2 may be."
    assert refused(10, 10, max_delete_fraction=1) is None
    assert refused(10, 10, override_delete_guard=True) is None
