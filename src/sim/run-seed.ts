import { NativeEngine } from "../engine/native-engine.ts";
import { ReferenceEngine } from "../engine/reference-engine.ts";
import { AdminClient } from "./admin-client.ts";
import { Coverage } from "./coverage.ts";
import { DataClient } from "./data-client.ts";
import { Deployment } from "./deployment.ts";
import type { FaultPlan } from "./faults.ts";
import { IndexWatch } from "./index-watch.ts";
import { MetaChecker } from "./meta-check.ts";
import { Model } from "./model.ts";
import { Nemesis } from "./nemesis.ts";
import { checkRot } from "./rot-check.ts";
import { RunState, type Violation } from "./run-state.ts";
import { tune } from "./tuning.ts";
import { World } from "./world.ts";

export interface SeedOptions {
  readonly seed: number;
  /** Operations before the end; fewer when shrinking. */
  readonly operations?: number;
  /** Faults at most; none when 0. */
  readonly faults?: number;
  /** Hears every event. */
  readonly log?: (line: string) => void;
}

export interface SeedResult {
  readonly seed: number;
  readonly topology: string;
  readonly engine: string;
  readonly violations: readonly Violation[];
  readonly operations: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly traceHash: string;
  readonly coverage: Coverage;
}

/** One whole life of a database, from its first start to a quiet end in which everything must be right. */
export async function runSeed(options: SeedOptions): Promise<SeedResult> {
  const world = new World(options.seed);
  if (options.log !== undefined) world.listen(options.log);
  const tuning = tune(world);
  const coverage = new Coverage();
  const engine =
    tuning.engine === "native"
      ? new NativeEngine({ threads: 1, deterministic: true })
      : new ReferenceEngine();
  const faults: FaultPlan = {
    failures: 0,
    crashes: 0,
    wanted: new Map(),
    listeners: new Set(),
    met: (point, outcome) => {
      coverage.point(point, outcome);
      if (outcome !== "passed") coverage.fault(outcome === "failed" ? "failed step" : "crash at a point");
    },
  };
  const violation = (what: string, error?: unknown): void => run.violation(what, error);
  const checker = new MetaChecker(violation, (name) => coverage.transition(name));
  const indexes = new IndexWatch((event) => coverage.index(event));
  const model = new Model(violation);
  if (options.log !== undefined) model.onApplied = options.log;
  const deployment = new Deployment(world, engine, tuning, faults, {
    violation,
    onMetaCommit: (changes) => {
      checker.onCommit(changes);
      indexes.onCommit(changes);
      model.onMetaCommit(changes);
    },
    onRecord: (topic, after, record) => model.onRecord(topic, after, record),
    onStart: () => undefined,
  });
  const run = new RunState(world, deployment, model, { coverage, indexes });
  const stopped = new Promise<void>((resolve) => (run.onViolation = resolve));
  const main = async (): Promise<void> => {
    deployment.startAll();
    const admin = new AdminClient(run);
    const nemesis = new Nemesis(run, options.faults ?? Infinity);
    const wanted = options.operations ?? OPERATIONS;
    const done = (): boolean =>
      (run.operations >= wanted && nemesis.hasDoneEnough) || run.violations.length > 0;
    const random = world.random("pace");
    const thinkMs = random.pick([8, 20, 40]);
    const loop = async (step: () => Promise<void>, pauseMs: number): Promise<void> => {
      while (!done()) {
        await step();
        await world.pause(random.float() * pauseMs, "think");
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, i) => new DataClient(run, String(i)));
    const plaguing = nemesis.run(done);
    await Promise.all([
      loop(() => admin.step(), 60),
      ...clients.map(async (client) => loop(() => client.step(), thinkMs)),
    ]);
    await plaguing;
    await quiesce(run, checker, admin, nemesis);
  };
  try {
    await world.run(Promise.race([main(), stopped]), { eventsMax: EVENTS_MAX, untilMs: VIRTUAL_MS_MAX });
  } catch (error) {
    run.violation(error instanceof Error ? error.message : String(error), error);
  }
  deployment.stop();
  return {
    seed: options.seed,
    topology: tuning.topology,
    engine: tuning.engine,
    violations: run.violations,
    operations: run.operations,
    events: world.events,
    virtualMs: world.nowMs,
    traceHash: world.traceHash,
    coverage,
  };
}

/** The faults have stopped: everything must come to its end, and be right. */
async function quiesce(
  run: RunState,
  checker: MetaChecker,
  admin: AdminClient,
  nemesis: Nemesis,
): Promise<void> {
  const { world, deployment } = run;
  world.note("quiesce");
  nemesis.healAll();
  const untilMs = world.nowMs + SETTLE_MS;
  while (deployment.machines.some((machine) => machine.process === undefined)) {
    if (world.nowMs > untilMs)
      return run.violation("a machine does not start although nothing is wrong any more");
    await world.pause(50, "settle");
  }
  await world.pause(2_000, "settle");
  for (const handle of [...run.handles]) {
    for (const kind of ["load", "flush", "compact", "load"] as const) {
      for (let tries = 0; !(await admin.attempt(kind, handle)); tries++) {
        if (tries >= 10)
          return run.violation(`${kind} of ${handle.name} still fails although nothing is wrong any more`);
        await world.pause(500, "settle");
      }
    }
    if (!handle.loaded)
      return run.violation(`${handle.name} does not get loaded although nothing is wrong any more`);
  }
  const reader = new DataClient(run, "last");
  for (const handle of run.handles) await reader.verify(handle);
  await world.pause(1_000, "settle");
  for (const handle of run.handles) await reader.verify(handle);
  checker.auditFiles(deployment.storedObjects());
  if (nemesis.hasDoneEnough) await checkRot(run, checker, deployment.engine);
}

const OPERATIONS = 1_000;
const CLIENTS = 5;
const EVENTS_MAX = 3_000_000;
const VIRTUAL_MS_MAX = 1_000_000;
const SETTLE_MS = 20_000;
