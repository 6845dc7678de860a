/** Runs the example of the guide to subscriptions, cuts its connection off now and then, and prints each step told. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import WebSocket from "ws";

const [page, url, key, runId] = process.argv.slice(2);
const LOG = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { accepted } }";

const sockets = [];
// The example is for a browser, or a Node that has WebSockets.
globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
};

const [, block] = readFileSync(page, "utf8").match(/^```js\n(.*?)^```$/ms);
const source = block.replace('"graphql-ws"', JSON.stringify(import.meta.resolve("graphql-ws")));
const { connect, follow } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

async function log(step) {
  const input = { runId, writerId: "guide", seq: step, metrics: [{ key: "loss", steps: [step], values: [step] }] };
  const body = JSON.stringify({ query: LOG, variables: { input } });
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const answer = await (await fetch(`${url}/graphql`, { method: "POST", headers, body })).json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
}

const told = [];
const client = connect(url, key);
let isFollowing = false;
client.on("message", (message) => (isFollowing ||= message.type === "next"));
const end = follow(client, runId, ({ steps }) => told.push(...steps));
while (!isFollowing) await pause(10);
for (let step = 0; step < 30; step++) {
  if (step % 10 === 5) sockets.at(-1).terminate();
  await log(step);
}
while (told.length < 30) await pause(10);
end();
await client.dispose();
console.log(told.join("\n"));
