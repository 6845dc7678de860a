"""The two ends of a sync as their connectors are configured: what they lead to, and that they lie apart."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from maestro.db.rows import Row
from maestro.db.tables.enums import ConnectorKind
from maestro.errors import InvalidInput
from maestro.sync_options import SyncOptions
from maestro.vendors import VENDORS, ConnectorCapability


def require_store(row: Row, *, field: str) -> None:
    """Raise InvalidInput unless a connector leads to a store of objects."""
    if ConnectorCapability.OBJECT_STORE not in VENDORS[ConnectorKind(row.kind)].capabilities:
        raise InvalidInput(
            f"The connector {row.name!r} of kind {row.kind} is no store of objects.",
            field=field,
            hint="Choose a connector with the capability OBJECT_STORE.",
        )


def require_apart(source: Row, target: Row, options: SyncOptions) -> None:
    """Raise InvalidInput when one end of a sync lies within the other."""
    ends = (source.kind, source.config, options.source_prefix), (target.kind, target.config, options.target_prefix)
    if overlap(*ends):
        raise InvalidInput(
            "The source and the target of a sync lie within one another.",
            field="targetId",
            hint="Choose folders of which none contains the other.",
        )


def options_with_ends(options: SyncOptions, source: Row, target: Row) -> dict[str, Any]:
    """Return the options as a plan keeps them, with what tells whether its connectors have other settings by now."""
    known = {"source": fingerprint(source.kind, source.config), "target": fingerprint(target.kind, target.config)}
    return {**options.stored(), "ends": known}


def options_of(plan: Row) -> SyncOptions:
    """Return the options of a plan."""
    return SyncOptions.model_validate({name: value for name, value in plan.options.items() if name != "ends"})


def is_as_planned(plan: Row, source: Row, target: Row) -> bool:
    """Say whether both connectors of a plan have the settings with which it was made."""
    known = plan.options.get("ends", {})
    return bool(known == options_with_ends(options_of(plan), source, target)["ends"])


def fingerprint(kind: str, config: Mapping[str, Any]) -> str:
    """Identify what a connector leads to: with other settings a plan is not that of the same stores any more."""
    content = orjson.dumps([str(kind), dict(config)], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def overlap(source: tuple[str, Mapping[str, Any], str], target: tuple[str, Mapping[str, Any], str]) -> bool:
    """Say whether one end lies within the other; an end is a connector's kind, its settings, and a folder within."""
    (kind, place, inner), (other_kind, other_place, other_inner) = source, target
    if kind != other_kind:
        return False
    within, other_within = _folder(place, inner), _folder(other_place, other_inner)
    return _without_folder(place) == _without_folder(other_place) and (
        within.startswith(other_within) or other_within.startswith(within)
    )


def _folder(config: Mapping[str, Any], inner: str) -> str:
    outer = str(config.get("prefix") or config.get("folder") or "")
    return "/".join(name for name in f"{outer}/{inner}".split("/") if name) + "/"


def _without_folder(config: Mapping[str, Any]) -> dict[str, Any]:
    # Regions and projects say how a bucket is reached, not which one it is.
    return {name: value for name, value in config.items() if name in ("bucket", "endpointUrl", "account", "container")}
