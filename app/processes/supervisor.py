"""The supervisor: forks the server processes, starts them again when they end, and ends them.

It is forked before a database, a lock or a thread is there, and opens nothing, so that what it forks begins with all
that was imported and nothing that is somebody else's. It ends, with all of them, when the server's process is gone.
"""

import logging
import os
import selectors
import signal
import socket
import time
from contextlib import suppress
from typing import Final

from app.member import Common
from app.processes.child import GO, OPENED, ORPHANED, Post, serve, tell_error
from app.processes.places import Child, Place
from maestro.settings import Settings

logger = logging.getLogger(__name__)

READY: Final = b"r"
LOST: Final = b"l"
"""What the server's process is told: all are ready, or one has ended before that."""
STOP: Final = b"s"
RENEW: Final = b"n"
"""What it tells: end all, or replace each by a new one, one after the other."""
STOP_S: Final = 25.0
"""How long processes may take to end by themselves; a little longer than it takes for their own part."""
URL_BYTES: Final = 65_536


class Supervisor:
    """The processes of one server, at the other end of a line to the server's own process."""

    def __init__(self, settings: Settings, listeners: list[socket.socket], line: socket.socket) -> None:
        self._settings, self._line = settings, line
        self._common = Common.of(len(listeners))
        self._places = [Place(number, listener) for number, listener in enumerate(listeners, start=1)]
        self._selector = selectors.DefaultSelector()
        self._url = ""
        self._is_complete = False
        self._to_renew: list[Place] = []
        self._stops_at: float | None = None

    def run(self) -> int:
        """Wait for the database's address, then keep the processes until told to end them; return the exit code."""
        self._url = self._line.recv(URL_BYTES).decode()
        if not self._url:
            return 0
        self._selector.register(self._line, selectors.EVENT_READ)
        for place in self._places:
            self._fork(place)
        while self._stops_at is None or self._children:
            for key, _ in self._selector.select(self._patience_s()):
                if key.data is None:
                    self._hear()
                else:
                    self._hear_child(key.data)
            self._do_what_is_due()
        return 0

    @property
    def _children(self) -> list[Child]:
        return [child for place in self._places for child in place.children]

    def _patience_s(self) -> float | None:
        moments = [self._stops_at] if self._stops_at else [place.starts_at for place in self._places]
        due = [moment for moment in moments if moment is not None]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._stops_at is None:
            for place in self._places:
                if place.starts_at is not None and place.starts_at <= now:
                    self._fork(place)
        elif self._stops_at <= now:
            self._signal(signal.SIGKILL)

    def _hear(self) -> None:
        told = self._line.recv(1)
        if not told:
            self._signal(signal.SIGKILL)
            # Nobody is left to be told, and PostgreSQL is ending.
            os._exit(ORPHANED)
        if told == RENEW and self._is_complete and not self._to_renew and self._stops_at is None:
            self._to_renew = list(self._places)
            self._renew_next()
        if told == STOP and self._stops_at is None:
            self._stop()

    def _stop(self) -> None:
        self._stops_at = time.monotonic() + STOP_S
        for place in self._places:
            # Connections are refused as soon as those who would accept them have closed it too.
            place.listener.close()
        for child in self._children:
            self._let_go(child)
        self._signal(signal.SIGTERM)

    def _hear_child(self, child: Child) -> None:
        told = b""
        with suppress(ConnectionResetError):
            told = child.line.recv(1)
        if told == OPENED:
            self._opened(child)
        elif not told:
            self._ended(child)

    def _opened(self, child: Child) -> None:
        child.is_ready = True
        logger.info("Server process %s is ready, as %s", child.place.number, child.pid)
        if self._is_complete:
            self._let_go(child)
            self._replace(child)
        elif all(place.is_served for place in self._places):
            self._is_complete = True
            for one in self._children:
                self._let_go(one)
            self._line.sendall(READY)

    def _replace(self, child: Child) -> None:
        """End whom a process succeeds, and go on with the next place."""
        for other in child.place.children:
            if other is not child:
                os.kill(other.pid, signal.SIGTERM)
        if self._to_renew and self._to_renew[0] is child.place:
            del self._to_renew[0]
            self._renew_next()

    def _renew_next(self) -> None:
        while self._to_renew:
            if len(self._to_renew[0].children) == 1:
                self._fork(self._to_renew[0])
                return
            # It has just been replaced, or is about to be.
            del self._to_renew[0]

    def _ended(self, child: Child) -> None:
        self._selector.unregister(child.line)
        child.line.close()
        _, status = os.waitpid(child.pid, 0)
        place, code = child.place, os.waitstatus_to_exitcode(status)
        place.children.remove(child)
        self._common.sockets.clear(child.column)
        if self._stops_at is not None:
            return
        if not self._is_complete:
            logger.error("Server process %s has ended with exit code %s before it was ready", place.number, code)
            self._line.sendall(LOST)
            self._stop()
            return
        if self._to_renew and self._to_renew[0] is place and not child.is_ready:
            logger.warning("The server processes are not replaced any further")
            self._to_renew.clear()
        if not place.children:
            pause_s = place.pause_after(child)
            logger.warning(
                "Server process %s has ended with exit code %s; the next one starts in %.1f s",
                *(place.number, code, pause_s),
            )

    def _fork(self, place: Place) -> None:
        place.starts_at = None
        ours, theirs = socket.socketpair()
        column = place.next_column(len(self._places))
        if (pid := os.fork()) == 0:
            ours.close()
            self._become(place, column, theirs)
        theirs.close()
        child = Child(pid, ours, place, column)
        place.children.append(child)
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _become(self, place: Place, column: int, line: socket.socket) -> None:
        """Be a server process: what the supervisor has open is closed, but for the place's own socket."""
        code = ORPHANED
        try:
            self._selector.close()
            self._line.close()
            for child in self._children:
                child.line.close()
            for other in self._places:
                if other is not place:
                    other.listener.close()
            post = Post(self._settings, self._url, place.listener)
            code = serve(self._common.member(place.number, column=column), post, line)
        finally:
            tell_error()
            os._exit(code)

    def _let_go(self, child: Child) -> None:
        with suppress(OSError):
            child.line.sendall(GO)

    def _signal(self, signum: signal.Signals) -> None:
        for child in self._children:
            os.kill(child.pid, signum)
