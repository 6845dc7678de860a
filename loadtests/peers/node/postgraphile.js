// PostGraphile 5 over the tables that its role may read, with its preset and the defaults of both.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

// Two references that the database does not hold: who made a run, and the series of a point.
const references = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      run: { tags: { foreignKey: "(created_by_id) references public.user (id)" } },
      metric_hot: { tags: { foreignKey: "(series_id) references public.metric_series (id)" } },
    },
  },
});

const pool = Number(process.env.PEER_POOL);
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [references],
  // It hides what no index serves, and does not see that a partial one does.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  schema: { defaultBehavior: "-insert -update -delete" },
  pgServices: [
    makePgService({ connectionString: process.env.PEER_DATABASE_URL, schemas: ["public"], poolConfig: { max: pool } }),
  ],
  grafserv: { graphiql: false, watch: false },
});

if (process.argv[2] === "--schema") {
  const { printSchema } = await import("postgraphile/graphql");
  console.log(printSchema(await instance.getSchema()));
  await instance.release();
} else {
  const server = createServer();
  const serving = instance.createServ(grafserv);
  await serving.addTo(server);
  await serving.ready();
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port} `));
}
