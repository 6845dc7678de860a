"""Which database a command works on: the one that the settings name, or the embedded one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import SecretStr

from app.archiving import postgres_settings
from maestro.db import migrate, roles, statistics
from maestro.db.rows import CONNECTION_LOST, StatementFailed, is_of_exchange
from maestro.errors import StartupError
from maestro.postgres import EmbeddedPostgres, attached
from maestro.settings import Settings
from ops.restores.fence import await_open

LOOKS: Final = (
    "It looks like postgresql://user:password@host:5432/database; in the password, write @ as %40 and # as %23."
)
OPTIONS: Final = frozenset({"host", "port"})
"""What a URL may say after its question mark: both drivers' readings of it agree on these alone."""


@contextmanager
def database(settings: Settings, *, is_owner: bool = False) -> Iterator[str]:
    """Give the URL of the database for the length of a block.

    The owner, a server, starts the embedded PostgreSQL for itself; other commands use the one that runs, or start
    one that ends with them. Raises StartupError when it cannot be had.
    """
    if settings.database_url is not None:
        url = _checked(settings.database_url.get_secret_value())
        owner_url = settings.operations_url
        _reach(url, owner_url=url if owner_url is None else _operations(owner_url))
        yield url
    elif is_owner:
        with EmbeddedPostgres(settings.data_dir, postgres_settings(settings)) as address:
            _open(address.url())
            yield address.url()
    else:
        with attached(settings.data_dir, postgres_settings(settings)) as address:
            _open(address.url())
            yield address.url()


def server_account(settings: Settings, url: str) -> str:
    """Return the URL by which the server works on a database whose URL is given.

    In the embedded one it has an account of its own, which owns nothing; elsewhere the settings name the account.
    """
    return url if settings.database_url is not None else roles.as_server(url, roles.server_password(url))


def operations_url(settings: Settings, url: str) -> str | None:
    """Return the URL of the account that owns the database, by which workers back it up; None when nobody named one."""
    if settings.operations_url is not None:
        return _operations(settings.operations_url)
    if settings.database_url is None:
        # As PostgreSQL's own programs read it.
        return url.replace("postgresql+asyncpg:", "postgresql:", 1)
    found = roles.standing(url)
    return url if found.owns_tables or found.is_superuser else None


def bring_up_to_date(settings: Settings, url: str) -> list[migrate.Revision]:
    """Run the migrations that are missing, prepare the server's roles, and return what was run.

    Raises StartupError, with the SQL that helps, when the account may not make those roles.
    """
    roles.require(url)
    done = migrate.upgrade(url)
    roles.prepare(url, password=None if settings.database_url is not None else roles.server_password(url))
    statistics.prepare(url)
    return done


def require_owner(url: str) -> None:
    """Raise StartupError unless the account of a URL owns the tables: COPY and ANALYZE are for the owner."""
    found = roles.standing(url)
    if not (found.owns_tables or found.is_superuser):
        raise StartupError(
            f"The account {found.account} does not own the tables.",
            hint="Run this with a MAESTRO_DATABASE_URL that names the account with which the database was migrated.",
        )


def without_password(url: str) -> tuple[str, str | None]:
    """Return a URL as psql takes it, and the password apart: what stands on a command line is seen by everybody."""
    parts = _split(url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    query = f"?{parts.query}" if parts.query else ""
    return f"postgresql://{name}{at}{host}{parts.path}{query}", password or None


def _checked(url: str, setting: str = "MAESTRO_DATABASE_URL") -> str:
    parts = _split(url, setting)
    if unknown := sorted(dict(parse_qsl(parts.query, keep_blank_values=True)).keys() - OPTIONS):
        raise StartupError(
            f"{setting} has the option {unknown[0]!r}, which is not supported.",
            hint="Leave it out; connections are encrypted where the server offers that.",
        )
    return f"postgresql://{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _split(url: str, setting: str = "MAESTRO_DATABASE_URL") -> SplitResult:
    # The value is never shown: where it is malformed, any part of it may be the password.
    try:
        parts = urlsplit(url)
        is_whole = parts.port != 0 and not parts.fragment
    except ValueError:
        is_whole = False
    if not is_whole:
        raise StartupError(f"{setting} is not a URL.", hint=LOOKS)
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres") or "://" not in url:
        raise StartupError(f"{setting}: only PostgreSQL is supported.", hint=LOOKS)
    return parts


def _open(url: str) -> None:
    """Wait for the end of a restore, and undo what one has left that was interrupted; StartupError."""
    asyncio.run(await_open(url))


def _operations(url: SecretStr) -> str:
    return _checked(url.get_secret_value(), "MAESTRO_OPERATIONS_URL")


def _reach(url: str, *, owner_url: str) -> None:
    try:
        try:
            migrate.current(url)
        except (*CONNECTION_LOST, StatementFailed) as error:
            if not is_of_exchange(error):
                raise
            _open(owner_url)
            migrate.current(url)
    except (*CONNECTION_LOST, StatementFailed) as error:
        parts = urlsplit(url)
        where = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise StartupError(
            f"The database {where} cannot be opened: {_reason(error)}.",
            hint="Check MAESTRO_DATABASE_URL, and that PostgreSQL accepts connections from here.",
        ) from error


def _reason(error: BaseException) -> str:
    told = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    return str(told).strip().rstrip(".")
