"""Testing connectors, step by step from the name to a write, and keeping what was found."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro import clock
from maestro.db.engine import Database
from maestro.db.tables.enums import ConnectorStatus
from maestro.errors import MaestroError, Transient
from ops.connectors.destinations import Destination, destinations_of, require_allowed, resolved
from ops.connectors.opening import Openings, Target, require_opener
from ops.connectors.probing import PROBES, Probe
from ops.connectors.trying import Outcome, Trial, within

RESOLVE, CONNECT, AUTHENTICATE, LIST, READ, WRITE = "resolve", "connect", "authenticate", "list", "read", "write"
NEEDED: Final = frozenset({RESOLVE, CONNECT, AUTHENTICATE})
"""Steps without which nothing works: who fails there is FAILING, who fails later DEGRADED."""
CONNECT_S: Final = 5.0
_CHECK: Final = """
    INSERT INTO connector_check (id, organization_id, connector_id, trigger, status, duration_ms, steps, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
# Not of a connector that was changed while it was tested.
_TESTED: Final = """
    UPDATE connector c SET status = $2, last_test = $3
    WHERE c.id = $1 AND c.config = $4
        AND (SELECT s.ciphertext FROM connector_secret s WHERE s.connector_id = c.id) IS NOT DISTINCT FROM $5
"""


async def examine(
    openings: Openings, connector_id: UUID, organization_id: UUID, *, trigger: str, writes: bool
) -> dict[str, Any]:
    """Test a connector of an organisation, keep what was found, and return it: `id`, `status`, `durationMs`, `steps`.

    What is wrong with the connector is in the steps. NotFound, Conflict for one in the trash, NotSupported for a kind
    that nobody opens yet.
    """
    target = await openings.find(connector_id, organization_id)
    require_opener(target)
    began = time.monotonic()
    trial = Trial(openings.settings.test_timeout.total_seconds())
    await _try(openings, target, trial, writes=writes)
    found = {
        "id": str(uuid7()),
        "at": clock.now().isoformat(),
        "trigger": trigger,
        "status": _status(trial),
        "durationMs": round((time.monotonic() - began) * 1000, 1),
        "steps": [step.plain for step in trial.steps],
    }
    await _keep(openings.db, target, found)
    return found


def _status(trial: Trial) -> str:
    failed = {step.name for step in trial.steps if step.outcome is Outcome.FAILED}
    if failed & NEEDED:
        return ConnectorStatus.FAILING.value
    return (ConnectorStatus.DEGRADED if failed else ConnectorStatus.HEALTHY).value


async def _try(openings: Openings, target: Target, trial: Trial, *, writes: bool) -> None:
    await _reach(openings, target, trial)
    if trial.errors:
        for name in (AUTHENTICATE, LIST, READ, WRITE):
            trial.skip(name)
        return
    # What has failed stands in the steps; the circuit and the counts are told of it too.
    with suppress(MaestroError):
        async with AsyncExitStack() as stack:
            await _use(openings, target, trial, stack, writes=writes)
            for error in trial.errors:
                raise error


async def _use(openings: Openings, target: Target, trial: Trial, stack: AsyncExitStack, *, writes: bool) -> None:  # noqa: PLR0917 -- all of a test
    """Sign in, and use the connector; it is closed by the stack."""
    probes: list[Probe] = []

    async def authenticate() -> str | None:
        connector = await stack.enter_async_context(openings.use(target, is_trial=True))
        probes.append(PROBES[target.config.capabilities[0]](connector))
        return await probes[0].authenticate()

    is_known = await trial.step(AUTHENTICATE, authenticate)
    for name in (LIST, READ, WRITE):
        if not is_known:
            trial.skip(name)
        elif name == WRITE and not writes:
            trial.skip(name, "Not asked for.")
        else:
            await trial.step(name, getattr(probes[0], name))


async def _reach(openings: Openings, target: Target, trial: Trial) -> None:
    """Try to find and to reach the hosts of a connector."""
    places = destinations_of(target.kind, target.config)

    async def resolve() -> str | None:
        await require_allowed(target.kind, target.config, openings.settings)
        found = [_resolved(one.host, await resolved(one, openings.settings)) for one in places]
        return "; ".join(found) + "." if found else None

    async def connect() -> str | None:
        for place in places:
            await within(CONNECT_S, partial(_connected, place))
        return None

    if not await trial.step(RESOLVE, resolve):
        trial.skip(CONNECT)
    elif not places:
        trial.skip(CONNECT, "It leads to no other machine that is known beforehand.")
    else:
        await trial.step(CONNECT, connect)


def _resolved(host: str, addresses: Sequence[str]) -> str:
    if list(addresses) == [host]:
        return f"{host} is an address; no name to look up"
    return f"{host} is {', '.join(addresses)}"


async def _connected(place: Destination) -> str | None:
    try:
        _, writer = await asyncio.open_connection(place.host, place.port, ssl=_handshake() if place.is_tls else None)
    except OSError as error:
        raise Transient(
            f"{place} cannot be reached ({type(error).__name__}).",
            hint="Look whether something listens there, and whether a firewall is between.",
        ) from None
    writer.close()
    return None


def _handshake() -> ssl.SSLContext:
    # Nothing is sent. Whose certificate is trusted decides the driver, when it signs in.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _keep(db: Database, target: Target, found: Mapping[str, Any]) -> None:
    last = {name: found[name] for name in ("at", "trigger", "status", "durationMs", "steps")}
    sealed = None if target.sealed is None else target.sealed.ciphertext
    values = [found["trigger"], found["status"], found["durationMs"], found["steps"]]
    async with db.transaction() as tx:
        await tx.fetch_sql(_TESTED, target.id, found["status"], last, target.stored, sealed)
        await tx.fetch_sql(
            _CHECK, UUID(found["id"]), target.organization_id, target.id, *values, datetime.fromisoformat(found["at"])
        )
