/** Vite plugin: writes LICENSES.txt, the licences and notices of every package the page is built from. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const noticeName = /^(licen[cs]e|copying|notice|third-?party)/i;
const rule = `\n\n${"-".repeat(79)}\n\n`;

const read = (...path) => readFileSync(join(root, ...path), "utf8").replaceAll("\r\n", "\n").trim();

/** The lock file's packages as [path, package], without those that only build. */
function shippedPackages() {
  const { packages } = JSON.parse(read("package-lock.json"));
  return Object.entries(packages).filter(([path, { dev }]) => path && !dev);
}

/** One section for each distinct notice, headed by the packages that share it. */
function packageSections() {
  const sections = new Map();
  for (const [path, { version, license }] of shippedPackages()) {
    const files = readdirSync(join(root, path)).filter((file) => noticeName.test(file));
    const notice = files.sort().map((file) => read(path, file)).join("\n\n");
    const heading = `${path.split("node_modules/").at(-1)} ${version} (${license})`;
    sections.set(notice, (sections.get(notice) ?? new Set()).add(heading));
  }
  return [...sections].map(([notice, headings]) => `${[...headings].join("\n")}\n\n${notice}`.trim());
}

export function notices() {
  return {
    name: "maestro:notices",
    generateBundle() {
      const sections = [read("notices/embedded.txt"), read("notices/fira-code.txt"), ...packageSections()];
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: `${sections.join(rule)}\n` });
    },
  };
}
