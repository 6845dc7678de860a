"""Programs of PostgreSQL are run as another account, on whatever loop the jobs run."""

import asyncio
import os

import pytest
import uvloop

from maestro.postgres.account import Account
from ops.point_in_time.programs import ask

NOBODY = Account(65534, 65534)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_program_is_run_as_another_account_and_in_none_of_our_groups(loop: type[asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        finished = runner.run(ask(["id"], account=NOBODY))
    assert finished.code == 0
    uid, gid, groups = finished.output.split()
    assert (uid[:9], gid[:9], groups.rpartition("(")[0]) == ("uid=65534", "gid=65534", "groups=65534")


def test_without_an_account_it_is_run_as_we_are() -> None:
    assert asyncio.run(ask(["id", "-u"])).output.strip() == str(os.geteuid())
