"""What a test of a connector tries: named steps, of which each is timed, and skipped when an earlier one has failed."""

import time
from asyncio import timeout
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from maestro.errors import MaestroError
from maestro.vendor_errors import NotSupported, TimedOut

Try = Callable[[], Awaitable[str | None]]
"""Tries something, and returns what is to be told of it; raises what is wrong."""


class Outcome(StrEnum):
    """How a step has ended."""

    OK = "OK"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was tried, or left out; what is told of it holds no secret."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    message: str | None = None
    code: str | None = field(default=None)
    hint: str | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """It as plain JSON."""
        return asdict(self)


class Trial:
    """The steps of one test, each within a time."""

    def __init__(self, timeout_s: float) -> None:
        self.steps: list[Step] = []
        self.errors: list[MaestroError] = []
        self._until = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """How many seconds there are left for all."""
        return max(0.0, self._until - time.monotonic())

    def skip(self, name: str, why: str | None = None) -> None:
        """Leave a step out."""
        self.steps.append(Step(name, Outcome.SKIPPED, message=why))

    async def step(self, name: str, work: Try) -> bool:
        """Try something, and say whether it went well; what a vendor cannot do at all is left out."""
        began = time.monotonic()
        try:
            message = await within(self.left_s, work)
        except NotSupported as error:
            self.skip(name, error.message)
            return True
        except MaestroError as error:
            seconds = time.monotonic() - began
            self.errors.append(error)
            self.steps.append(Step(name, Outcome.FAILED, seconds, error.message, error.code, error.hint))
            return False
        self.steps.append(Step(name, Outcome.OK, time.monotonic() - began, message))
        return True


async def within(seconds: float, work: Try) -> str | None:
    """Do something within a time; TimedOut."""
    try:
        async with timeout(seconds):
            return await work()
    except TimeoutError:
        raise TimedOut(
            f"There was no answer within {seconds:.1f} s.",
            hint="Look whether the address leads to where it should, and whether a firewall is between.",
            timeoutSeconds=round(seconds, 1),
        ) from None
