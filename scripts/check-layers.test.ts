import test from "node:test";
import { deepEqual, equal, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { checkLayers, readRules } from "./check-layers.ts";
import { moduleFacts } from "./layers/module-facts.ts";
import { tokenize } from "./layers/tokens.ts";

const fixture = path.join(import.meta.dirname, "fixtures", "layers");
const rules = { ...readRules(path.resolve(import.meta.dirname, "..")), filesMin: 10 };

/** `file:line rule` of each planted violation, which names itself in a comment on its line. */
function planted(): string[] {
  return readdirSync(path.join(fixture, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) =>
      readFileSync(path.join(fixture, "src", name), "utf8")
        .split("\n")
        .flatMap((line, i) => {
          const rule = /\/\/ expect: (\w+)$/.exec(line)?.[1];
          return rule === undefined ? [] : [`src/${name}:${i + 1} ${rule}`];
        }),
    )
    .sort();
}

test("every planted violation is found, and nothing else", () => {
  const found = checkLayers(fixture, rules).violations.map(
    ({ rule, file, line }) => `${file}:${line} ${rule}`,
  );
  deepEqual([...new Set(found)].sort(), planted());
  ok(planted().length >= 30);
});

test("seeing too few files is a violation, so that the check cannot pass by seeing nothing", () => {
  const { violations, files } = checkLayers(path.join(fixture, "empty"), rules);
  equal(files, 0);
  deepEqual(
    violations.map((violation) => violation.rule),
    ["floor"],
  );
});

test("every form of import is seen", () => {
  const source = `
    import "./a.ts";
    import b from './b.ts';
    import { c, type C as D } from "./c.ts";
    import * as d from "./d.ts";
    import type { E } from "./e.ts";
    import f, { g } from "./f.ts";
    export { h as i } from "./h.ts";
    export type { J } from "./j.ts";
    export * from "./k.ts";
    export * as l from "./l.ts";
    const m = await import("./m.ts");
    const n = new Worker(new URL("./n.ts", import.meta.url));
    const not = { import: 1, from: "./no.ts" };
    const data = new URL("./data.bin", import.meta.url);
    import o from "./o.json" with { type: "json" };
  `;
  const { imports } = moduleFacts(source, []);
  deepEqual(
    imports.map(({ specifier }) => specifier.slice(2, 3)),
    [..."abcdefhjklmno"],
  );
  deepEqual(imports.find(({ specifier }) => specifier === "./c.ts")?.names, ["c", "C"]);
  deepEqual(imports.find(({ specifier }) => specifier === "./f.ts")?.names, ["*", "g"]);
});

test("strings, templates, regular expressions and comments are not code", () => {
  const source =
    'a = `x${ f(`${b}`, { c: "}" }) }y`; // Date\nd = e / f / g; h = /[/"]/.test(i) ? "/*" : \'*/\'; /* Date\n */ j';
  const words = tokenize(source).filter((token) => token.kind === "word");
  deepEqual(
    words.map((token) => token.text),
    [..."afbcdefgh", "test", "i", "j"],
  );
  equal(words.at(-1)?.line, 3);
});
