// What the scripts of the clients share: the mutation that they make while they listen, and their patience.
export const FOLLOW = 'subscription Follow($id: ID!) { runUpdated(id: $id) { id status } }';
export const PROJECTS = 'query Projects($first: Int) { projects(first: $first) { nodes { id name } } }';
export const RENAME = 'mutation Rename($id: ID!, $name: String!) { updateProject(id: $id, input: { name: $name }) { __typename } }';
export const FINISH = 'mutation Finish($id: ID!) { finishRun(id: $id, status: FINISHED) { id status } }';

export const [url, key, project, ...runs] = process.argv.slice(2);
export const headers = { authorization: `Bearer ${key}` };

/** Runs an operation by fetch alone, beside the client under test. */
export async function execute(query, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** Prints what was seen, for the test to judge. */
export function report(seen) {
  console.log(JSON.stringify(seen));
  process.exit(0);
}
