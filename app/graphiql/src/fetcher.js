/** Sends operations to the endpoint of our own origin: HTTP with cookies, subscriptions over graphql-transport-ws. */
import { createGraphiQLFetcher } from "@graphiql/toolkit";

export const SIGN_IN = "Sign in with the link printed by the server, then reload";

const endpoint = new URL("/graphql", location.href);

/** A GraphiQL fetcher; a 401 calls `onSignedOut` and is shown as one readable error. */
export function createFetcher({ onSignedOut }) {
  return createGraphiQLFetcher({
    url: endpoint.href,
    subscriptionUrl: endpoint.href.replace(/^http/, "ws"),
    async fetch(url, init) {
      const response = await fetch(url, { ...init, credentials: "same-origin" });
      if (response.status !== 401) return response;
      onSignedOut();
      return Response.json({ errors: [{ message: SIGN_IN }] });
    },
  });
}
