"""What is left of the events of a subscription once they were told: nothing."""

import gc
from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry
from graphql.execution.collect_fields import CollectedFields

from execution.events import ForgetfulExecutor

EVENTS = 50
FOLLOW = "subscription { ticks { number next { number } } }"


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    def next(self) -> "Tick":
        return Tick(number=self.number + 1)


@strawberry.type
class Query:
    name: str = "ticks"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[Tick]:
        for number in range(EVENTS):
            yield Tick(number=number)


def kept() -> int:
    gc.collect()
    return sum(isinstance(one, CollectedFields) for one in gc.get_objects())


async def test_an_event_that_was_told_leaves_nothing_behind() -> None:
    schema = strawberry.Schema(Query, subscription=Subscription, execution_context_class=ForgetfulExecutor)
    results = await schema.subscribe(FOLLOW)
    async with aclosing(results) as told:
        assert (await anext(told)).data == {"ticks": {"number": 0, "next": {"number": 1}}}
        first = kept()
        for number in range(1, EVENTS):
            assert (await anext(told)).data == {"ticks": {"number": number, "next": {"number": number + 1}}}
        assert kept() <= first
