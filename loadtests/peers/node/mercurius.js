// Fastify with Mercurius as its documentation tells: compiled operations, batching loaders, and pg.
import Fastify from "fastify";
import { GraphQLScalarType } from "graphql";
import mercurius from "mercurius";
import pg from "pg";

const BIGINT = 20;
pg.types.setTypeParser(BIGINT, Number);
const pool = new pg.Pool({ connectionString: process.env.PEER_DATABASE_URL, max: Number(process.env.PEER_POOL) });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  scalar DateTime
  type Query {
    project(id: ID!): Project
    projects(first: Int!): [Project!]!
    runs(first: Int!): [Run!]!
    series(id: ID!): Series
  }
  type Project { id: ID! name: String! description: String! experiments(first: Int!): [Experiment!]! }
  type Experiment { id: ID! name: String! runs(first: Int!): [Run!]! }
  type Run {
    id: ID! number: Int! name: String! status: String! notes: String! version: Int!
    startedAt: DateTime endedAt: DateTime createdAt: DateTime! updatedAt: DateTime!
    createdBy: User
    params: [Param!]!
    metrics: [Metric!]!
  }
  type User { id: ID! name: String! }
  type Param { key: String! text: String! }
  type Metric { name: String! last: Float }
  type Series { id: ID! points(first: Int!): [Point!]! }
  type Point { step: Int! value: Float! }
`;

const RUN = `id, number, name, status, notes, version, started_at AS "startedAt", ended_at AS "endedAt",
  created_at AS "createdAt", updated_at AS "updatedAt", created_by_id AS "createdById", experiment_id AS "experimentId"`;

const resolvers = {
  DateTime: new GraphQLScalarType({ name: "DateTime", serialize: (value) => value.toISOString() }),
  Query: {
    project: async (_, { id }) =>
      (await rows("project", "SELECT id, name, description FROM project WHERE id = $1", [id]))[0],
    projects: (_, { first }) =>
      rows("projects", "SELECT id, name, description FROM project ORDER BY id DESC LIMIT $1", [first]),
    runs: (_, { first }) => rows("runs", `SELECT ${RUN} FROM run ORDER BY id DESC LIMIT $1`, [first]),
    series: async (_, { id }) => (await rows("series", "SELECT id FROM metric_series WHERE id = $1", [id]))[0],
  },
};

// What a loader gets are all objects of a level with their arguments, and it answers in their order.
const grouped = (found, column, keys) => {
  const groups = new Map(keys.map((key) => [key, []]));
  for (const row of found) groups.get(row[column]).push(row);
  return keys.map((key) => groups.get(key));
};
const ids = (queries) => queries.map(({ obj }) => obj.id);
const firsts = (queries, lists) => lists.map((list, place) => list.slice(0, queries[place].params.first));
const most = (queries) => Math.max(...queries.map(({ params }) => params.first));

const loaders = {
  Project: {
    experiments: async (queries) => {
      const found = await rows(
        "experiments",
        `SELECT e.id, e.name, e.project_id AS "projectId" FROM unnest($1::uuid[]) AS p (id), LATERAL (
           SELECT * FROM experiment WHERE project_id = p.id ORDER BY id DESC LIMIT $2) e`,
        [ids(queries), most(queries)],
      );
      return firsts(queries, grouped(found, "projectId", ids(queries)));
    },
  },
  Experiment: {
    runs: async (queries) => {
      const found = await rows(
        "runs of experiments",
        `SELECT r.* FROM unnest($1::uuid[]) AS e (id), LATERAL (
           SELECT ${RUN} FROM run WHERE experiment_id = e.id ORDER BY id DESC LIMIT $2) r`,
        [ids(queries), most(queries)],
      );
      return firsts(queries, grouped(found, "experimentId", ids(queries)));
    },
  },
  Run: {
    createdBy: async (queries) => {
      const keys = queries.map(({ obj }) => obj.createdById);
      const found = await rows("users", 'SELECT id, name FROM "user" WHERE id = ANY ($1)', [[...new Set(keys)]]);
      const users = new Map(found.map((user) => [user.id, user]));
      return keys.map((key) => users.get(key) ?? null);
    },
    params: async (queries) => {
      const text = 'SELECT run_id AS "runId", key, text FROM param WHERE run_id = ANY ($1) ORDER BY run_id, key';
      return grouped(await rows("params", text, [ids(queries)]), "runId", ids(queries));
    },
    metrics: async (queries) => {
      const text = `SELECT s.run_id AS "runId", k.name, s.v_last AS last FROM metric_series s
        JOIN metric_key k ON k.id = s.key_id WHERE s.run_id = ANY ($1) ORDER BY s.run_id, k.name`;
      return grouped(await rows("metrics", text, [ids(queries)]), "runId", ids(queries));
    },
  },
  Series: {
    points: async (queries) => {
      const text = `SELECT p."seriesId", p.step, p.value FROM unnest($1::uuid[]) AS s (id), LATERAL (
        SELECT series_id AS "seriesId", step, value FROM metric_hot WHERE series_id = s.id ORDER BY step LIMIT $2) p`;
      const found = await rows("points", text, [ids(queries), most(queries)]);
      return firsts(queries, grouped(found, "seriesId", ids(queries)));
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false });
await app.listen({ port: 0, host: "127.0.0.1" });
console.log(`http://127.0.0.1:${app.server.address().port} `);
