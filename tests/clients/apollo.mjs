// Apollo Client over HTTP, subscriptions as parts of a multipart body: node apollo.mjs <url> <key> <project> <run>
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { FINISH, FOLLOW, PROJECTS, RENAME, execute, headers, project, report, runs, url } from './clients.mjs';

const seen = {};
const client = new ApolloClient({
  link: new HttpLink({ uri: url, headers }),
  cache: new InMemoryCache(),
  defaultOptions: { query: { fetchPolicy: 'no-cache', errorPolicy: 'all' }, mutate: { errorPolicy: 'all' } },
});

const codes = (error) => error?.errors?.map((one) => one.extensions?.code) ?? (error ? String(error) : null);

async function query(text, variables) {
  const { data, error } = await client.query({ query: gql(text), variables });
  return { data, codes: codes(error) };
}

/** Reads a subscription until `isEnough`, then cancels it; also ends when the server ends it. */
function follow(id, { isEnough, onNext }) {
  return new Promise((resolve) => {
    const found = { results: [], end: 'cancelled' };
    const subscription = client.subscribe({ query: gql(FOLLOW), variables: { id } }).subscribe({
      next({ data, error }) {
        found.results.push({ data, codes: codes(error) });
        if (isEnough(found.results)) {
          subscription.unsubscribe();
          resolve(found);
        } else {
          onNext?.();
        }
      },
      error: (error) => resolve({ ...found, end: String(error) }),
      complete: () => resolve({ ...found, end: 'complete' }),
    });
  });
}

seen.query = await query(PROJECTS, { first: 5 });
seen.validationError = await query('query Wrong { nothing }');
seen.badInput = await query(PROJECTS, { first: -1 });
seen.mutation = (await client.mutate({ mutation: gql(RENAME), variables: { id: project, name: 'By Apollo' } })).data;
seen.updates = await follow(runs[0], {
  isEnough: (results) => results.length === 2,
  onNext: () => execute(FINISH, { id: runs[0] }),
});
seen.unknownRun = await follow('run_' + '0'.repeat(32), { isEnough: () => false });
report(seen);
