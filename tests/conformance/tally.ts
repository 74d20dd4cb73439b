import type { Exclusion } from "./exclusions.ts";

/** One test of a public suite, as its runner reported it. */
export interface Outcome {
  /** `file :: name`, the same in every run. */
  readonly id: string;
  readonly verdict: "passed" | "failed" | "skipped";
  /** The first line of why it failed; empty otherwise. */
  readonly reason: string;
}

export interface Tally {
  readonly collected: number;
  /** Tests that a line of the exclusions names and that did not pass; they count neither way. One that passed counts: it needed nothing that is refused. */
  readonly excluded: number;
  readonly passed: number;
  readonly failed: number;
  /** Skipped and not excluded: these do not count as passed. */
  readonly skipped: number;
  /** passed / (collected - excluded) */
  readonly rate: number;
  readonly failures: readonly Outcome[];
  /** Lines of the exclusions that name no test of this run, or only tests that pass: they have to go. */
  readonly stale: readonly Exclusion[];
}

export function tally(outcomes: readonly Outcome[], exclusions: readonly Exclusion[]): Tally {
  const needed = new Set<Exclusion>();
  const counted = outcomes.filter((outcome) => {
    if (outcome.verdict === "passed") return true;
    const matching = exclusions.filter((exclusion) => exclusion.matches(outcome.id));
    for (const exclusion of matching) needed.add(exclusion);
    return matching.length === 0;
  });
  const passed = counted.filter(({ verdict }) => verdict === "passed").length;
  const failures = counted.filter(({ verdict }) => verdict === "failed");
  return {
    collected: outcomes.length,
    excluded: outcomes.length - counted.length,
    passed,
    failed: failures.length,
    skipped: counted.length - passed - failures.length,
    rate: counted.length === 0 ? 0 : passed / counted.length,
    failures,
    stale: exclusions.filter((exclusion) => !needed.has(exclusion)),
  };
}

export interface Bar {
  readonly rateMin: number;
  readonly passedMin: number;
}

/** Prints the numbers, the failures grouped by reason, and whether the bar is met. Returns the exit code. */
export function printTally(suite: string, result: Tally, bar: Bar): number {
  const groups = new Map<string, Outcome[]>();
  for (const failure of result.failures) {
    const key = withoutDetails(failure.reason);
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  for (const [reason, failures] of [...groups].sort(([, a], [, b]) => b.length - a.length)) {
    console.log(`\n${failures.length} x ${reason.slice(0, 240)}`);
    for (const { id } of failures.slice(0, 5)) console.log(`    ${id}`);
    if (failures.length > 5) console.log(`    and ${failures.length - 5} more`);
  }
  if (result.stale.length > 0) {
    console.log("\nexclusions that this run did not need:");
    for (const { line, text } of result.stale) console.log(`    line ${line}: ${text}`);
  }
  const counted = result.collected - result.excluded;
  // Where the exclusions leave fewer tests than the bar names, they forbid it.
  const enough = result.passed >= bar.passedMin || counted < bar.passedMin;
  const met = result.rate >= bar.rateMin && enough;
  console.log(
    [
      `\n${suite}: ${result.collected} collected, ${result.excluded} excluded, ${result.passed} passed, ` +
        `${result.failed} failed, ${result.skipped} skipped`,
      `${result.passed} of ${counted} = ${(result.rate * 100).toFixed(1)} %; ` +
        `the bar is ${(bar.rateMin * 100).toFixed(0)} %${bar.passedMin > 0 ? ` and ${bar.passedMin} passed where that many are left` : ""}: ` +
        (met ? "met" : "NOT met"),
    ].join("\n"),
  );
  return met ? 0 : 1;
}

/** Numbers, hashes and random names differ from test to test; the cause does not. */
function withoutDetails(reason: string): string {
  return reason
    .replaceAll(/\b\w*_[A-Za-z0-9]{6,}\b/g, "NAME")
    .replaceAll(/\d+(\.\d+)?/g, "N")
    .replaceAll(/\s+/g, " ")
    .trim();
}
