"""Having every commit wait for the receiver, and letting commits go again."""

from pathlib import Path

from maestro.errors import PreflightFailed
from maestro.postgres.configuration import line
from ops.point_in_time.server import RECEIVER, Connection

DEMAND = line("synchronous_standby_names", RECEIVER)


async def demand(connection: Connection, configuration: Path | None) -> None:
    """Have commits wait for the receiver from now on, which has to be there already.

    With an embedded PostgreSQL this ends with it, since its configuration is written anew at every start: migrations
    come before the receiver. Elsewhere the setting is the operator's; PreflightFailed when it is missing.
    """
    names: str = await connection.fetchval("SELECT current_setting('synchronous_standby_names')")
    if RECEIVER in names:
        return
    if configuration is None:
        message = f"Commits do not wait for the receiver: ALTER SYSTEM SET synchronous_standby_names = '{RECEIVER}'."
        raise PreflightFailed(message, checks=[{"name": "synchronous_standby_names", "message": message}])
    _write(configuration, [*_others(configuration), DEMAND])
    await connection.execute("SELECT pg_reload_conf()")


async def release(connection: Connection, configuration: Path | None) -> None:
    """Have commits wait for nobody, those under way included."""
    if configuration is None or not _is_demanded(configuration):
        return
    _write(configuration, _others(configuration))
    await connection.execute("SELECT pg_reload_conf()")


def _is_demanded(configuration: Path) -> bool:
    return configuration.exists() and DEMAND in configuration.read_text(encoding="utf-8").splitlines()


def _others(configuration: Path) -> list[str]:
    return [one for one in configuration.read_text(encoding="utf-8").splitlines() if one != DEMAND]


def _write(configuration: Path, lines: list[str]) -> None:
    draft = configuration.with_suffix(".new")
    draft.write_text("\n".join([*lines, ""]), encoding="utf-8")
    draft.chmod(0o644)  # read by the other account
    draft.rename(configuration)
