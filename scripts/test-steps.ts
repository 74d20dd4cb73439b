import { availableParallelism } from "node:os";

/** One step of the test run. Steps run in the order of the list; each is a process of its own. */
export interface TestStep {
  readonly name: string;
  /** The command; `node` is the pinned one. Paths are relative to the repository. */
  readonly command: readonly string[];
  /** Files or folders without which there is nothing to run: the step is then left out and says so. */
  readonly needs?: readonly string[];
  /** True: part of `npm run check`, which takes less than a minute. */
  readonly quick?: true;
  /** True: runs at the same time as the steps before it that say so too; it must write nothing that those read. */
  readonly beside?: true;
  /** Files whose tests the command runs under the node test runner, instead of a command of its own. */
  readonly testFiles?: { readonly folders: readonly string[]; readonly pattern: RegExp };
  /** A step that takes longer is killed and has failed; half an hour when not given. */
  readonly limitMs?: number;
}

const bin = (name: string) => `node_modules/.bin/${name}`;
/** `x.test.ts`, but not `x.etcd.test.ts`: those need a server and have steps of their own. */
const plainTests = /^[^.]+(\.fuzz)?\.test\.ts$/;

export const TEST_STEPS: readonly TestStep[] = [
  {
    name: "format",
    command: [
      bin("prettier"),
      "--check",
      "--cache",
      "--cache-location=.cache/prettier",
      "--log-level=warn",
      ".",
    ],
    quick: true,
    beside: true,
  },
  { name: "lint", command: [bin("oxlint"), "--type-aware", "--quiet"], quick: true, beside: true },
  { name: "types", command: [bin("tsc"), "-p", "tsconfig.json"], quick: true, beside: true },
  { name: "layers", command: ["node", "scripts/check-layers.ts"], quick: true, beside: true },
  { name: "tracked files", command: ["node", "scripts/check-tracked-files.ts"], quick: true, beside: true },
  { name: "generated files", command: ["node", "scripts/generate.ts", "--check"], quick: true, beside: true },
  {
    name: "unit",
    command: ["node", "--test", `--test-concurrency=${availableParallelism()}`, "--test-timeout=60000"],
    testFiles: { folders: ["src", "scripts", "bench"], pattern: plainTests },
    limitMs: 600_000,
    quick: true,
  },
  {
    name: "engine",
    // The fuzz programs run twenty thousand inputs each; `npm run fuzz:engine` does so under sanitizers.
    command: ["node", "scripts/build-engine.mjs", "--programs=test,fuzz", "--run"],
    needs: ["engine/test", "engine/fuzz"],
  },
  // The contract suites of tests/contract run among the unit tests, once for each adapter and engine.
  ...["scenario", "golden", "regressions", "mutants", "e2e"].map((folder): TestStep => ({
    name: folder,
    command: ["node", "--test", "--test-concurrency=1", "--test-timeout=600000"],
    testFiles: { folders: [`tests/${folder}`], pattern: plainTests },
  })),
  {
    name: "fuzz",
    command: ["node", "tests/fuzz.ts", "--short"],
    needs: ["tests/fuzz.ts"],
  },
  {
    name: "simulation",
    command: ["node", "src/cli/main.ts", "sim", "--seeds", "200", "--from", "1"],
    needs: ["src/sim/world.ts", "src/cli/main.ts"],
    limitMs: 1_200_000,
  },
  {
    name: "kills",
    command: ["node", "tests/killtest.ts", "--rounds", "5", "--seed", "1", "--restart-ms", "60000"],
    needs: ["tests/killtest.ts"],
  },
  {
    name: "power cuts",
    command: ["node", "tests/powercut.ts", "--images", "100", "--seed", "1"],
    needs: ["tests/powercut.ts"],
  },
  {
    name: "soak",
    command: ["node", "tests/soak.ts", "--minutes", "2", "--seed", "1"],
    needs: ["tests/soak.ts"],
  },
];
