import { doesNotThrow, throws } from "node:assert/strict";
import { test } from "node:test";
import { checkRecallTarget } from "./recall-target.ts";

test("a recall target between 0 and 1 is accepted in place of a width", () => {
  for (const recall_target of ["0.5", "0.95", " 0.999 ", "1e-3"])
    doesNotThrow(() => checkRecallTarget({ recall_target }));
  doesNotThrow(() => checkRecallTarget({ ef: "10", nprobe: "x" }));
  doesNotThrow(() => checkRecallTarget({ recall_target: "0.9", refine_k: "2", reorder_k: "100" }));
});

test("a recall target that cannot be kept, is no number or stands beside a width is refused, naming it", () => {
  const bad: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ recall_target: "0" }, "param 'recall_target' (0) should be in range (0.000000, 1.000000)"],
    [{ recall_target: "1" }, "param 'recall_target' (1) should be in range (0.000000, 1.000000)"],
    [{ recall_target: "-0.5" }, "param 'recall_target' (-0.5) should be in range"],
    [{ recall_target: "Infinity" }, "param 'recall_target' (Infinity) should be in range"],
    [{ recall_target: "high" }, "Type conflict in json: param 'recall_target' (high) should be a number"],
    [{ recall_target: " " }, "Type conflict in json: param 'recall_target' ( ) should be a number"],
    [
      { recall_target: "0.9", ef: "64" },
      "param 'recall_target' (0.9) chooses 'ef' (64): only one of them can be given",
    ],
    [{ recall_target: "0.9", nprobe: "8" }, "chooses 'nprobe' (8): only one of them can be given"],
  ];
  for (const [params, words] of bad) {
    throws(
      () => checkRecallTarget(params),
      (error: Error) => error.message.includes(words),
      words,
    );
  }
});
