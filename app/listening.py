"""The port of a server, taken before anything else is started."""

import errno
import socket
import sys
from typing import Final

from maestro.errors import StartupError
from maestro.settings import Settings

CURES: Final = {
    errno.EADDRINUSE: "Stop what listens there, or choose another port: --port 8001, or --port 0 for a free one.",
    errno.EACCES: "Choose a port from 1024 on: lower ones are for privileged accounts.",
}
"""What helps when a port cannot be had; anything else is wrong with the host."""
SPREADS: Final = sys.platform == "linux"
"""Whether the system spreads connections over the sockets that share a port; elsewhere the last one gets them all."""


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is started; StartupError when somebody has it."""
    try:
        return socket.create_server((settings.host, settings.port), family=_family(settings))
    except OSError as error:
        raise _refusal(settings, error) from error


def listeners(settings: Settings) -> list[socket.socket]:
    """Take the port once for each process; StartupError when somebody has it.

    Where the system spreads connections each has a socket of its own, elsewhere they share one.
    """
    if not SPREADS:
        shared = listen(settings)
        return [shared, *(shared.dup() for _ in range(1, settings.processes))]
    taken: list[socket.socket] = []
    try:
        # The first one takes the port as one that shares it with nobody: another server's would not be noticed else.
        taken.append(_bound(settings, settings.port, is_first=True))
        port = taken[0].getsockname()[1]
        taken += [_bound(settings, port, is_first=False) for _ in range(1, settings.processes)]
        for one in taken:
            one.listen()
    except OSError as error:
        for one in taken:
            one.close()
        raise _refusal(settings, error) from error
    return taken


def _bound(settings: Settings, port: int, *, is_first: bool) -> socket.socket:
    bound = socket.socket(_family(settings))
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if not is_first:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((settings.host, port))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        bound.close()
        raise
    return bound


def _family(settings: Settings) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in settings.host else socket.AF_INET


def _refusal(settings: Settings, error: OSError) -> StartupError:
    return StartupError(
        # Python appends the address in parentheses, which stands in front already.
        f"Cannot listen on {settings.host}:{settings.port}: {str(error.strerror).partition(' (')[0]}.",
        hint=CURES.get(error.errno or 0, "Listen on an address of this machine: --host 127.0.0.1, for example."),
    )
