import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Outcome } from "./tally.ts";

interface JestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** The tests of `jest --json`. A file that could not be run counts as one failed test, so that it is not overlooked. */
export function parseJest(json: string, checkout: string): readonly Outcome[] {
  const { testResults } = JSON.parse(json) as JestReport;
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const file = path.relative(checkout, name);
    if (assertionResults.length === 0) {
      return [{ id: `${file} :: (file)`, verdict: "failed" as const, reason: firstLine(message) }];
    }
    return assertionResults.map(({ fullName, status, failureMessages }): Outcome => {
      const verdict = status === "passed" || status === "failed" ? status : "skipped";
      return { id: `${file} :: ${fullName}`, verdict, reason: firstLine(failureMessages[0] ?? "") };
    });
  });
}

/** Jest puts what was expected and received on lines of their own; with the first line alone all failures would look alike. */
function firstLine(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split("\n")
    .map((line) => line.trim());
  const said = lines.filter((line) => /^(Expected|Received)/.test(line));
  return [lines[0] ?? "", ...said].join(" ").trim();
}
