"""Rate limits in memory and in a real Valkey: what fits, what is refused and until when, and what happens without."""

import asyncio
import logging
import time
from uuid import uuid4

import pytest

from maestro.access import Grants, SignInMethod, Viewer
from maestro.rate_limits import Bucket, RateLimiter, Receipt
from maestro.rates import Rate, rate_of
from maestro.shared_redis import PAUSE_S
from maestro.shared_windows import SharedWindows
from maestro.windows import ROOM, Window, Windows
from tests.fixtures.redis import valkey

REQUEST = {Bucket.REQUESTS: 1}


def viewer() -> Viewer:
    return Viewer(uuid4(), uuid4(), "Somebody", None, SignInMethod.API_KEY, Grants(), api_key_id=uuid4())


def colleague(of: Viewer) -> Viewer:
    return Viewer(uuid4(), of.organization_id, "Another", None, SignInMethod.API_KEY, Grants(), api_key_id=uuid4())


def limiter(redis_url: str | None = None, *, factor: int = 0, **rates: str) -> RateLimiter:
    known = {Bucket(name): rate_of(rate) for name, rate in rates.items()}
    return RateLimiter(known, organization_factor=factor, redis_url=redis_url)


async def remaining(receipt: Receipt, bucket: Bucket) -> int | None:
    standing = receipt.standing(bucket)
    return None if standing is None else standing.remaining


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("3000/minute", Rate(3000, 60)),
        ("5 per 10 seconds", Rate(5, 10)),
        ("1/day", Rate(1, 86_400)),
        ("off", None),
        (" OFF ", None),
        ("", None),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["3000", "many/minute", "3/fortnight", "-3/minute", "1/minute;2/hour", "0/minute"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"3000/minute, or off|would refuse everything"):
        rate_of(text)


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest) -> str | None:
    found: str | None = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return found


async def test_what_fits_is_counted_and_what_does_not_is_refused(url: str | None) -> None:
    limits, somebody = limiter(url, requests="3/hour"), viewer()
    receipts = [await limits.charge(somebody, REQUEST) for _ in range(5)]
    assert [await remaining(receipt, Bucket.REQUESTS) for receipt in receipts] == [2, 1, 0, 0, 0]
    assert [receipt.refusal is None for receipt in receipts] == [True, True, True, False, False]
    await limits.close()


async def test_a_refusal_says_which_bucket_and_when_to_come_again(url: str | None) -> None:
    limits, somebody = limiter(url, requests="1/hour"), viewer()
    await limits.charge(somebody, REQUEST)
    refusal = (await limits.charge(somebody, REQUEST)).refusal
    assert refusal is not None
    retry = refusal.details["retryAfterSeconds"]
    assert refusal.extensions == {
        "code": "RATE_LIMITED",
        "bucket": "requests",
        "limit": 1,
        "retryAfterSeconds": retry,
        "hint": f"Send it again in {retry} s.",
    }
    # With the next window, this one counts for less than a whole request.
    assert 0 < retry <= 3_601
    await limits.close()


async def test_a_refused_amount_counts_for_nothing(url: str | None) -> None:
    limits, somebody = limiter(url, cost="100/hour"), viewer()
    await limits.charge(somebody, {Bucket.COST: 60})
    assert (await limits.charge(somebody, {Bucket.COST: 50})).refusal is not None
    assert (await limits.charge(somebody, {Bucket.COST: 40})).refusal is None
    await limits.close()


async def test_what_one_credential_is_refused_uses_nothing_up_of_its_organisation(url: str | None) -> None:
    limits, greedy = limiter(url, factor=2, requests="2/hour"), viewer()
    outcomes = [(await limits.charge(greedy, REQUEST)).refusal is None for _ in range(6)]
    assert outcomes == [True] * 2 + [False] * 4
    assert (await limits.charge(colleague(greedy), REQUEST)).refusal is None
    await limits.close()


async def test_more_than_the_whole_limit_never_fits_and_has_no_time_to_retry(url: str | None) -> None:
    limits = limiter(url, cost="100/hour")
    refusal = (await limits.charge(viewer(), {Bucket.COST: 101})).refusal
    assert refusal is not None
    assert refusal.message.startswith("This asks for 101; 100 objects")
    assert "retryAfterSeconds" not in refusal.extensions
    await limits.close()


async def test_after_the_time_that_was_told_it_fits_and_before_it_does_not(url: str | None) -> None:
    limits, somebody = limiter(url, requests="4/second"), viewer()
    while (refusal := (await limits.charge(somebody, {Bucket.REQUESTS: 4})).refusal) is None:
        pass
    assert (await limits.charge(somebody, {Bucket.REQUESTS: 4})).refusal is not None
    await asyncio.sleep(refusal.details["retryAfterSeconds"])
    assert (await limits.charge(somebody, {Bucket.REQUESTS: 4})).refusal is None
    await limits.close()


async def test_credentials_do_not_share_a_bucket_but_those_of_an_organisation_do(url: str | None) -> None:
    limits, one = limiter(url, factor=2, requests="2/hour"), viewer()
    others = [colleague(one), colleague(one)]
    outcomes = [(await limits.charge(who, REQUEST)).refusal for who in (one, one, others[0], others[0], others[1])]
    assert [refusal and refusal.details["bucket"] for refusal in outcomes] == [None] * 4 + ["organization-requests"]
    assert (await limits.charge(viewer(), REQUEST)).refusal is None
    await limits.close()


async def test_ingest_and_requests_do_not_starve_each_other(url: str | None) -> None:
    limits, somebody = limiter(url, requests="1/hour", ingest="1/hour"), viewer()
    await limits.charge(somebody, REQUEST)
    assert (await limits.charge(somebody, REQUEST)).refusal is not None
    assert (await limits.charge(somebody, {Bucket.INGEST: 1})).refusal is None
    await limits.close()


async def test_a_refused_bucket_leaves_those_after_it_alone(url: str | None) -> None:
    limits, somebody = limiter(url, requests="1/hour", cost="10/hour"), viewer()
    both = {Bucket.REQUESTS: 1, Bucket.COST: 4}
    await limits.charge(somebody, both)
    await limits.charge(somebody, both)
    assert await remaining(await limits.charge(somebody, {Bucket.COST: 1}), Bucket.COST) == 5
    await limits.close()


async def test_a_bucket_that_is_off_is_not_counted() -> None:
    limits = limiter(requests="off", cost="5/hour")
    receipt = await limits.charge(viewer(), {Bucket.REQUESTS: 1_000_000, Bucket.COST: 1})
    assert [standing.bucket for standing in receipt.standings] == [Bucket.COST]


@pytest.mark.parametrize("windows", [Windows, SharedWindows])
async def test_who_has_nothing_left_is_known_before_anything_is_counted(windows: type[Windows]) -> None:
    rates = {Bucket.REQUESTS: Rate(2, 3_600)}
    limits, one = RateLimiter(rates, organization_factor=2, windows=windows()), viewer()
    others = [colleague(one), colleague(one)]
    for who in (one, one, others[0]):
        assert limits.spent(who) is None
        await limits.charge(who, REQUEST)
    assert limits.spent(others[0]) is None
    await limits.charge(others[0], REQUEST)
    for who in (one, *others):
        seen, charged = limits.spent(who), await limits.charge(who, REQUEST)
        assert seen is not None
        assert charged.refusal is not None
        assert (seen.refusal or charged.refusal).details == charged.refusal.details
    assert limits.spent(viewer()) is None


async def test_what_redis_counts_is_left_to_the_charge(redis_url: str) -> None:
    limits, somebody = limiter(redis_url, requests="1/hour"), viewer()
    await limits.charge(somebody, REQUEST)
    assert limits.spent(somebody) is None
    assert (await limits.charge(somebody, REQUEST)).refusal is not None
    await limits.close()


async def test_two_servers_share_their_limits_through_redis(redis_url: str) -> None:
    servers, somebody = [limiter(redis_url, requests="4/hour") for _ in range(2)], viewer()
    receipts = [await servers[turn % 2].charge(somebody, REQUEST) for turn in range(6)]
    assert [receipt.refusal is None for receipt in receipts] == [True] * 4 + [False] * 2
    for server in servers:
        await server.close()


async def test_without_redis_each_server_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "maestro.rate_limits")
    with valkey() as server:
        limits, somebody = limiter(server.connection_url, requests="2/hour"), viewer()
        await limits.charge(somebody, REQUEST)
        server.terminate()
        receipts = [await limits.charge(somebody, REQUEST) for _ in range(3)]
        assert [await remaining(receipt, Bucket.REQUESTS) for receipt in receipts] == [1, 0, 0]
        assert [receipt.refusal is None for receipt in receipts] == [True, True, False]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "Redis is away, rate limits are counted by each server meanwhile"
    ]
    await limits.close()


async def test_redis_that_is_not_there_costs_no_request_and_is_then_left_alone() -> None:
    limits, somebody = limiter("redis://127.0.0.1:1", requests="1000/hour"), viewer()
    await limits.charge(somebody, REQUEST)
    before = time.monotonic()
    for _ in range(100):
        assert (await limits.charge(somebody, REQUEST)).refusal is None
    assert time.monotonic() - before < PAUSE_S
    assert await remaining(await limits.charge(somebody, REQUEST), Bucket.REQUESTS) == 1000 - 102
    await limits.close()


@pytest.mark.parametrize(
    ("window", "amount", "wait"),
    [
        # 10 of the window before count half: five more than fit, so it has to fade to one of ten.
        (Window(10, 30.0, 8, 90.0), 1, 30 - 2 * 6.0),
        (Window(0, 0.0, 10, 90.0), 1, 30.0 + 60 * (1 - 1.0)),
        (Window(0, 0.0, 10, 90.0), 10, 30.0 + 60 * (1 - 0.1)),
    ],
)
def test_a_window_tells_when_an_amount_will_fit(window: Window, amount: int, wait: float) -> None:
    assert window.fits_in_s(amount, 10, 60) == pytest.approx(wait)


async def test_keys_of_past_windows_are_forgotten() -> None:
    windows = Windows()
    for number in range(ROOM):
        await windows.acquire_sliding_window_entry(f"old/{number}", 5, 1)
    await asyncio.sleep(2.1)
    await windows.acquire_sliding_window_entry("new", 5, 1)
    assert list(windows._counts) == ["new"]
