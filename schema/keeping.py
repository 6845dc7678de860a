"""Which operations may be kept: looked at once they are valid, and asked of the data before they run."""

from collections.abc import AsyncIterator

from strawberry.extensions import SchemaExtension

from execution.policies import policy_of
from execution.policy import NOT_CACHEABLE, Policy
from execution.prepared import Prepared
from resolvers.context import Context


class Keeping(SchemaExtension):
    """Puts the policy of an operation into its context, and fixes how the data stood before it was run."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Look at the document; what is read later is then at least as new as what the versions say."""
        execution = self.execution_context
        ctx: Context = execution.context
        if ctx.prepared is not None and ctx.runtime.cache is not None:
            ctx.policy = policy_in(ctx.prepared, execution.operation_name)
            if ctx.policy.is_cacheable:
                await ctx.loaders.snapshot()
        yield


def policy_in(prepared: Prepared, operation_name: str | None) -> Policy:
    """Return the policy of an operation of a valid document."""
    return prepared.fact(("policy", operation_name), lambda: _policy(prepared, operation_name))


def _policy(prepared: Prepared, operation_name: str | None) -> Policy:
    if prepared.document is None:
        return NOT_CACHEABLE
    try:
        return policy_of(prepared.schema, prepared.document, operation_name)
    except RecursionError:
        return NOT_CACHEABLE
