import { FAULT_POINTS } from "./faults.ts";

/** What occurred in a run, or in many: a run of seeds in which something never did has not tested it. */
export class Coverage {
  readonly operations = new Map<string, { done: number; failed: number }>();
  readonly points = new Map<string, { passed: number; failed: number; crashed: number }>();
  readonly transitions = new Map<string, number>();
  readonly faults = new Map<string, number>();
  /** What became of indexes, as `type event`. */
  readonly indexes = new Map<string, number>();

  operation(kind: string, outcome: "done" | "failed"): void {
    const counts = this.operations.get(kind) ?? { done: 0, failed: 0 };
    counts[outcome] += 1;
    this.operations.set(kind, counts);
  }

  point(name: string, outcome: "passed" | "failed" | "crashed"): void {
    const counts = this.points.get(name) ?? { passed: 0, failed: 0, crashed: 0 };
    counts[outcome] += 1;
    this.points.set(name, counts);
  }

  transition(name: string): void {
    this.transitions.set(name, (this.transitions.get(name) ?? 0) + 1);
  }

  fault(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  index(event: string): void {
    this.indexes.set(event, (this.indexes.get(event) ?? 0) + 1);
  }

  get faultCount(): number {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }

  add(other: CoverageCounts): void {
    for (const [kind, { done, failed }] of other.operations) {
      const counts = this.operations.get(kind) ?? { done: 0, failed: 0 };
      this.operations.set(kind, { done: counts.done + done, failed: counts.failed + failed });
    }
    for (const [name, { passed, failed, crashed }] of other.points) {
      const counts = this.points.get(name) ?? { passed: 0, failed: 0, crashed: 0 };
      this.points.set(name, {
        passed: counts.passed + passed,
        failed: counts.failed + failed,
        crashed: counts.crashed + crashed,
      });
    }
    for (const [name, count] of other.transitions)
      this.transitions.set(name, (this.transitions.get(name) ?? 0) + count);
    for (const [kind, count] of other.faults) this.faults.set(kind, (this.faults.get(kind) ?? 0) + count);
    for (const [event, count] of other.indexes)
      this.indexes.set(event, (this.indexes.get(event) ?? 0) + count);
  }

  /** Names of what never occurred. */
  missing(expected: {
    readonly operations: readonly string[];
    readonly transitions: readonly string[];
    readonly faults: readonly string[];
    readonly indexes: readonly string[];
  }): readonly string[] {
    return [
      ...FAULT_POINTS.filter((name) => (this.points.get(name)?.crashed ?? 0) === 0).map(
        (name) => `crash at ${name}`,
      ),
      ...FAULT_POINTS.filter((name) => (this.points.get(name)?.failed ?? 0) === 0).map(
        (name) => `failure at ${name}`,
      ),
      ...expected.operations
        .filter((kind) => (this.operations.get(kind)?.done ?? 0) === 0)
        .map((kind) => `operation ${kind}`),
      ...expected.transitions
        .filter((name) => !this.transitions.has(name))
        .map((name) => `transition ${name}`),
      ...expected.faults.filter((kind) => !this.faults.has(kind)).map((kind) => `fault ${kind}`),
      ...expected.indexes.filter((event) => !this.indexes.has(event)).map((event) => `index ${event}`),
    ];
  }

  /** Lines for people. */
  report(): readonly string[] {
    const sorted = <V>(map: ReadonlyMap<string, V>): (readonly [string, V])[] =>
      [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      `operations (done/failed): ${sorted(this.operations)
        .map(([kind, { done, failed }]) => `${kind} ${done}/${failed}`)
        .join(", ")}`,
      `fault points (passed/failed/crashed): ${sorted(this.points)
        .map(([name, { passed, failed, crashed }]) => `${name} ${passed}/${failed}/${crashed}`)
        .join(", ")}`,
      `segment transitions: ${sorted(this.transitions)
        .map(([name, count]) => `${name} ${count}`)
        .join(", ")}`,
      `faults: ${sorted(this.faults)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(", ")}`,
      `indexes: ${sorted(this.indexes)
        .map(([event, count]) => `${event} ${count}`)
        .join(", ")}`,
    ];
  }
}

/** The counts alone, as another process reports them. */
export type CoverageCounts = Pick<Coverage, "operations" | "points" | "transitions" | "faults" | "indexes">;
