"""What S3 does by itself with objects by their age."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from connectors.stores.buckets import LifecycleRule
from connectors.stores.s3.bucket import STANDARD, TIERS, S3Bucket
from maestro.errors import NotFound
from maestro.vendor_errors import NotSupported

_NO_RULES: Final = "NoSuchLifecycleConfiguration"
_SHORTLY: Final = frozenset({"STANDARD_IA", "ONEZONE_IA"})
_LEAST_DAYS: Final = 30
"""So many days objects stay before they go to one of these tiers."""
_LONGEST_ID: Final = 255
_LEAST_SIZE: Final = "TransitionDefaultMinimumObjectSize"
"""A setting of all rules together, which is kept as it is."""


class S3Lifecycle(S3Bucket):
    """Rules for the objects below the prefix of a store; those for other objects of the bucket are left alone."""

    async def lifecycle(self) -> Sequence[LifecycleRule]:
        """Return the rules that are told by a prefix alone; what only tags or sizes choose is left out."""
        ours = (self._rule(found) for found in (await self._found())["Rules"] if self._is_ours(found))
        return [rule for rule in ours if rule is not None]

    async def set_lifecycle(self, rules: Sequence[LifecycleRule]) -> None:
        """Set all rules below the prefix; NotSupported for what S3 has no rule for."""
        wanted = [self._told(rule) for rule in rules]
        found = await self._found()
        wanted += [rule for rule in found["Rules"] if not self._is_ours(rule)]
        kept = {_LEAST_SIZE: found[_LEAST_SIZE]} if _LEAST_SIZE in found else {}
        with self._asking("lifecycle rules"):
            if wanted:
                await self._client.put_bucket_lifecycle_configuration(
                    Bucket=self._bucket, LifecycleConfiguration={"Rules": wanted}, **kept
                )
            else:
                await self._client.delete_bucket_lifecycle(Bucket=self._bucket)

    async def _found(self) -> dict[str, Any]:
        try:
            with self._asking("lifecycle rules"):
                found = await self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except NotFound as error:
            if error.details.get("vendorCode") == _NO_RULES:
                return {"Rules": []}
            raise
        return {"Rules": [], **found}

    def _is_ours(self, found: Mapping[str, Any]) -> bool:
        return _prefix_of(found).startswith(self._prefix)

    def _rule(self, found: Mapping[str, Any]) -> LifecycleRule | None:
        if set(found.get("Filter", {})) - {"Prefix"}:
            return None
        transition: Mapping[str, Any] = next(iter(found.get("Transitions", ())), {})
        return LifecycleRule(
            found.get("ID", ""),
            _prefix_of(found).removeprefix(self._prefix),
            expire_days=found.get("Expiration", {}).get("Days"),
            expire_noncurrent_days=found.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
            abort_uploads_days=found.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
            tier=transition.get("StorageClass"),
            tier_days=transition.get("Days"),
            is_enabled=found["Status"] == "Enabled",
        )

    def _told(self, rule: LifecycleRule) -> dict[str, Any]:
        _require_possible(rule)
        told: dict[str, Any] = {
            "ID": rule.id,
            "Filter": {"Prefix": self._prefix + rule.prefix},
            "Status": "Enabled" if rule.is_enabled else "Disabled",
        }
        if rule.expire_days is not None:
            told["Expiration"] = {"Days": rule.expire_days}
        if rule.expire_noncurrent_days is not None:
            told["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.expire_noncurrent_days}
        if rule.abort_uploads_days is not None:
            told["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule.abort_uploads_days}
        if rule.tier is not None:
            told["Transitions"] = [{"Days": rule.tier_days, "StorageClass": rule.tier}]
        return told


def _prefix_of(found: Mapping[str, Any]) -> str:
    chosen = found.get("Filter", {})
    return str(chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or found.get("Prefix") or "")


def _require_possible(rule: LifecycleRule) -> None:
    for problem in _problems(rule):
        raise NotSupported(f"S3 cannot have the rule {rule.id[:40]!r}: {problem}.")


def _problems(rule: LifecycleRule) -> Iterable[str]:
    days = (rule.expire_days, rule.expire_noncurrent_days, rule.abort_uploads_days)
    if not 0 < len(rule.id) <= _LONGEST_ID:
        yield f"its id has 1 to {_LONGEST_ID} characters"
    if any(number is not None and number < 1 for number in days):
        yield "days are counted from 1 on"
    if rule.tier is None and all(number is None for number in days):
        yield "it does nothing"
    if (rule.tier is None) != (rule.tier_days is None):
        yield "a tier and its days come together"
    if rule.tier is not None and (rule.tier == STANDARD or rule.tier not in TIERS):
        yield f"objects do not go to {rule.tier[:40]!r}"
    if rule.tier in _SHORTLY and (rule.tier_days or 0) < _LEAST_DAYS:
        yield f"objects go to {rule.tier} after {_LEAST_DAYS} days at the earliest"
