import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkApplies, listMutants } from "./mutant.ts";

describe("planted bugs", () => {
  const mutants = listMutants();

  test("are at least twenty, each with a number and a name of its own", () => {
    assert.ok(mutants.length >= 20);
    for (const [i, { name }] of mutants.entries()) {
      assert.match(name, /^\d\d-[a-z]+(-[a-z]+)*$/);
      assert.equal(Number(name.slice(0, 2)), i + 1);
    }
    assert.equal(new Set(mutants.map(({ name }) => name.slice(3))).size, mutants.length);
  });

  for (const mutant of mutants) {
    test(`${mutant.name} says what it breaks, and fits the sources`, () => {
      assert.ok(mutant.about.includes("\n"), "one line for the bug, one for what it does to a user");
      assert.ok(mutant.files.length > 0);
      for (const file of mutant.files)
        assert.match(
          file,
          /^src\/(?!sim\/|cli\/).*(?<!\.test|\.testing)\.ts$/,
          "a bug of the product itself",
        );
      checkApplies(mutant);
    });
  }
});
