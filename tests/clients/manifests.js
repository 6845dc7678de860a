// Writes the same operations as three sources would have them, runs the real generators over them in the folder that
// is given, and prints their manifests: node manifests.js FOLDER SCHEMA
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { generate } from "@graphql-codegen/cli";
import * as clientPreset from "@graphql-codegen/client-preset";

const require = createRequire(import.meta.url);
const { generatePersistedQueryManifest } = require("@apollo/generate-persisted-query-manifest");
const [folder, schema] = process.argv.slice(2);

const FRAGMENT = "fragment Named_project on Project { name }";
const OPERATIONS = [
  "query Projects($first: Int) { projects(first: $first) { nodes { id ...Named_project } } }",
  "mutation MakeProject($input: CreateProjectInput!) { createProject(input: $input) { __typename ... on ProjectSaved { project { id name } } } }",
];

function source(name, text) {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "documents.js"), text);
  return join(folder, name);
}

async function codegen(name, persistedDocuments) {
  const texts = [FRAGMENT, ...OPERATIONS].map((text) => `graphql(/* GraphQL */ \`${text}\`);`);
  const where = source(name, `import { graphql } from "./gql";\n${texts.join("\n")}\n`);
  const out = join(where, "out/");
  await generate(
    {
      schema,
      documents: [join(where, "documents.js")],
      silent: true,
      generates: { [out]: { preset: clientPreset.preset, presetConfig: { persistedDocuments } } },
    },
    true,
  );
  return JSON.parse(readFileSync(join(out, "persisted-documents.json"), "utf8"));
}

async function apollo() {
  const texts = OPERATIONS.map((text, number) => `export const o${number} = gql\`${text}${number ? "" : " ${fragment}"}\`;`);
  const fragment = `import { gql } from "@apollo/client";\nconst fragment = gql\`${FRAGMENT}\`;\n`;
  const where = source("apollo", fragment + texts.join("\n"));
  return generatePersistedQueryManifest({ documents: [join(where, "documents.js")] });
}

function relay(name, algorithm) {
  // Relay wants an operation to begin with the name of its module.
  const texts = [FRAGMENT.replaceAll("Named_project", "documents_project"), ...OPERATIONS].map(
    (text) =>
      `graphql\`${text
        .replaceAll("Named_project", "documents_project")
        .replace("query Projects", "query documentsProjectsQuery")
        .replace("mutation MakeProject", "mutation documentsMakeProjectMutation")}\`;`,
  );
  const where = source(name, texts.join("\n"));
  writeFileSync(join(where, "schema.graphql"), readFileSync(schema));
  const config = {
    src: ".",
    schema: "schema.graphql",
    language: "javascript",
    artifactDirectory: "./__generated__",
    persistConfig: { file: "persisted.json", algorithm },
  };
  mkdirSync(join(where, "__generated__"));
  writeFileSync(join(where, "relay.config.json"), JSON.stringify(config));
  writeFileSync(join(where, "persisted.json"), "{}");
  execFileSync(require("relay-compiler"), ["relay.config.json"], { cwd: where, stdio: ["ignore", "ignore", "inherit"] });
  return JSON.parse(readFileSync(join(where, "persisted.json"), "utf8"));
}

const manifests = {
  codegen: await codegen("codegen", true),
  codegenSha256: await codegen("codegen-sha256", { hashAlgorithm: "sha256" }),
  apollo: await apollo(),
  relay: relay("relay", "MD5"),
  relaySha256: relay("relay-sha256", "SHA256"),
};
console.log(JSON.stringify(manifests));
