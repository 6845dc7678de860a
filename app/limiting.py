"""Rate limits over HTTP: the headers that tell of them, and the answer to a request that is refused.

The headers are those of the IETF's draft draft-ietf-httpapi-ratelimit-headers, version 10.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.answers import refusal_of
from maestro.errors import RateLimited
from maestro.rate_limits import Bucket, RateLimiter, Receipt
from maestro.rates import rate_of
from maestro.settings import Settings
from maestro.windows import Windows

Handler = Callable[[Request], Awaitable[Response]]
TOO_MANY_REQUESTS: Final = 429


def limiter_of(settings: Settings, windows: Windows | None = None) -> RateLimiter:
    """Make the limiter that the settings describe; it counts in `windows` where processes share some."""
    return RateLimiter(
        {
            Bucket.REQUESTS: rate_of(settings.rate_limit_requests),
            Bucket.COST: rate_of(settings.rate_limit_cost),
            Bucket.INGEST: rate_of(settings.rate_limit_ingest),
        },
        organization_factor=settings.rate_limit_organization,
        redis_url=None if settings.redis_url is None else settings.redis_url.get_secret_value(),
        windows=windows,
    )


async def answered(request: Request, response: Response) -> Response:
    """Charge a request that never became an operation, and return the answer with its limits."""
    receipt = await _charge(request, Bucket.REQUESTS)
    return with_limits(response if receipt.refusal is None else refused(receipt.refusal), receipt)


def limited(bucket: Bucket) -> Callable[[Handler], Handler]:
    """Charge each request to one bucket; a refused one does not reach the handler."""

    def wrapped(handler: Handler) -> Handler:
        @wraps(handler)
        async def answer(request: Request) -> Response:
            receipt = await _charge(request, bucket)
            response = refused(receipt.refusal) if receipt.refusal else await handler(request)
            return with_limits(response, receipt)

        return answer

    return wrapped


def refused(refusal: RateLimited) -> Response:
    """Return the answer to a request that is refused."""
    response = refusal_of(refusal, TOO_MANY_REQUESTS)
    if retry := refusal.details.get("retryAfterSeconds"):
        response.headers["retry-after"] = str(retry)
    return response


async def _charge(request: Request, bucket: Bucket) -> Receipt:
    limiter: RateLimiter = request.app.state.runtime.limiter
    return await limiter.charge(request.state.viewer, {bucket: 1})


def with_limits(response: Response, receipt: Receipt | None) -> Response:
    """Return an answer with the headers that tell of the limits."""
    response.headers.update(limits_in(receipt))
    return response


def limits_in(receipt: Receipt | None) -> dict[str, str]:
    """Return the headers that tell of the limits."""
    standings = () if receipt is None else receipt.standings
    if not standings:
        return {}
    policies = (f'"{one.bucket}";q={one.rate.amount};w={one.rate.window_s}' for one in standings)
    filled = (f'"{one.bucket}";r={one.remaining};t={one.resets_in_s}' for one in standings)
    return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(filled)}
