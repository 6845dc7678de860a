"""`python -m app serve`: run the server."""

import asyncio
import signal
from contextlib import suppress

import click
from rich.console import Console
from rich.markup import escape

from app.archiving import archives
from app.data_folder import require_folder
from app.database import bring_up_to_date, database, server_account
from app.listening import listen, listeners
from app.processes import supervised
from app.server import create_app
from app.serving import Server
from app.sign_on import sign_on_of
from app.whereabouts import address_of, published
from app.workers import kept_alive
from maestro import logs
from maestro.access import Access
from maestro.db import migrate
from maestro.db.engine import Database
from maestro.db.room import most_connections
from maestro.errors import StartupError
from maestro.invocation import command
from maestro.master_keys import vault_of
from maestro.queue.address import is_prepared
from maestro.secret import secret_of
from maestro.settings import CONNECTIONS_BESIDE, Settings
from maestro.version import VERSION
from resolvers.setup import ensure_owner

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--host", help="Address to listen on; MAESTRO_HOST unless given.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, 0 for a free one; MAESTRO_PORT unless given.")
@click.option(
    "--processes", type=click.IntRange(1, 64), help="Processes that answer requests; MAESTRO_PROCESSES unless given."
)
@click.option("--workers", type=click.IntRange(0, 64), help="Worker processes for jobs; MAESTRO_WORKERS unless given.")
def serve(**options: str | int | None) -> None:
    """Run the server, with an embedded PostgreSQL unless MAESTRO_DATABASE_URL is set, and workers for its jobs."""
    given = {name: value for name, value in options.items() if value is not None}
    settings = Settings(**given)  # type: ignore[arg-type] # names and types are those of the fields
    logs.follow(settings, "server")
    # Uvicorn ends its work and raises the signal again; this lets the database end as well, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if settings.processes == 1:
        _serve_alone(settings)
    else:
        _serve_together(settings)
    console.print("  [dim]Stopped.[/]")


def _serve_alone(settings: Settings) -> None:
    with listen(settings) as listener, database(settings, is_owner=True) as url:
        prepare(settings, url)
        base_url = address_of(settings, listener.getsockname()[1])
        app = create_app(settings, server_account(settings, url))
        # The workers end before the database does, and begin when the server is ready: nobody waits for them.
        with published(settings.data_dir, base_url), kept_alive(settings.workers) as kept, suppress(KeyboardInterrupt):

            async def ready() -> None:
                runtime = app.state.runtime
                await announce(settings, runtime.db, runtime.access, base_url=base_url)
                kept.start()

            Server(app, settings, ready=ready).run([listener])


def _serve_together(settings: Settings) -> None:
    taken = listeners(settings)
    base_url = address_of(settings, taken[0].getsockname()[1])
    # Forked first, while there is neither a thread nor a file that it would have as well.
    with supervised(settings, taken) as server, database(settings, is_owner=True) as url:
        prepare(settings, url)
        # As each process will, which cannot say so as well.
        sign_on_of(settings)
        account = server_account(settings, url)
        require_connections(settings, account)
        with published(settings.data_dir, base_url), kept_alive(settings.workers) as kept, suppress(KeyboardInterrupt):
            with server.serving(account):
                asyncio.run(_announce_from_here(settings, account, base_url))
                kept.start()
                server.wait()
            raise StartupError("The process that keeps the server processes has ended.", hint="Start the server again.")


def prepare(settings: Settings, url: str) -> None:
    """Bring the embedded database up to date; refuse another one that is behind (SchemaBehindError).

    Raises StartupError when the data folder cannot be written to, since files and the secret lie in it in any case,
    when the secret or the master keys are not to be had, and when there are to be workers without a jobs database.
    """
    require_folder(settings)
    secret_of(settings)
    vault_of(settings)
    if settings.database_url is not None:
        migrate.require_current(url)
        if settings.workers and not is_prepared(url):
            raise StartupError(
                "There is no jobs database, which the server's workers need.",
                hint=f"Run `{command('migrate')}`, which makes it, or serve with MAESTRO_WORKERS=0.",
            )
        return
    for revision in bring_up_to_date(settings, url):
        console.print(f"  [dim]Migrated the database: {revision.title}[/]")


def require_connections(settings: Settings, url: str) -> None:
    """Raise StartupError where the database has not as many connections as the processes may want to have."""
    wanted, most = settings.processes * settings.connections_of_process, most_connections(url)
    if wanted > most:
        fitting = most // settings.processes - CONNECTIONS_BESIDE
        smaller = f"set MAESTRO_POOL_SIZE to {fitting} at most" if fitting > 0 else "start fewer processes"
        raise StartupError(
            f"{settings.processes} processes take up to {wanted} connections, and PostgreSQL allows {most}.",
            hint=f"Leave some for workers and commands too: {smaller}, or raise max_connections of PostgreSQL.",
        )


async def _announce_from_here(settings: Settings, url: str, base_url: str) -> None:
    db = Database(url, pool_size=1)
    try:
        await announce(settings, db, Access(db), base_url=base_url)
    finally:
        await db.close()


async def announce(settings: Settings, db: Database, access: Access, *, base_url: str) -> None:
    """Print where the server is and how to get in."""
    owner = await ensure_owner(db, archives=archives(settings))
    token = await access.create_link_token(owner.user_id)
    is_embedded = settings.database_url is None
    rows = {
        "Sign in": f"[bold cyan]{base_url}/sign-in?token={token}[/]",
        "": f"[dim]This link works once, within a day; {escape(command('link'))} prints another.[/]",
        "GraphiQL": f"{base_url}/graphiql",
        "GraphQL": f"{base_url}/graphql",
        "API key": escape(command("key create --name my-script")),
        "Database": f"embedded PostgreSQL in {escape(str(settings.data_dir))}" if is_embedded else "PostgreSQL",
    }
    console.print(f"\n  [bold]Maestro ML[/] {VERSION} is ready.\n")
    for name, value in rows.items():
        console.print(f"  [dim]{name:<10}[/]{value}")
    console.print("\n  [dim]Ctrl-C stops the server.[/]\n")
