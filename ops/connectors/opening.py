"""Opening connectors for those who use them: with their secrets, where they may lead, and not in vain for ever."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson

from connectors.catalogue import OPENERS, opened
from connectors.retrying import retried
from maestro.connector_rules import rules_of
from maestro.credentials import Credential
from maestro.credentials import opened as unsealed
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import ConnectorKind
from maestro.errors import Conflict, Forbidden, MaestroError, NotFound, Transient
from maestro.settings import Settings
from maestro.spans import SpanKind, spanned
from maestro.telemetry import connectors as families
from maestro.telemetry.values import Number
from maestro.vault import Sealed, Vault
from maestro.vendor_errors import NotSupported
from maestro.vendors import VENDORS, ConnectorCapability, Vendor
from ops.connector_secrets import place_of
from ops.connectors.circuits import Circuit
from ops.connectors.destinations import require_allowed
from ops.connectors.keeping import Kept
from ops.connectors.usage import Tally, Used

KEPT_S: Final = 60.0
"""So long a connector that nobody uses is kept open."""
TRIES: Final = 2
_FIND: Final = """
    SELECT c.id, c.organization_id, c.kind, c.name, c.config, c.deleted_at, s.key_id, s.wrapped_key, s.ciphertext
    FROM connector c LEFT JOIN connector_secret s ON s.connector_id = c.id
    WHERE c.id = $1 AND c.organization_id = $2
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A connector as it is configured now."""

    id: UUID
    organization_id: UUID
    kind: ConnectorKind
    config: Vendor
    stored: Mapping[str, Any]
    """The settings as they are stored."""
    sealed: Sealed | None = field(repr=False)
    fingerprint: str

    def can(self, capability: ConnectorCapability) -> bool:
        """Say whether connectors of this kind have a capability."""
        return capability in self.config.capabilities

    def require(self, capability: ConnectorCapability, *, hint: str) -> None:
        """Raise NotSupported unless connectors of this kind have a capability."""
        if not self.can(capability):
            raise NotSupported(f"A connector of kind {self.kind} has nothing of this.", hint=hint)


@dataclass(slots=True)
class _Entry:
    """What is known of one connector while it is in use."""

    circuit: Circuit
    room: asyncio.Semaphore
    fingerprint: str
    vendor: str
    kept: Kept | None = None


class Openings:
    """The connectors that this process uses, by `use`; with the database as the system role, and the vault."""

    def __init__(self, db: Database, vault: Vault, settings: Settings) -> None:
        self.db, self.vault, self.settings = db, vault, settings
        self.tally = Tally(db)
        self._entries: dict[UUID, _Entry] = {}
        self._retired: set[Kept] = set()

    async def find(self, connector_id: UUID, organization_id: UUID) -> Target:
        """Return a connector of an organisation; errors as of `find`."""
        return await find(self.db, connector_id, organization_id)

    @asynccontextmanager
    async def use(self, target: Target, *, is_trial: bool = False) -> AsyncIterator[Any]:
        """Give an opened connector for a block: an ObjectStore, SqlSource, DocumentSource or TrackingSource.

        Several may use it at a time, up to a limit; the others wait. Unless `is_trial`, CircuitOpen after failures.
        NotSupported for a kind that nobody opens yet, DestinationRefused, DriverMissing, the errors of its vendor.
        """
        require_opener(target)
        self._close_idle()
        entry = self._entry(target)
        async with entry.room:
            if not is_trial:
                entry.circuit.enter()
            kept = self._kept(entry, target)
            kept.users += 1
            used, began, vendor = Used(operations=1, errors=1), time.perf_counter(), target.kind.value
            try:
                with spanned(f"connector {vendor}", _told_of(target), kind=SpanKind.CLIENT) as told:
                    told["maestro.connector.outcome"] = "failed"
                    yield await kept.get()
                    told["maestro.connector.outcome"] = "answered"
                used.errors = 0
                entry.circuit.succeeded()
            except MaestroError as error:
                families.ERRORS.add((vendor, error.code))
                self._noted(entry, kept, error)
                raise
            finally:
                families.CALLS.add((vendor, "failed" if used.errors else "answered"))
                families.CALL_TIME.observe(time.perf_counter() - began, (vendor,))
                self.tally.add(target.id, used)
                kept.users -= 1
                kept.last_used = time.monotonic()

    def moved(self, target: Target, *, read: int = 0, written: int = 0) -> None:
        """Count the bytes that were read from a connector, and written to it."""
        self.tally.add(target.id, Used(bytes_read=read, bytes_written=written))

    def circuits(self) -> Iterator[Number]:
        """Tell for metrics how many connectors of each vendor are in use, and how many of them are left alone."""
        states = Counter(
            (entry.vendor, "open" if entry.circuit.is_open else "closed") for entry in self._entries.values()
        )
        for vendor in VENDORS:
            for state in ("open", "closed"):
                yield families.CIRCUITS, (vendor.value, state), float(states[vendor.value, state])

    async def close(self) -> None:
        """Close all connectors, and write down how much they were used."""
        waiting = [entry.kept for entry in self._entries.values() if entry.kept is not None]
        await asyncio.gather(*(kept.close() for kept in (*waiting, *self._retired)))
        self._entries.clear()
        await self.tally.close()

    def _entry(self, target: Target) -> _Entry:
        entry = self._entries.get(target.id)
        if entry is None or entry.fingerprint != target.fingerprint:
            if entry is not None and entry.kept is not None:
                self._retired.add(entry.kept)
            settings = self.settings
            circuit = Circuit(settings.connector_failures, settings.connector_pause.total_seconds())
            room = asyncio.Semaphore(settings.connector_concurrency)
            entry = self._entries[target.id] = _Entry(circuit, room, target.fingerprint, target.kind.value)
        return entry

    def _kept(self, entry: _Entry, target: Target) -> Kept:
        if entry.kept is None or not entry.kept.is_usable:
            entry.kept = Kept(partial(opening, target, self.vault, self.settings))
        return entry.kept

    def _noted(self, entry: _Entry, kept: Kept, error: MaestroError) -> None:
        if isinstance(error, Transient):
            entry.circuit.failed()
        else:
            # It has answered, if only by a refusal.
            entry.circuit.succeeded()
        if isinstance(error, Transient | Forbidden):
            # What it has signed in with may be stale, or what it is connected to gone.
            if entry.kept is kept:
                entry.kept = None
            self._retired.add(kept)

    def _close_idle(self) -> None:
        now = time.monotonic()
        for entry in self._entries.values():
            kept = entry.kept
            if kept is not None and not kept.users and now - kept.last_used > KEPT_S:
                entry.kept = None
                self._retired.add(kept)
        for kept in [one for one in self._retired if not one.users]:
            kept.close_soon()
            self._retired.discard(kept)


async def find(db: Database, connector_id: UUID, organization_id: UUID) -> Target:
    """Return a connector of an organisation; NotFound, Conflict for one in the trash."""
    found = await db.fetch_sql(_FIND, connector_id, organization_id)
    if not found:
        raise NotFound("There is no such Connector.")
    if found[0].deleted_at is not None:
        raise Conflict("This Connector is in the trash.", hint="Restore it first.")
    return _target(found[0])


@asynccontextmanager
async def opening(target: Target, vault: Vault, settings: Settings) -> AsyncIterator[Any]:
    """Open a connector for a block, once more when that fails in a way that may pass; errors as of `Openings.use`."""
    require_opener(target)
    credential = credential_of(target, vault)
    await require_allowed(target.kind, target.config, settings)
    async with AsyncExitStack() as stack:

        async def enter() -> Any:
            return await stack.enter_async_context(
                opened(target.kind, target.config, credential, rules=rules_of(settings))
            )

        connector = await retried(enter, tries=TRIES)
        families.OPENED.add((target.kind.value,))
        yield connector


def _told_of(target: Target) -> dict[str, Any]:
    abilities = ",".join(one.value for one in target.config.capabilities)
    return {"maestro.connector.vendor": target.kind.value, "maestro.connector.abilities": abilities}


def require_opener(target: Target) -> None:
    """Raise NotSupported for a kind that nobody opens yet."""
    if target.kind not in OPENERS:
        raise NotSupported(
            f"Connectors of kind {target.kind} cannot be opened by this version.", hint="Use another kind."
        )


def credential_of(target: Target, vault: Vault) -> Credential | None:
    """Return the credential of a connector, None when it has none; MasterKeyMissing, DamagedSecret."""
    if target.sealed is None:
        return None
    plain = vault.open(target.sealed, belongs_to=place_of(target.organization_id, target.id))
    return unsealed(target.kind, plain)


def _target(row: Row) -> Target:
    kind = ConnectorKind(row.kind)
    sealed = None if row.key_id is None else Sealed(row.key_id, row.wrapped_key, row.ciphertext)
    content = orjson.dumps(row.config, option=orjson.OPT_SORT_KEYS) + (row.ciphertext or b"")
    return Target(
        row.id,
        row.organization_id,
        kind,
        VENDORS[kind](**row.config),
        row.config,
        sealed,
        hashlib.sha256(content).hexdigest(),
    )
