"""One request and its answer: who has asked for what, in which form the answer goes, and what it tells beside it."""

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from app.answers import encoded, errors_of
from app.graphql.conditional import NOT_MODIFIED, cache_status, is_known, tags_of
from app.graphql.negotiation import Accepted, Form, accepted
from app.graphql.reading import Batch, read
from app.graphql.refusals import Refused, needs_stream, not_acceptable
from app.graphql.running import IsSubscription, Outcome, Runner, context_of
from app.graphql.statuses import UNPROCESSABLE, failure_of, headers_of, status_of
from app.graphql.streams import Stream
from app.limiting import TOO_MANY_REQUESTS, answered, limits_in, with_limits
from maestro.errors import BadRequest
from maestro.rate_limits import RateLimiter
from maestro.requests import OperationRequest
from maestro.settings import Settings
from maestro.telemetry.graphql import ANSWER_BYTES
from resolvers.context import Context


class Exchange:
    """A request that is being answered."""

    def __init__(self, runner: Runner, request: Request, stopping: asyncio.Event) -> None:
        self.runner = runner
        self.request = request
        self.stopping = stopping
        self.settings: Settings = request.app.state.runtime.settings
        self.wanted: Accepted = accepted(", ".join(request.headers.getlist("accept")) or None)

    async def response(self) -> Response:
        """Do what the request asks for and return what is to be sent."""
        try:
            if self.wanted.single is None and (self.wanted.stream is None or self.request.method == "HEAD"):
                raise not_acceptable()
            return await self._answer(await read(self.request, max_batch=self.settings.max_batch))
        except Refused as refused:
            status = UNPROCESSABLE if self._is_draft and refused.is_malformed else refused.status
            response = self._whole({"errors": errors_of(refused.error)}, status, refused.headers)
            return await answered(self.request, response)

    def refused(self) -> Response | None:
        """Refuse who has no request left before anything is read; by POST they may log, which is charged elsewhere."""
        limiter: RateLimiter = self.request.app.state.runtime.limiter
        spent = None if self.request.method == "POST" else limiter.spent(self.request.state.viewer)
        if spent is None or spent.refusal is None:
            return None
        limiter.refuse(spent)
        answer = {"errors": errors_of(spent.refusal)}
        return self._whole(answer, TOO_MANY_REQUESTS, {**headers_of(answer, TOO_MANY_REQUESTS), **limits_in(spent)})

    async def _answer(self, asked: OperationRequest | Batch) -> Response:
        if isinstance(asked, list):
            return await self._batch(asked)
        if self.wanted.stream is not None and (self.wanted.prefers_stream or self.wanted.single is None):
            return await self._stream(asked, self.wanted.stream)
        ctx = context_of(self.request)
        try:
            outcome = await self.runner.run(ctx, asked, method=self.request.method)
        except IsSubscription:
            if self.wanted.stream is None:
                raise needs_stream() from None
            return await self._stream(asked, self.wanted.stream)
        return self._single(ctx, outcome)

    def _single(self, ctx: Context, outcome: Outcome) -> Response:
        answer = outcome.answer
        status = outcome.status or status_of(answer, self._form, is_draft=self._is_draft)
        headers = {**headers_of(answer, status), **limits_in(ctx.receipt), **cache_status(outcome)}
        if self.request.method != "POST" and status == 200 and "errors" not in answer:  # noqa: PLR2004 -- OK
            headers |= tags_of(outcome)
            if is_known(self.request, headers["etag"]):
                return Response(status_code=NOT_MODIFIED, headers=headers)
        return self._whole(answer, status, headers)

    async def _batch(self, members: Batch) -> Response:
        """Run the operations of a batch beside each other; they have nothing in common but the request."""
        if self.wanted.single is None:
            raise not_acceptable()
        contexts = [context_of(self.request) for _ in members]
        outcomes = await asyncio.gather(*(self._member(*pair) for pair in zip(contexts, members, strict=True)))
        return with_limits(self._whole([outcome.answer for outcome in outcomes], 200, {}), contexts[-1].receipt)

    async def _member(self, ctx: Context, asked: OperationRequest | BadRequest) -> Outcome:
        try:
            return await self.runner.run(ctx, asked, method=self.request.method)
        except IsSubscription:
            error = needs_stream().error
        except Refused as refused:
            error = refused.error
        return await self.runner.charged(ctx, Outcome({"errors": errors_of(error)}))

    async def _stream(self, asked: OperationRequest, form: Form) -> Response:
        ctx = context_of(self.request)
        stream = Stream(
            self.runner.stream(ctx, asked, method=self.request.method),
            form,
            heartbeat_s=self.settings.stream_heartbeat.total_seconds(),
            stopping=self.stopping,
        )
        first = await stream.first()
        if first is not None and failure_of(first.answer):
            await stream.close()
            return self._single(ctx, first)
        return with_limits(stream, ctx.receipt)

    def _whole(self, content: object, status: int, headers: Mapping[str, str]) -> Response:
        body = encoded(content)
        ANSWER_BYTES.observe(len(body))
        return Response(body, status, {**headers, "content-type": self._form.value})

    @property
    def _form(self) -> Form:
        """The form of an answer that is sent whole, also to who takes none."""
        return self.wanted.single or Form.JSON

    @property
    def _is_draft(self) -> bool:
        return self.settings.draft_status_codes and self._form is Form.RESPONSE
