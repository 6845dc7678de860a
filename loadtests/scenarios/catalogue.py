"""All scenarios: their plans, how long they take, and what they need of the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from loadtests.scenarios import baseline, endurance, rate_limit, spike, stress, tenant_isolation
from loadtests.scenarios.phases import Options, Planned
from loadtests.slo import REQUESTS_FOR_ISOLATION

USERS: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A plan with its options in the long form and in the short one.

    The scenario of sockets has no plan, and a generator of its own. `users` send requests, each over a connection of
    its own; `listeners` follow a run each, half of them over WebSockets, half by server-sent events. `settings` are the
    server's. `checks` is whether each answer is looked through for what belongs to another organisation.
    """

    title: str
    plan: Planned | None
    long: Options
    short: Options
    users: int = USERS
    listeners: int = 8
    organizations: int = 2
    settings: Mapping[str, str] = field(default_factory=dict)
    checks: bool = False
    has_bare: bool = False


def _options(rate: float, seconds: float, requests: int = 0) -> Options:
    return Options(rate=rate, seconds=seconds, requests=requests)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "baseline": Scenario(
        title="Baseline",
        plan=baseline.plan,
        long=_options(25, 60),
        short=_options(25, 20),
        has_bare=True,
    ),
    "stress": Scenario(title="Stress", plan=stress.plan, long=_options(50, 60), short=_options(50, 20)),
    "spike": Scenario(title="Spike", plan=spike.plan, long=_options(25, 60), short=_options(25, 20)),
    "endurance": Scenario(
        title="Endurance",
        plan=endurance.plan,
        long=_options(25, 3600),
        short=_options(25, 600),
        # Caches that fill up for as long as the test goes on would be taken for what is never given back.
        settings={"MAESTRO_CACHE_BYTES": "1048576", "MAESTRO_ANSWER_CACHE_BYTES": "1048576"},
    ),
    "rate-limit": Scenario(
        title="Rate limit",
        plan=rate_limit.plan,
        long=_options(0, 60),
        short=_options(0, 20),
        users=16,
        listeners=0,
        organizations=1,
        settings={
            "MAESTRO_RATE_LIMIT_REQUESTS": f"{rate_limit.LIMIT}/day",
            "MAESTRO_RATE_LIMIT_ORGANIZATION": "0",
        },
    ),
    "tenant-isolation": Scenario(
        title="Tenant isolation",
        plan=tenant_isolation.plan,
        long=_options(0, 3600, REQUESTS_FOR_ISOLATION),
        short=_options(0, 240, REQUESTS_FOR_ISOLATION // 10),
        users=16,
        organizations=3,
        checks=True,
    ),
}
"""Each scenario that Locust runs, by its name."""
