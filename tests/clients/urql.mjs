// urql's fetch exchange, subscriptions as server-sent events: node urql.mjs <url> <key> <project> <run>
import { Client, fetchExchange } from '@urql/core';
import { FINISH, FOLLOW, PROJECTS, RENAME, execute, headers, project, report, runs, url } from './clients.mjs';

const seen = {};
const made = (options) =>
  new Client({ url, exchanges: [fetchExchange], fetchSubscriptions: true, fetchOptions: { headers }, ...options });
const client = made({ preferGetMethod: false });

const told = ({ data, error }) => ({
  data: data ?? null,
  codes: error?.graphQLErrors.map((one) => one.extensions.code) ?? null,
  network: error?.networkError ? String(error.networkError) : null,
});

/** Reads a subscription until `isEnough`, then cancels it; also ends when the server ends it. */
function follow(id, { isEnough, onNext }) {
  return new Promise((resolve) => {
    const results = [];
    const source = client.subscription(FOLLOW, { id });
    const subscription = source.subscribe((result) => {
      results.push(told(result));
      if (isEnough(results) || !result.hasNext) {
        setTimeout(() => {
          subscription.unsubscribe();
          resolve({ results, end: result.hasNext ? 'cancelled' : 'complete' });
        });
      } else {
        onNext?.();
      }
    });
  });
}

seen.query = told(await client.query(PROJECTS, { first: 5 }));
seen.queryByGet = told(await made({ preferGetMethod: 'force' }).query(PROJECTS, { first: 5 }));
seen.validationError = told(await client.query('query Wrong { nothing }', {}));
seen.badInput = told(await client.query(PROJECTS, { first: -1 }));
seen.mutation = told(await client.mutation(RENAME, { id: project, name: 'By urql' })).data;
seen.updates = await follow(runs[0], {
  isEnough: (results) => results.length === 2,
  onNext: () => execute(FINISH, { id: runs[0] }),
});
seen.unknownRun = await follow('run_' + '0'.repeat(32), { isEnough: () => false });
report(seen);
