"""What is counted of requests, sockets and streams, of who is let in, and of what is logged."""

import httpx
from starlette.applications import Starlette

from maestro.access.keys import KeySpec
from maestro.runtime import Runtime
from maestro.telemetry.process import LAG
from ops.compaction import compact
from resolvers.setup import Owner
from tests.fixtures.graphql import Api, browser, owners_key, with_settings
from tests.fixtures.hearing import caught_up
from tests.fixtures.metrics import local, scrape
from tests.fixtures.sockets import ask, closed, connected, hear, listening, opened, tell, until, until_nothing_is_left
from tests.schema.metric_texts import FINISH, LOG, batch, log, metric, new_run

FOLLOW = "subscription Follow($id: ID!) { runUpdated(id: $id) { status } }"


async def test_requests_are_counted_by_route_method_and_status(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    answer = await client.get("/livez")
    await client.get("/graphiql/nothing.js")
    await client.get("/download/made-up")
    await client.post("/graphql", json={"query": "{ __typename }"})
    after = await scrape(client)
    assert after.since(before, "maestro_http_requests_total") == {
        ("GET", "/livez", "200"): 1,
        ("GET", "/graphiql", "404"): 1,
        ("GET", "/download/{token}", "403"): 1,
        ("POST", "/graphql", "200"): 1,
        ("GET", "/metrics", "200"): 1,
    }
    assert after.since(before, "maestro_http_response_bytes_total")["/livez",] == len(answer.content)
    assert after.since(before, "maestro_http_request_duration_seconds_count")["/livez",] == 1
    assert after.value("maestro_http_requests_in_flight") == 1, "the scrape itself"


async def test_addresses_and_methods_that_are_made_up_add_one_series(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    for number in range(20):
        await client.get(f"/made/up/{number}")
        await client.request(f"M{number}", f"/livez?{number}")
        await client.request("BREW", f"/coffee/{number}")
    after = await scrape(client)
    assert after.since(before, "maestro_http_requests_total") == {
        ("GET", "other", "404"): 20,
        ("other", "/livez", "405"): 20,
        ("other", "other", "404"): 20,
        ("GET", "/metrics", "200"): 1,
    }


async def test_credentials_are_counted_by_what_they_are_and_whether_they_are_good(
    app: Starlette, runtime: Runtime, person: httpx.AsyncClient
) -> None:
    key = await owners_key(runtime)
    before = await local(app)
    await person.get("/livez")
    async with browser(app) as http:
        await http.get("/livez", headers={"authorization": f"Bearer {key}"})
        for number in range(3):
            await http.get("/livez", headers={"authorization": f"Bearer mst_made-up-{number}"})
        await http.get("/graphql")
    assert (await local(app)).since(before, "maestro_credentials_total") == {
        ("session", "accepted"): 1,
        ("key", "accepted"): 1,
        ("key", "refused"): 3,
        ("none", "refused"): 2,
    }


async def test_sign_ins_by_link_are_counted(app: Starlette, anonymous: httpx.AsyncClient, token: str) -> None:
    before = await local(app)
    for shown in (token, token, "made-up"):
        await anonymous.get("/sign-in", params={"token": shown})
    assert (await local(app)).since(before, "maestro_sign_ins_total") == {
        ("accepted", "LINK"): 1,
        ("refused", "LINK"): 2,
    }


@with_settings(max_sockets=1)
async def test_sockets_are_counted_with_their_messages_and_how_they_end(
    app: Starlette, runtime: Runtime, url: str
) -> None:
    key = await owners_key(runtime)
    before = await local(app)
    async with connected(url, key) as websocket:
        assert (await local(app)).value("maestro_websockets_open") == 1
        await ask(websocket, "query Name { __typename }")
        async with opened(url, key) as second:
            assert await closed(second) == 1013
        await tell(websocket, type="ping")
        await hear(websocket)
    await until(lambda: not len(app.state.sockets))
    after = await local(app)
    assert after.value("maestro_websockets_open") == 0
    assert after.since(before, "maestro_websockets_opened_total") == {(): 2}
    assert after.since(before, "maestro_websockets_closed_total") == {("client",): 1, ("1013",): 1}
    assert after.since(before, "maestro_websocket_messages_total") == {
        ("in", "connection_init"): 1,
        ("in", "subscribe"): 1,
        ("in", "ping"): 1,
        ("out", "connection_ack"): 1,
        ("out", "next"): 1,
        ("out", "complete"): 1,
        ("out", "pong"): 1,
    }
    assert after.since(before, "maestro_graphql_operations_total") == {("Name", "data"): 1}
    assert after.since(before, "maestro_graphql_operation_duration_seconds_count") == {("Name",): 1}


async def test_a_subscription_on_a_socket_is_one_operation_with_its_events(
    app: Starlette, api: Api, runtime: Runtime, *, url: str
) -> None:
    run = await new_run(api)
    await caught_up(runtime.events, runtime.db)
    before = await local(app)
    async with connected(url, await owners_key(runtime)) as websocket:
        await tell(websocket, id="1", type="subscribe", payload={"query": FOLLOW, "variables": {"id": run}})
        await hear(websocket)
        during = await local(app)
        assert during.value("maestro_websocket_operations_open") == 1
        assert during.value("maestro_graphql_operations_in_flight") == 0
        await api(FINISH, id=run)
        await hear(websocket)
    await until_nothing_is_left(runtime)
    after = await local(app)
    assert after.since(before, "maestro_graphql_operations_total") == {("Follow", "data"): 1}
    assert after.since(before, "maestro_graphql_operation_duration_seconds_count") == {}
    assert after.since(before, "maestro_graphql_subscription_events_total") == {("websocket",): 2}
    assert after.value("maestro_websocket_operations_open") == 0


async def test_a_stream_of_events_is_counted_while_it_is_open(app: Starlette, api: Api, runtime: Runtime) -> None:
    run = await new_run(api)
    await caught_up(runtime.events, runtime.db)
    before = await local(app)
    headers = {"authorization": f"Bearer {await owners_key(runtime)}", "accept": "text/event-stream"}
    content = {"query": FOLLOW, "variables": {"id": run}}
    async with listening(app) as address, httpx.AsyncClient(base_url=address, trust_env=False) as http:
        async with http.stream("POST", "/graphql", json=content, headers=headers) as response:
            await anext(response.aiter_text())
            assert (await local(app)).value("maestro_event_streams_open") == 1
        await until(lambda: not any(task for task in runtime.events._queues if "run" in str(task)))
    after = await local(app)
    assert after.value("maestro_event_streams_open") == 0
    assert after.since(before, "maestro_event_streams_opened_total") == {(): 1}
    assert after.since(before, "maestro_graphql_operations_total") == {("Follow", "data"): 1}
    assert after.since(before, "maestro_graphql_subscription_events_total") == {("http",): 1}


async def test_what_is_logged_is_counted_once(app: Starlette, api: Api) -> None:
    run = await new_run(api)
    before = await local(app)
    for _ in range(2):
        await api(LOG, input=batch(run, 0, metrics=[metric(range(10))], params=[{"key": "lr", "value": 0.1}]))
    await api(FINISH, id=run)
    await api.errors(LOG, input=batch(run, 1, metrics=[metric([11])]))
    after = await local(app)
    assert after.since(before, "maestro_ingest_batches_total") == {("written",): 1, ("repeated",): 1, ("refused",): 1}
    assert after.since(before, "maestro_ingest_points_total") == {(): 10}
    assert after.since(before, "maestro_ingest_params_total") == {(): 1}
    assert after.since(before, "maestro_ingest_group_commit_batches_sum") == {(): 3}
    assert after.since(before, "maestro_ingest_group_commit_duration_seconds_count") == {(): 3}


async def test_compaction_is_counted_with_its_points(app: Starlette, api: Api, runtime: Runtime) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(20)))
    await api(FINISH, id=run)
    before = await local(app)
    await compact(runtime.db)
    after = await local(app)
    assert after.since(before, "maestro_compactions_total") == {(): 1}
    assert after.since(before, "maestro_points_compacted_total") == {(): 20}


async def test_what_a_quota_refuses_is_counted(app: Starlette, api: Api) -> None:
    run = await new_run(api)
    await api("mutation { setQuotas(input: {pointsPerDay: 5}) { version } }")
    before = await local(app)
    await api.errors(LOG, input=batch(run, 0, metrics=[metric(range(10))]))
    assert (await local(app)).since(before, "maestro_quota_refusals_total") == {("pointsPerDay",): 1}


async def test_what_a_process_uses_is_told(anonymous: httpx.AsyncClient) -> None:
    told = await scrape(anonymous)
    for name in (
        "maestro_process_cpu_seconds_total",
        "maestro_process_resident_memory_bytes",
        "maestro_process_open_fds",
        "maestro_process_max_fds",
        "maestro_process_threads",
        "maestro_process_start_time_seconds",
        "maestro_event_loop_tasks",
        "maestro_gc_collections_total",
        "maestro_gc_collected_objects_total",
        "maestro_build_info",
        "maestro_metrics_series",
    ):
        assert any(told.series(name).values()), name
    assert told.value("maestro_setting_value", setting="pool_size") == 12
    assert told.series("maestro_processes") == {("server",): 1}


async def test_how_late_the_event_loop_is_is_measured(anonymous: httpx.AsyncClient) -> None:
    before = await scrape(anonymous)
    glances = sum(LAG.values.get((), [0.0])[:-1])
    await until(lambda: sum(LAG.values.get((), [0.0])[:-1]) > glances)
    assert (await scrape(anonymous)).since(before, "maestro_event_loop_lag_seconds_count")[()] >= 1


async def test_a_key_of_a_service_says_no_more_than_that_it_is_a_key(
    app: Starlette, runtime: Runtime, owner: Owner
) -> None:
    spec = KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="very-secret-name")
    made = await runtime.access.create_key(spec)
    async with browser(app, authorization=f"Bearer {made.key}") as http:
        await http.get("/livez")
        text = (await http.get("/metrics")).text
    for secret in ("very-secret-name", made.key, str(owner.organization_id), owner.user_id.hex):
        assert secret not in text
