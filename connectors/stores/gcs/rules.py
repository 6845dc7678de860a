"""Lifecycle rules as Google Cloud Storage has them: one action each, without a name, on names that begin with a text.

A rule of ours becomes one of theirs for each thing that it does, and theirs are put together again by what the names
begin with. Parts of uploads are objects here, so that those given up are removed by their age.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from connectors.stores.buckets import LifecycleRule
from connectors.stores.gcs.rewriting import TIERS
from connectors.stores.keys import WORK
from maestro.vendor_errors import NotSupported

Rule = Mapping[str, Any]
DELETE: Final = "Delete"
ABORT: Final = "AbortIncompleteMultipartUpload"
MOVE: Final = "SetStorageClass"
AGE: Final = "age"
NONCURRENT: Final = "daysSinceNoncurrentTime"
LIVE: Final = "isLive"
PREFIXES: Final = "matchesPrefix"
_FIELDS: Final = {
    (DELETE, AGE): "expire_days",
    (DELETE, NONCURRENT): "expire_noncurrent_days",
    (ABORT, AGE): "abort_uploads_days",
    (MOVE, AGE): "tier_days",
}
"""What says of a rule of ours after how many days theirs acts, by its action and its condition."""


def told(rules: Iterable[LifecycleRule], root: str) -> list[Rule]:
    """Return rules of ours as the service has them, for names that begin with `root`; NotSupported."""
    return [one for rule in rules for one in _actions(_checked(rule), root)]


def ours(rules: Iterable[Rule], root: str) -> list[LifecycleRule]:
    """Return rules of the service as ours, numbered from 1; those that ours cannot say are left out."""
    merged: list[LifecycleRule] = []
    for one in rules:
        rule = _read(one, root)
        if rule is None:
            continue
        if merged and (both := _together(merged[-1], rule)):
            merged[-1] = both
        else:
            merged.append(rule)
    return [replace(rule, id=str(number)) for number, rule in enumerate(merged, start=1)]


def strangers(rules: Iterable[Rule], root: str) -> list[Rule]:
    """Return the rules of the service that are for other names than those that begin with `root`."""
    return [one for one in rules if not all(prefix.startswith(root) for prefix in _prefixes(one))]


def _checked(rule: LifecycleRule) -> LifecycleRule:
    if not rule.is_enabled:
        raise NotSupported(f"The rule {rule.id} cannot be kept without being followed.", hint="Leave it out.")
    if rule.tier is not None and rule.tier not in TIERS:
        raise NotSupported(f"The rule {rule.id} names no storage class.", hint=f"There are {', '.join(TIERS)}.")
    if (rule.tier is None) != (rule.tier_days is None):
        raise NotSupported(f"The rule {rule.id} has to say both the storage class and after how many days.")
    if not _actions(rule, ""):
        raise NotSupported(f"The rule {rule.id} does nothing.", hint="Leave it out.")
    return rule


def _actions(rule: LifecycleRule, root: str) -> list[Rule]:
    uploads = [f"{root}{WORK}/"] if not rule.prefix else []
    # Without `isLive` the age of what was replaced counts from when it was stored: it would be removed at once.
    wanted: Sequence[tuple[int | None, dict[str, Any], dict[str, Any], str]] = (
        (rule.expire_days, {"type": DELETE}, {AGE: rule.expire_days, LIVE: True}, root + rule.prefix),
        (rule.expire_noncurrent_days, {"type": DELETE}, {NONCURRENT: rule.expire_noncurrent_days}, root + rule.prefix),
        (
            rule.tier_days,
            {"type": MOVE, "storageClass": rule.tier},
            {AGE: rule.tier_days, LIVE: True},
            root + rule.prefix,
        ),
        (rule.abort_uploads_days, {"type": ABORT}, {AGE: rule.abort_uploads_days}, root + rule.prefix),
        *((rule.abort_uploads_days, {"type": DELETE}, {AGE: rule.abort_uploads_days}, place) for place in uploads),
    )
    return [
        {"action": action, "condition": {**condition, **({PREFIXES: [begin]} if begin else {})}}
        for days, action, condition, begin in wanted
        if days is not None
    ]


def _prefixes(rule: Rule) -> list[str]:
    return list(rule["condition"].get(PREFIXES) or [""])


def _read(rule: Rule, root: str) -> LifecycleRule | None:
    action, condition = rule["action"], {**rule["condition"]}
    (prefix, *others) = condition.pop(PREFIXES, None) or [""]
    if condition.get(LIVE):
        del condition[LIVE]
    if len(condition) != 1 or others or not prefix.startswith(root) or prefix == f"{root}{WORK}/":
        return None
    ((name, days),) = condition.items()
    field = _FIELDS.get((action["type"], name))
    if field is None:
        return None
    return replace(LifecycleRule("", prefix.removeprefix(root), tier=action.get("storageClass")), **{field: days})


def _together(one: LifecycleRule, other: LifecycleRule) -> LifecycleRule | None:
    """Return two rules as one, if they are for the same names and do different things."""
    fields = ("expire_days", "expire_noncurrent_days", "abort_uploads_days", "tier", "tier_days")
    first = {name: value for name in fields if (value := getattr(one, name)) is not None}
    second = {name: value for name in fields if (value := getattr(other, name)) is not None}
    if one.prefix != other.prefix or first.keys() & second.keys():
        return None
    return replace(one, **second)
