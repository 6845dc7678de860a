"""How far an API key reaches: read from what is asked for, and compared with what the asker holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final, TypeVar
from uuid import UUID

from maestro.access import IN_PROJECTS, Limits, Permission
from maestro.access.addresses import Network, is_part, network_of, networks_of
from maestro.access.permissions import APPENDING
from maestro.clock import now
from maestro.db.rows import Row
from maestro.errors import Forbidden, InvalidInput

T = TypeVar("T")

MOST_LISTED: Final = 100
LONGEST_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key is limited to; None is no limit."""

    scopes: tuple[Permission, ...] | None = None
    project_ids: tuple[UUID, ...] | None = None
    addresses: tuple[Network, ...] | None = None
    is_append_only: bool = False
    expires_at: datetime | None = None

    @property
    def rights(self) -> Limits:
        """What the limits leave of the bearer's roles."""
        return Limits(_frozen(self.scopes), _frozen(self.project_ids), self.is_append_only)

    def beyond(self, other: "KeyLimits") -> str | None:
        """Return the input field by which these limits reach further than others, None when they do not."""
        checks = {
            "scopes": _is_subset(self.scopes, other.scopes),
            "projectIds": _is_subset(self.project_ids, other.project_ids),
            "addresses": other.addresses is None
            or (
                self.addresses is not None
                and all(any(is_part(one, network) for network in other.addresses) for one in self.addresses)
            ),
            "appendOnly": self.is_append_only or not other.is_append_only,
            "expiresAt": other.expires_at is None
            or (self.expires_at is not None and self.expires_at <= other.expires_at),
        }
        return next((field for field, holds in checks.items() if not holds), None)

    def narrowed(self, by: "KeyLimits") -> "KeyLimits":
        """Return these limits with those of the key that asks in the place of what was left out."""
        return replace(
            self,
            scopes=by.scopes if self.scopes is None else self.scopes,
            project_ids=by.project_ids if self.project_ids is None else self.project_ids,
            addresses=by.addresses if self.addresses is None else self.addresses,
            expires_at=by.expires_at if self.expires_at is None else self.expires_at,
        )


def limits_of(row: Row) -> KeyLimits:
    """Return the limits of a stored key; a scope that is no longer known allows nothing."""
    scopes = None if row.scopes is None else tuple(one for one in Permission if one.value in row.scopes)
    projects = None if row.project_ids is None else tuple(row.project_ids)
    return KeyLimits(scopes, projects, networks_of(row.addresses), row.is_append_only, row.expires_at)


def read(given: Mapping[str, Any], project_ids: Sequence[UUID] | None) -> KeyLimits:
    """Return the limits that the input of a new key asks for, its projects already read; InvalidInput."""
    limits = KeyLimits(
        scopes=_listed(given.get("scopes"), field="scopes"),
        project_ids=_listed(project_ids, field="projectIds"),
        addresses=_listed(given.get("addresses"), field="addresses", read=_network),
        is_append_only=bool(given.get("append_only")),
        expires_at=_end(given.get("expires_at"), given.get("expires_in_days")),
    )
    for scope in limits.scopes or ():
        _check_scope(scope, limits)
    return limits


def require_within(limits: KeyLimits, other: KeyLimits) -> None:
    """Raise Forbidden when limits reach further than those of the key with which the request came."""
    field = limits.beyond(other)
    if field is not None:
        raise Forbidden(
            "A key reaches no further than the key by which it is made, changed or revoked.",
            hint=f"Narrow {field}, or sign in in a browser.",
            field=field,
        )


def _check_scope(scope: Permission, limits: KeyLimits) -> None:
    if limits.is_append_only and scope not in APPENDING:
        raise InvalidInput(
            f"A key that only appends cannot have the scope {scope.value}.",
            field="scopes",
            hint=f"It can have {', '.join(one.value for one in Permission if one in APPENDING)}.",
        )
    if limits.project_ids is not None and scope not in IN_PROJECTS:
        raise InvalidInput(
            f"The scope {scope.value} is of the whole organization, and the key is limited to projects.",
            field="scopes",
            hint="Leave out this scope, or the projects.",
        )


def _listed(
    values: Sequence[Any] | None, *, field: str, read: Callable[[Any], T] = lambda one: one
) -> tuple[T, ...] | None:
    if values is None:
        return None
    if not values:
        raise InvalidInput(
            f"{field} is empty: the key could do nothing.", field=field, hint="Leave it out to set no limit."
        )
    if len(values) > MOST_LISTED:
        raise InvalidInput(f"{len(values):,} {field}; at most {MOST_LISTED} count.", field=field, limit=MOST_LISTED)
    return tuple(dict.fromkeys(map(read, values)))


def _network(text: str) -> Network:
    try:
        return network_of(text.strip())
    except ValueError:
        raise InvalidInput(
            f"{text[:80]!r} is neither an IP address nor a network.", field="addresses", hint=_network_hint(text)
        ) from None


def _network_hint(text: str) -> str:
    try:
        return f"Write {ip_network(text.strip(), strict=False)} for the network that the address lies in."
    except ValueError:
        return "Write an address like 192.0.2.7, or a network like 192.0.2.0/24 or 2001:db8::/32."


def _end(expires_at: datetime | None, days: int | None) -> datetime | None:
    if expires_at is not None and days is not None:
        raise InvalidInput("expiresAt and expiresInDays are two ways to say one thing.", field="expiresInDays")
    if days is not None:
        if not 1 <= days <= LONGEST_DAYS:
            raise InvalidInput(
                f"A key expires in 1 to {LONGEST_DAYS:,} days.", field="expiresInDays", hint="Leave it out for never."
            )
        return now() + timedelta(days=days)
    if expires_at is not None and expires_at <= now():
        raise InvalidInput("expiresAt is in the past.", field="expiresAt", hint="Leave it out for never.")
    return expires_at


def _is_subset(inner: Sequence[object] | None, outer: Sequence[object] | None) -> bool:
    return outer is None or (inner is not None and set(inner) <= set(outer))


def _frozen(values: Sequence[T] | None) -> frozenset[T] | None:
    return None if values is None else frozenset(values)
