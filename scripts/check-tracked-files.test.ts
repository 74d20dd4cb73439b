import test from "node:test";
import { deepEqual } from "node:assert/strict";
import { findMachineTraces } from "./check-tracked-files.ts";

const join = (...parts: string[]) => parts.join("/");
const kinds = (text: string) => findMachineTraces(text).map(({ what, line }) => `${line} ${what}`);

test("paths of a machine, registries and download addresses are found with their line", () => {
  deepEqual(kinds(`a\n${join("", "work", "main")}`), ["2 a path of the machine"]);
  deepEqual(kinds(`cd ${join("", "home", "ann")}`), ["1 a path of the machine"]);
  deepEqual(kinds(`"${join("", "tmp", "x")}"`), ["1 a scratch folder"]);
  deepEqual(kinds(["https://registry", "npmjs", "org"].join(".")), ["1 a package registry"]);
  deepEqual(kinds(['  "resolved": "https', '//example.com/x.tgz"'].join(":")), [
    "1 a download address in the lockfile",
  ]);
});

test("what only looks like one is left alone", () => {
  for (const text of [
    "src/work/queue.ts",
    "./tmp/x",
    "roles/root/x",
    "${folder}/tmp/x",
    '"resolved": "tools/runtime"',
    "work/",
  ]) {
    deepEqual(kinds(text), [], text);
  }
});
