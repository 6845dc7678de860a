// An urql client with the exchange for persisted queries: node urql.js URL KEY [get]
// Prints what it got, and what it sent: whether the text, by which method.
import { Client, fetchExchange, gql } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

const [url, key, method] = process.argv.slice(2);
const sent = [];

async function noted(address, options) {
  const body = options.body === undefined ? Object.fromEntries(new URL(address).searchParams) : JSON.parse(options.body);
  sent.push({ method: options.method ?? "GET", text: body.query !== undefined, hash: body.extensions !== undefined });
  return fetch(address, options);
}

const client = new Client({
  url,
  fetch: noted,
  fetchOptions: { headers: { authorization: `Bearer ${key}` } },
  exchanges: [persistedExchange({ preferGetForPersistedQueries: method === "get", enableForMutation: true }), fetchExchange],
  preferGetMethod: false,
  requestPolicy: "network-only",
});

const QUERY = gql`
  query Role {
    viewer {
      role
    }
  }
`;
const answers = [];
for (let round = 0; round < 2; round += 1) {
  const { data, error } = await client.query(QUERY, {}).toPromise();
  answers.push({ data: data ?? null, error: error?.message ?? null });
}
console.log(JSON.stringify({ answers, sent }));
