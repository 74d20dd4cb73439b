import assert from "node:assert/strict";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const root = path.resolve(import.meta.dirname, "..");
const pages = ["*.md", "docs/**/*.md", "bench/*.md", "tests/**/*.md", "examples/**/*.md"].flatMap((pattern) =>
  globSync(pattern, { cwd: root }),
);

test("links between pages lead somewhere", () => {
  assert.ok(pages.length >= 15, `only ${pages.length} pages were found`);
  for (const page of pages) {
    const text = readFileSync(path.join(root, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      assert.ok(existsSync(path.join(root, path.dirname(page), target)), `${page} links to ${target}`);
    }
  }
});

test("every page on a stored format is in the index", () => {
  const folder = path.join(root, "docs", "internals");
  const index = readFileSync(path.join(folder, "README.md"), "utf8");
  for (const name of readdirSync(folder)) {
    if (name !== "README.md")
      assert.ok(index.includes(`(${name})`), `docs/internals/README.md lacks ${name}`);
  }
});

test("source files name pages that exist", () => {
  for (const file of globSync("{src,engine/src,engine/include,tests}/**/*.{ts,hpp,cpp,c}", { cwd: root })) {
    const text = readFileSync(path.join(root, file), "utf8");
    for (const [name] of text.matchAll(/docs\/[\w/-]+\.md/g)) {
      assert.ok(existsSync(path.join(root, name)), `${file} names ${name}`);
    }
  }
});

test("every dependency has its sentence", () => {
  const architecture = readFileSync(path.join(root, "ARCHITECTURE.md"), "utf8");
  for (const manifest of ["package.json", "tools/runtime/package.json"]) {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      readFileSync(path.join(root, manifest), "utf8"),
    ) as Record<string, Record<string, string> | undefined>;
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      assert.ok(architecture.includes(`\`${name}\``), `ARCHITECTURE.md gives no reason for ${name}`);
    }
  }
});
