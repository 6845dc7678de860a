"""What Locust loads: users for the scenario that the orders name, driven by its plan."""

from typing import Any

import gevent
from locust import events
from locust.env import Environment

from loadtests.generator.listeners import SocketListener, StreamListener
from loadtests.generator.orders import Orders
from loadtests.generator.running import Test
from loadtests.generator.users import Sender

begun: list[Any] = []
environments: list[Environment] = []
test = Test(Orders.given())
Sender.test = SocketListener.test = StreamListener.test = test
Sender.fixed_count = test.orders.users
SocketListener.fixed_count = (test.scenario.listeners + 1) // 2
StreamListener.fixed_count = test.scenario.listeners // 2


def begin(user_count: int, **_: Any) -> None:
    """Drive the test once every user is there."""
    if user_count and not begun:
        begun.append(gevent.spawn(drive))


def remember(environment: Environment, **_: Any) -> None:
    """Keep what ends the test."""
    environments.append(environment)


def drive() -> None:
    """Carry out the plan, then end Locust: with 0, since what came of the requests is for the analysis to judge."""
    (environment,) = environments
    environment.process_exit_code = 1
    try:
        test.start()
        test.carry_out()
        environment.process_exit_code = 0
    finally:
        if environment.runner is not None:
            environment.runner.quit()


events.init.add_listener(remember)  # type: ignore[no-untyped-call] # Locust tells no types of it
events.spawning_complete.add_listener(begin)  # type: ignore[no-untyped-call]
