"""`python -m app serve`: run the server."""

import errno
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

import click
import uvicorn
from rich.console import Console
from rich.markup import escape
from starlette.applications import Starlette

from app.archiving import archives
from app.data_folder import require_folder
from app.database import bring_up_to_date, database, server_account
from app.protocol import BoundedHead
from app.server import create_app
from app.sockets.transport import socket_options
from app.whereabouts import address_of, published
from app.workers import kept_alive
from maestro.db import migrate
from maestro.errors import StartupError
from maestro.invocation import command
from maestro.master_keys import vault_of
from maestro.queue.address import is_prepared
from maestro.runtime import Runtime
from maestro.secret import secret_of
from maestro.settings import Settings
from maestro.version import VERSION
from resolvers.setup import ensure_owner

console = Console(highlight=False, soft_wrap=True)

DRAIN_S = 10
"""How long requests that are under way may take to end when the server is stopped."""

CURES: Final = {
    errno.EADDRINUSE: "Stop what listens there, or choose another port: --port 8001, or --port 0 for a free one.",
    errno.EACCES: "Choose a port from 1024 on: lower ones are for privileged accounts.",
}
"""What helps when a port cannot be had; anything else is wrong with the host."""


class Server(uvicorn.Server):
    """Uvicorn's server, which says when it accepts connections, and ends streams and WebSockets before the others."""

    def __init__(self, config: uvicorn.Config, app: Starlette, *, ready: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self.app = app
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            await self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, once streams and WebSockets, which would last for ever, have ended."""
        self.app.state.stopping.set()
        await self.app.state.sockets.drain(timedelta(seconds=DRAIN_S / 2))
        await super().shutdown(sockets)


@click.command()
@click.option("--host", help="Address to listen on; MAESTRO_HOST unless given.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, 0 for a free one; MAESTRO_PORT unless given.")
@click.option("--workers", type=click.IntRange(0, 64), help="Worker processes for jobs; MAESTRO_WORKERS unless given.")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Run the server, with an embedded PostgreSQL unless MAESTRO_DATABASE_URL is set, and workers for its jobs."""
    options = {"host": host, "port": port, "workers": workers}
    given = {name: value for name, value in options.items() if value is not None}
    settings = Settings(**given)  # type: ignore[arg-type] # names and types are those of the fields
    logging.getLogger().setLevel(settings.log_level)
    # Uvicorn ends its work and raises the signal again; this lets the database end as well, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listen(settings) as listener, database(settings, is_owner=True) as url:
        prepare(settings, url)
        base_url = address_of(settings, listener.getsockname()[1])
        app = create_app(settings, server_account(settings, url))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            # The application reads them itself, from the proxies that the settings name.
            proxy_headers=False,
            http=BoundedHead,
            timeout_graceful_shutdown=DRAIN_S,
            **socket_options(settings),
        )
        # The workers end before the database does, and begin when the server is ready: nobody waits for them.
        with published(settings.data_dir, base_url), kept_alive(settings.workers) as kept, suppress(KeyboardInterrupt):

            async def ready() -> None:
                await announce(app.state.runtime, base_url)
                kept.start()

            Server(config, app, ready=ready).run([listener])
        console.print("  [dim]Stopped.[/]")


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is started; StartupError when somebody has it."""
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise StartupError(
            # Python appends the address in parentheses, which stands in front already.
            f"Cannot listen on {settings.host}:{settings.port}: {str(error.strerror).partition(' (')[0]}.",
            hint=CURES.get(error.errno or 0, "Listen on an address of this machine: --host 127.0.0.1, for example."),
        ) from error


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


async def announce(runtime: Runtime, base_url: str) -> None:
    """Print where the server is and how to get in."""
    owner = await ensure_owner(runtime.db, archives=archives(runtime.settings))
    token = await runtime.access.create_link_token(owner.user_id)
    is_embedded = runtime.settings.database_url is None
    rows = {
        "Sign in": f"[bold cyan]{base_url}/sign-in?token={token}[/]",
        "": f"[dim]This link works once, within a day; {escape(command('link'))} prints another.[/]",
        "GraphiQL": f"{base_url}/graphiql",
        "GraphQL": f"{base_url}/graphql",
        "API key": escape(command("key create --name my-script")),
        "Database": f"embedded PostgreSQL in {escape(str(runtime.settings.data_dir))}" if is_embedded else "PostgreSQL",
    }
    console.print(f"\n  [bold]Maestro ML[/] {VERSION} is ready.\n")
    for name, value in rows.items():
        console.print(f"  [dim]{name:<10}[/]{value}")
    console.print("\n  [dim]Ctrl-C stops the server.[/]\n")
