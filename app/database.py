"""Which database a command works on: the one that the settings name, or the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from maestro.errors import StartupError
from maestro.postgres import EmbeddedPostgres, attached
from maestro.settings import Settings


@contextmanager
def database(settings: Settings, *, is_owner: bool = False) -> Iterator[str]:
    """Give the URL of the database for the length of a block.

    The owner, a server, starts the embedded PostgreSQL for itself; other commands use the one that runs, or start
    one that ends with them. Raises StartupError when it cannot be had.
    """
    if settings.database_url is not None:
        yield _checked(settings.database_url.get_secret_value())
    elif is_owner:
        with EmbeddedPostgres(settings.data_dir) as address:
            yield address.url()
    else:
        with attached(settings.data_dir) as address:
            yield address.url()


def _checked(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise StartupError(
            f"MAESTRO_DATABASE_URL begins with {scheme[:20]!r}; only PostgreSQL is supported.",
            hint="It looks like postgresql://user:password@host:5432/database.",
        )
    return f"postgresql://{rest}"
