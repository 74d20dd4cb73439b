import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseExclusions, readExclusions } from "./exclusions.ts";
import { parseJest } from "./jest.ts";
import { parseJunit } from "./junit.ts";
import { tally, type Outcome } from "./tally.ts";

test("a JUnit report gives one outcome per test, the worse of two", () => {
  const xml = `<testsuites><testsuite>
    <testcase classname="a.test_b.TestC" name="test_x[1]" time="1"/>
    <testcase classname="a.test_b.TestC" name="test_y[&lt;2&gt;]"><failure message="assert 1 == 2&#10;more">&lt;MilvusException: (code=1, message=first)&gt;
      &lt;MilvusException: (code=10, message=not served)&gt; trace</failure></testcase>
    <testcase classname="a.test_b.TestC" name="test_z"><skipped message="no"/></testcase>
    <testcase classname="a.test_b.TestC" name="test_x[1]"><error message="teardown"/></testcase>
  </testsuite></testsuites>`;
  assert.deepEqual(parseJunit(xml), [
    { id: "a/test_b/TestC :: test_x[1]", verdict: "failed", reason: "teardown" },
    { id: "a/test_b/TestC :: test_y[<2>]", verdict: "failed", reason: "assert 1 == 2 | not served" },
    { id: "a/test_b/TestC :: test_z", verdict: "skipped", reason: "no" },
  ]);
});

test("a Jest report counts tests, and a file that does not run as a failure", () => {
  const report = {
    testResults: [
      {
        name: "/somewhere/sdk/test/grpc/A.spec.ts",
        message: "",
        assertionResults: [
          { fullName: "A works", status: "passed", failureMessages: [] },
          {
            fullName: "A fails",
            status: "failed",
            failureMessages: ["Error: \u001b[2mexpected\u001b[22m 1\n  at x"],
          },
          { fullName: "A waits", status: "pending", failureMessages: [] },
        ],
      },
      { name: "/somewhere/sdk/test/grpc/B.spec.ts", message: "cannot compile\nx", assertionResults: [] },
    ],
  };
  assert.deepEqual(parseJest(JSON.stringify(report), "/somewhere/sdk"), [
    { id: "test/grpc/A.spec.ts :: A works", verdict: "passed", reason: "" },
    { id: "test/grpc/A.spec.ts :: A fails", verdict: "failed", reason: "Error: expected 1" },
    { id: "test/grpc/A.spec.ts :: A waits", verdict: "skipped", reason: "" },
    { id: "test/grpc/B.spec.ts :: (file)", verdict: "failed", reason: "cannot compile" },
  ]);
});

test("exclusions leave out tests that do not pass, and those not needed are named", () => {
  const outcomes: Outcome[] = [
    { id: "f :: one", verdict: "passed", reason: "" },
    { id: "f :: two [a+b]", verdict: "failed", reason: "no" },
    { id: "f :: three", verdict: "skipped", reason: "" },
    { id: "g :: four", verdict: "passed", reason: "" },
  ];
  const exclusions = parseExclusions(
    "# about\n\nf :: two [a+*] # rpc: Import\ng :: * # type: Geometry\n",
    "x.txt",
  );
  const result = tally(outcomes, exclusions);
  assert.deepEqual(
    [result.collected, result.excluded, result.passed, result.failed, result.skipped, result.rate],
    [4, 1, 2, 0, 1, 2 / 3],
  );
  assert.deepEqual(
    result.stale.map(({ line }) => line),
    [4],
  );
});

test("an exclusion without a named reason is refused", () => {
  assert.throws(() => parseExclusions("f :: x # because", "x.txt"), /x\.txt:1: "f :: x # because" is not/);
  assert.throws(() => parseExclusions("f :: x", "x.txt"), /x\.txt:1/);
});

test("the committed exclusions can be read", () => {
  const folder = path.join(import.meta.dirname, "exclusions");
  for (const file of readdirSync(folder)) readExclusions(path.join(folder, file));
});
