// An Apollo client with a link for persisted queries: node apollo.js URL KEY MODE [MANIFEST]
// Prints what it got, and what it sent: whether the text, by which method.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { generatePersistedQueryIdsFromManifest } from "@apollo/persisted-query-lists";

const [url, key, mode, manifest] = process.argv.slice(2);
const sent = [];

async function noted(address, options) {
  const body = options.body === undefined ? Object.fromEntries(new URL(address).searchParams) : JSON.parse(options.body);
  sent.push({ method: options.method ?? "GET", text: body.query !== undefined, hash: body.extensions !== undefined });
  return fetch(address, options);
}

const automatic = {
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  useGETForHashedQueries: mode === "get",
};
const link = new PersistedQueryLink(
  mode === "manifest"
    ? generatePersistedQueryIdsFromManifest({ loadManifest: async () => JSON.parse(readFileSync(manifest, "utf8")) })
    : automatic,
);
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([link, new HttpLink({ uri: url, headers: { authorization: `Bearer ${key}` }, fetch: noted })]),
  clientAwareness: { name: "dashboard", version: "1.2" },
  defaultOptions: { query: { fetchPolicy: "no-cache", errorPolicy: "all" } },
});

const QUERY = gql`
  query Projects($first: Int) {
    projects(first: $first) {
      nodes {
        id
        ...Named_project
      }
    }
  }
  fragment Named_project on Project {
    name
  }
`;
const answers = [];
for (let round = 0; round < 2; round += 1) {
  const { data, error } = await client.query({ query: QUERY, variables: { first: 1 } });
  answers.push({ data: data ?? null, error: error?.message ?? null });
}
console.log(JSON.stringify({ answers, sent }));
