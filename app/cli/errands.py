"""`python -m app errands`: the process that a server starts to ask connectors; nobody else has a use for it."""

import os

import click

from app.errands.child import serve


@click.command(hidden=True)
@click.argument("descriptor", type=int)
def errands(descriptor: int) -> None:
    """Run errands for the server that holds the other end of a socket, until it closes it."""
    code = serve(descriptor)
    # Threads of drivers may wait for a vendor that is gone.
    os._exit(code)
