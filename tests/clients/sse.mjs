// graphql-sse in its distinct connections mode: node sse.mjs <url> <key> <project> <run>
import { createClient } from 'graphql-sse';
import { FINISH, FOLLOW, PROJECTS, RENAME, execute, headers, project, report, runs, url } from './clients.mjs';

const seen = {};
const client = createClient({ url, headers, retryAttempts: 0 });

async function results(query, variables) {
  const found = [];
  for await (const result of client.iterate({ query, variables })) found.push(result);
  return found;
}

seen.query = await results(PROJECTS, { first: 5 });
seen.mutation = await results(RENAME, { id: project, name: 'By graphql-sse' });
seen.parseError = await results('query {');
seen.validationError = await results('{ nothing }');
seen.badInput = await results(PROJECTS, { first: -1 });
seen.unknownRun = await results(FOLLOW, { id: 'run_' + '0'.repeat(32) });

const updates = client.iterate({ query: FOLLOW, variables: { id: runs[0] } });
seen.updates = [(await updates.next()).value];
await execute(FINISH, { id: runs[0] });
seen.updates.push((await updates.next()).value);
await updates.return();

seen.unauthenticated = await new Promise((resolve) => {
  createClient({ url, headers: { authorization: 'Bearer mst_wrong' }, retryAttempts: 0 }).subscribe(
    { query: FOLLOW, variables: { id: runs[0] } },
    { next: resolve, error: (error) => resolve(error.response?.status ?? String(error)), complete: () => resolve('complete') },
  );
});
report(seen);
