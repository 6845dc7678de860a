"""Trying again: what passes is tried, everything else is told at once."""

import pytest

from connectors import retrying
from connectors.retrying import retried
from maestro.errors import MaestroError, Transient
from maestro.vendor_errors import ConnectorFailed


class Flaky:
    def __init__(self, *errors: MaestroError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_S", 0.001)


async def test_what_passes_is_tried_again_until_it_succeeds() -> None:
    work = Flaky(Transient("busy"), Transient("busy"))
    assert await retried(work) == "done"
    assert work.calls == 3


async def test_the_last_error_is_raised_when_it_does_not_pass() -> None:
    work = Flaky(*(Transient(str(number)) for number in range(9)))
    with pytest.raises(Transient, match=r"^2$"):
        await retried(work, tries=3)
    assert work.calls == 3


async def test_what_does_not_pass_is_not_tried_again() -> None:
    work = Flaky(ConnectorFailed("no"))
    with pytest.raises(ConnectorFailed):
        await retried(work)
    assert work.calls == 1


async def test_work_may_be_a_lambda() -> None:
    work = Flaky(Transient("busy"))
    assert await retried(lambda: work()) == "done"  # noqa: PLW0108 -- it is what is tried here
    assert work.calls == 2
