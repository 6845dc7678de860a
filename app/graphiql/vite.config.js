/** Builds the page into the folder the server serves, under names that never change. */
import { defineConfig } from "vite";
import { notices } from "./notices/plugin.js";

const output = {
  entryFileNames: "assets/[name].js",
  chunkFileNames: "assets/[name].js",
  assetFileNames: "assets/[name][extname]",
};

export default defineConfig({
  base: "/graphiql/",
  plugins: [notices()],
  build: {
    outDir: "../static/graphiql",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // Monaco is one chunk of about 3 MB whatever is done, so the usual warning says nothing.
    chunkSizeWarningLimit: 4000,
    // React packages mark modules for server rendering, of which there is none here.
    rolldownOptions: { output, checks: { moduleLevelDirective: false } },
  },
  worker: { rolldownOptions: { output } },
});
