import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { INDEX_TYPES } from "../../src/roles/proxy/check/index-types.ts";
import { RPC_SPECS } from "../../src/roles/proxy/rpc-specs.ts";
import { readExclusions } from "./exclusions.ts";
import { ALL_HANDLERS } from "../../src/roles/proxy/all-handlers.ts";

const page = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "compatibility.md"), "utf8");

/** The names in the second column of the table below a heading. */
function listed(heading: string): ReadonlySet<string> {
  const section = page.split(`### ${heading}\n`)[1]?.split(/^##/m)[0] ?? "";
  const cells = [...section.matchAll(/^\|[^|]*\|([^|]*)\|$/gm)].map(([, cell = ""]) => cell);
  return new Set(cells.flatMap((cell) => cell.match(/\b[A-Z][A-Za-z0-9]+\b/g) ?? []));
}

/** Has a handler, which says no in words of its own. */
const refusesByItself = new Set(["HybridSearch"]);

test("docs/compatibility.md lists each RPC where it belongs", () => {
  const served = listed("Served");
  const refused = listed("Refused");
  for (const name of Object.keys(RPC_SPECS)) {
    const has = Object.hasOwn(ALL_HANDLERS, name) && !refusesByItself.has(name);
    assert.equal(served.has(name), has, `${name} in the table of what is served`);
    assert.equal(refused.has(name), !has, `${name} in the table of what is refused`);
  }
});

test("what a test of a public suite is excluded for is still refused", () => {
  const folder = path.join(import.meta.dirname, "exclusions");
  const section = (heading: string): string => page.split(`## ${heading}\n`)[1]?.split(/^## /m)[0] ?? "";
  const refusedTypes =
    /\| served \| refused \|\n\|[-|]+\|\n\|[^|]*\|([^|]*)\|/.exec(section("Data types"))?.[1] ?? "";
  const refusedFunctions = `${/^Functions \(([^)]*)\) are refused.*$/m.exec(page)?.[0] ?? ""} text_match`;
  for (const file of readdirSync(folder)) {
    for (const { needs, text } of readExclusions(path.join(folder, file))) {
      const [, kind = "", names = ""] = /^(\w+): (.*)$/.exec(needs) ?? [];
      const words = names.match(/\w+/g) ?? [];
      const rpcs = words.filter((word) => Object.hasOwn(RPC_SPECS, word));
      for (const rpc of rpcs) assert.ok(listed("Refused").has(rpc), `${rpc} is served: ${text}`);
      if (kind === "rpc") assert.ok(rpcs.length > 0, text);
      if (kind === "index") assert.ok(!words.some((word) => INDEX_TYPES.has(word)), `is served: ${text}`);
      const first = new RegExp(`\\b${words[0] ?? ""}\\b`);
      if (kind === "type") assert.match(refusedTypes, first, text);
      if (kind === "function") assert.match(refusedFunctions, first, text);
    }
  }
});

test("docs/compatibility.md names every index type that a client may ask for", () => {
  for (const name of INDEX_TYPES.keys()) assert.match(page, new RegExp(`\\b${name}\\b`, "i"), name);
});
