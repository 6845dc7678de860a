"""The events of a subscription, each of which is executed by itself and leaves nothing behind."""

from typing import Any

from graphql import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class ForgetfulExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes operations as Strawberry does, and forgets after an event what it has collected for it.

    graphql-core 3.3 keeps the fields that it has collected by the identity of lists that each event makes anew, in a
    dictionary that all events of a subscription share: whoever follows a run for a day takes more memory all day.
    """

    def build_per_event_executor(self, payload: Any) -> "Executor[Any]":
        """Return an executor for an event, with a memory of its own."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}  # noqa: SLF001 -- it is given by no parameter
        return executor
