/** Drives the endpoint with the reference client of graphql-transport-ws: one check a line of what is printed. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, key, runId] = process.argv.slice(2);
const address = `${url.replace("http", "ws")}/graphql`;
const TYPENAME = "{ __typename }";
const CREATE = "mutation ($name: String!) { createProject(input: {name: $name}) { __typename } }";
const LOG = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { accepted } }";
const METRICS = `subscription ($id: ID!, $after: String) {
  metricAppended(runId: $id, keys: ["loss"], after: $after) { cursor series { steps isGap } }
}`;
const UPDATED = "subscription ($id: ID!) { runUpdated(id: $id) { tags { key value } } }";

function connect(options = {}) {
  return createClient({
    url: address,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${key}` },
    ...options,
  });
}

/** The only answer to an operation. */
function ask(client, payload) {
  return new Promise((resolve, reject) => {
    let answer;
    client.subscribe(payload, { next: (value) => (answer = value), error: reject, complete: () => resolve(answer) });
  });
}

let seq = 0;
/** Logs points of the loss at some steps. */
async function log(client, steps) {
  const input = { runId, writerId: "js", seq: seq++, metrics: [{ key: "loss", steps, values: steps }] };
  const { errors } = await ask(client, { query: LOG, variables: { input } });
  assert.equal(errors, undefined);
}

const checks = {
  async "a query is answered"() {
    const client = connect();
    assert.deepEqual((await ask(client, { query: TYPENAME })).data, { __typename: "Query" });
    await client.dispose();
  },

  async "a mutation is carried out"() {
    const client = connect();
    const { data } = await ask(client, { query: CREATE, variables: { name: "By a client" } });
    assert.equal(data.createProject.__typename, "ProjectSaved");
    await client.dispose();
  },

  async "an operation that is refused is an error, and the socket goes on"() {
    let closed = 0;
    const client = connect({ lazy: false, on: { closed: () => closed++ } });
    for (const [query, code] of [
      ["{ projects {", "GRAPHQL_PARSE_FAILED"],
      ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"],
    ]) {
      const errors = await ask(client, { query }).then(() => assert.fail("it was answered"), (thrown) => thrown);
      assert.equal(errors[0].extensions.code, code);
    }
    assert.deepEqual((await ask(client, { query: TYPENAME })).data, { __typename: "Query" });
    assert.equal(closed, 0);
    await client.dispose();
  },

  async "extensions reach the server"() {
    const client = connect();
    const sha256Hash = "0".repeat(64);
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const errors = await ask(client, { query: "", extensions }).then(() => [], (thrown) => thrown);
    assert.ok(errors[0].extensions.code, "a document that nobody knows is refused by a code");
    await client.dispose();
  },

  async "operations run side by side on one socket"() {
    let opened = 0;
    const client = connect({ lazy: false, on: { opened: () => opened++ } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(client, { query: TYPENAME })));
    assert.equal(answers.filter((answer) => answer.data.__typename === "Query").length, 50);
    assert.equal(opened, 1);
    await client.dispose();
  },

  async "a lazy client opens a socket when it is needed, and closes it afterwards"() {
    const codes = [];
    const client = connect({ lazy: true, lazyCloseTimeout: 0, on: { closed: (event) => codes.push(event.code) } });
    await ask(client, { query: TYPENAME });
    while (!codes.length) await pause(10);
    await ask(client, { query: TYPENAME });
    while (codes.length < 2) await pause(10);
    assert.deepEqual(codes, [1000, 1000]);
    await client.dispose();
  },

  async "pings of the client are answered"() {
    let pongs = 0;
    const client = connect({ lazy: false, keepAlive: 50, on: { pong: (received) => (pongs += received ? 1 : 0) } });
    while (pongs < 5) await pause(10);
    await client.dispose();
  },

  async "a subscription tells its events, and is completed by the client"() {
    const client = connect({ lazy: false });
    const events = client.iterate({ query: UPDATED, variables: { id: runId } });
    assert.ok(Array.isArray((await events.next()).value.data.runUpdated.tags));
    const input = { runId, writerId: "js", seq: seq++, tags: [{ key: "by", value: "client" }] };
    await ask(client, { query: LOG, variables: { input } });
    assert.deepEqual((await events.next()).value.data.runUpdated.tags, [{ key: "by", value: "client" }]);
    await events.return();
    await log(client, [0]);
    assert.deepEqual((await ask(client, { query: TYPENAME })).data, { __typename: "Query" });
    await client.dispose();
  },

  async "a subscription goes on after its connection broke, without a point too many or too few"() {
    let socket;
    let drops = 0;
    const writer = connect({ lazy: false });
    const client = connect({ retryAttempts: 50, retryWait: () => pause(20), on: { opened: (one) => (socket = one) } });
    // What is sent again after a break is this very object, so it always has the newest cursor.
    const variables = { id: runId, after: null };
    const steps = [];
    const done = new Promise((resolve, reject) => {
      client.subscribe(
        { query: METRICS, variables },
        {
          next({ data, errors }) {
            if (errors) return reject(errors);
            const { cursor, series } = data.metricAppended;
            variables.after = cursor;
            for (const one of series) {
              assert.equal(one.isGap, false);
              steps.push(...one.steps);
            }
            if (steps.at(-1) === 150) return resolve();
            if (steps.length && drops < 5 && steps.length > drops * 20) {
              drops++;
              socket.terminate();
            }
          },
          error: reject,
          complete: () => {},
        },
      );
    });
    while (variables.after === null) await pause(10);
    for (let step = 1; step <= 150; step++) await log(writer, [step]);
    await done;
    assert.equal(drops, 5);
    assert.deepEqual(steps, Array.from({ length: 150 }, (_, i) => i + 1));
    await client.dispose();
    await writer.dispose();
  },

  async "a bad key is closed with 4403, and an operation before the init with 4401"() {
    const codes = [];
    const stranger = connect({
      retryAttempts: 0,
      connectionParams: { Authorization: "Bearer mst_made-up" },
      on: { closed: (event) => codes.push(event.code) },
    });
    await ask(stranger, { query: TYPENAME }).catch((event) => assert.equal(event.code, 4403));
    assert.deepEqual(codes, [4403]);
    const raw = new WebSocket(address, "graphql-transport-ws");
    raw.on("open", () => raw.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query: TYPENAME } })));
    assert.equal(await new Promise((resolve) => raw.on("close", resolve)), 4401);
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(name);
}
