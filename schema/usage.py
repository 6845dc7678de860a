"""What comes of running a document: the use of a registered one is counted, a text that a client leaves is kept."""

import time
from collections.abc import AsyncIterator, Iterator

from strawberry.extensions import SchemaExtension

from maestro.db.tables.enums import DocumentKind
from resolvers.context import Context


class UsageNoting(SchemaExtension):
    """Notes an operation around everything else that happens to it."""

    def on_operation(self) -> Iterator[None]:
        """Count the use of a registered document, with its time and its cost."""
        began, is_cut_off = time.perf_counter(), True
        try:
            yield
            is_cut_off = False
        finally:
            self._note(time.perf_counter() - began, is_cut_off=is_cut_off)

    async def on_execute(self) -> AsyncIterator[None]:
        """Keep the text for automatic persisted queries: what comes here is valid, and may run."""
        ctx, text = self._context, self.execution_context.query
        if ctx.left is not None and text is not None:
            await ctx.runtime.automatic.keep(ctx.organization_id, ctx.left, text)
        yield

    @property
    def _context(self) -> Context:
        ctx: Context = self.execution_context.context
        return ctx

    def _note(self, seconds: float, *, is_cut_off: bool) -> None:
        ctx = self._context
        if ctx.document is None:
            return
        # A subscription lasts as long as its client likes, and ends by being cut off.
        lasts = ctx.document.kind == DocumentKind.SUBSCRIPTION
        is_error = bool(self.execution_context.pre_execution_errors) or (is_cut_off and not lasts)
        timed = None if lasts else seconds
        ctx.runtime.usage.note(ctx.document, ctx.client, seconds=timed, is_error=is_error, cost=ctx.cost)
