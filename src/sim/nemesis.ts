import type { Prng } from "../base/prng.ts";
import type { Machine } from "./deployment.ts";
import { FAULT_POINTS, type FaultPoint } from "./faults.ts";
import type { Life } from "./life.ts";
import { META } from "./meta.ts";
import { OBJECTS } from "./objects.ts";
import type { RunState } from "./run-state.ts";
import { STREAM } from "./stream.ts";

/** Does harm, one thing after another and sometimes several at once, each for a while. */
export class Nemesis {
  readonly #run: RunState;
  readonly #random: Prng;
  readonly #faultsMax: number;
  /** Share of answers, when nothing makes it more: some networks are like that. */
  readonly #usuallyOvertaken: number;
  #faults = 0;

  constructor(run: RunState, faultsMax: number) {
    this.#run = run;
    this.#random = run.world.random("nemesis");
    this.#faultsMax = faultsMax;
    this.#usuallyOvertaken = faultsMax > 0 && run.world.random("overtaken").chance(0.3) ? 0.1 : 0;
  }

  /** Faults that a seed has at least, unless it was told to have fewer. */
  get hasDoneEnough(): boolean {
    return this.#faults >= Math.min(FAULTS_MIN, this.#faultsMax);
  }

  async run(done: () => boolean): Promise<void> {
    const { world } = this.#run;
    this.#wantRarePoints();
    this.#overtakeAnswers(this.#usuallyOvertaken);
    await world.pause(this.#random.between(50, 300), "calm");
    const plague = async (): Promise<void> => {
      while (!done() && this.#faults < this.#faultsMax) {
        await this.#strike();
        await world.pause(this.#random.between(20, 300), "between faults");
      }
    };
    // What one fault leaves open another one meets: an append that is late, and lands behind a take-over.
    const plagues = world.random("plagues").chance(0.25) ? 2 : 1;
    await Promise.all(Array.from({ length: plagues }, plague));
  }

  /** Some points are met a few times in a run, if at all: seeds take turns in striking at each, so that many seeds have struck at all. */
  #wantRarePoints(): void {
    if (this.#faultsMax === 0) return;
    const { world, deployment } = this.#run;
    const points = FAULT_POINTS.length;
    const crashAt = FAULT_POINTS[world.seed % points];
    const failAt = FAULT_POINTS[(world.seed + Math.floor(world.seed / points)) % points];
    if (failAt !== undefined) deployment.faults.wanted.set(failAt, "fail");
    if (crashAt !== undefined) deployment.faults.wanted.set(crashAt, "crash");
  }

  healAll(): void {
    const { deployment } = this.#run;
    deployment.net.healAll();
    this.#overtakeAnswers(0);
    deployment.faults.wanted.clear();
    Object.assign(deployment.faults, { failures: 0, crashes: 0 });
    for (const { disk } of deployment.machines) Object.assign(disk.conditions, HEALTHY);
  }

  async #strike(): Promise<void> {
    const { deployment, world, coverage } = this.#run;
    const kind = this.#random.pick(deployment.shared ? CLUSTER_FAULTS : STANDALONE_FAULTS);
    const machine = this.#random.pick(deployment.machines);
    this.#faults += 1;
    world.note(`fault ${kind} ${machine.name}`);
    if (kind !== "point") coverage.fault(kind);
    await this.#act(kind, machine);
  }

  async #act(kind: FaultKind, machine: Machine): Promise<void> {
    const { deployment, world } = this.#run;
    const { net, faults } = deployment;
    switch (kind) {
      case "crash":
        deployment.crash(machine, this.#random.between(10, 1_500));
        return;
      case "power cut of all":
        for (const each of deployment.machines) deployment.crash(each, this.#random.between(10, 600));
        return;
      case "point":
        for (let count = this.#random.between(1, 3); count > 0; count--)
          faults.wanted.set(this.#random.pick(FAULT_POINTS), this.#random.pick(["fail", "crash", "crash"]));
        return;
      case "failing steps":
        faults.failures = 0.2;
        await world.pause(this.#random.between(100, 1_000), kind);
        faults.failures = 0;
        return;
      case "disk errors": {
        const errors = this.#random.pick([
          "readErrors",
          "writeErrors",
          "syncErrors",
          "renameErrors",
        ] as const);
        machine.disk.conditions[errors] = this.#random.pick([0.02, 0.3, 1]);
        await world.pause(this.#random.between(20, 600), kind);
        machine.disk.conditions[errors] = 0;
        // What a failed sync has dropped shows when the power fails before it is written anew.
        if (errors === "syncErrors" && this.#random.chance(0.5))
          deployment.crash(machine, this.#random.between(10, 600));
        return;
      }
      case "disk full":
        machine.disk.conditions.bytesMax = machine.disk.usedBytes() + this.#random.int(8 << 10);
        await world.pause(this.#random.between(50, 1_000), kind);
        machine.disk.conditions.bytesMax = Infinity;
        return;
      case "slow disk":
        machine.disk.conditions.slowness = this.#random.pick([10, 100]);
        await world.pause(this.#random.between(100, 800), kind);
        machine.disk.conditions.slowness = 1;
        return;
      case "partition":
      case "one-way partition": {
        const [from, to] = this.#random.shuffle([
          ...deployment.machines.map(({ name }) => name),
          META,
          STREAM,
          OBJECTS,
        ]);
        net.cut(from ?? "", to ?? "");
        if (kind === "partition") net.cut(to ?? "", from ?? "");
        await this.#whileCut();
        return;
      }
      case "isolation":
        for (const { name } of deployment.machines) {
          net.cut(machine.name, name);
          net.cut(name, machine.name);
        }
        for (const service of [META, STREAM, OBJECTS])
          if (this.#random.chance(0.5)) net.cut(machine.name, service);
        await this.#whileCut();
        return;
      case "late appends": {
        const owner = this.#random.pick(deployment.machines.filter(({ kind: role }) => role === "data"));
        net.slow(owner.name, STREAM, LATE_MS_MAX);
        await world.pause(this.#random.between(20, 200), kind);
        // What it has sent lands all the same, and where it does another one may have taken over.
        this.#replace(owner);
        await this.#whileCut();
        return;
      }
      case "late commits": {
        const owner = (await this.#meets("flush.before-commit")) ?? machine;
        const coordinators = deployment.machines.filter(({ kind: role }) => role === "coordinator");
        for (const { name } of coordinators) net.slow(owner.name, name, deployment.leaseMs + LATE_MS_MAX);
        await world.pause(this.#random.between(5, 50), kind);
        // It lands when the channel has another owner, or the same one anew, or under another leader.
        const whose = this.#random.pick(["owner", "channel", "leader"] as const);
        if (whose === "channel") {
          net.cut(owner.name, STREAM);
          await world.pause(this.#random.between(30, 150), kind);
          net.healAll();
        } else this.#replace(whose === "owner" ? owner : (deployment.leading ?? owner));
        await this.#whileCut();
        return;
      }
      case "late transactions": {
        const leader = deployment.leading ?? machine;
        net.slow(leader.name, META, deployment.leaseMs + LATE_MS_MAX);
        await world.pause(this.#random.between(20, 200), kind);
        this.#replace(leader);
        await this.#whileCut();
        return;
      }
      case "late answers": {
        this.#overtakeAnswers(0.5);
        await world.pause(this.#random.between(500, 4_000), kind);
        this.#overtakeAnswers(this.#usuallyOvertaken);
        return;
      }
      case "deaf proxy": {
        const deaf = this.#random.pick(deployment.machines.filter(({ kind: role }) => role === "proxy"));
        const leader = (await this.#meets("ddl.before-invalidate")) ?? machine;
        net.cut(leader.name, deaf.name);
        await this.#whileCut();
        return;
      }
      case "bad network":
        net.conditions[this.#random.pick(["loss", "repeat", "late"] as const)] = this.#random.pick([
          0.02, 0.1, 0.3,
        ]);
        await world.pause(this.#random.between(100, 1_000), kind);
        net.healAll();
        return;
      case "lost index files": {
        const files = Map.groupBy(this.#random.shuffle([...this.#run.indexes.files()]), ({ type }) => type);
        // Of each type, however rare.
        for (const file of [...files.values()].flatMap((ofType) => ofType.slice(0, LOST_FILES_MAX))) {
          const how = this.#random.pick(["damaged", "missing"] as const);
          deployment.harmObject(file.key, how, this.#random);
          this.#run.indexes.harmed(file, how);
          world.note(`${file.key} of ${file.type} is ${how}`);
        }
        // They are looked at when they are opened anew.
        const readers = deployment.machines.filter(({ kind: role }) => READERS.has(role));
        if (this.#random.chance(0.7))
          deployment.crash(this.#random.pick(readers), this.#random.between(10, 300));
        return;
      }
      case "clock jump":
        machine.time.offsetMs += this.#random.pick([-3_000, -300, 300, 3_000]);
        return;
      case "session loss":
        deployment.loseSession(machine);
        return;
      case "stall":
        machine.life?.stall(this.#random.pick([50, 500, 2_000]));
        return;
    }
  }

  /** What a coordinator tells proxies overtakes what they have asked it for before. */
  #overtakeAnswers(share: number): void {
    const { machines, net } = this.#run.deployment;
    for (const from of machines.filter(({ kind }) => kind === "coordinator"))
      for (const to of machines.filter(({ kind }) => kind === "proxy"))
        net.overtakeAnswers(from.name, to.name, share);
  }

  /** Others take over what the process does, although it may still be there. */
  #replace(machine: Machine): void {
    const { deployment } = this.#run;
    if (this.#random.chance(0.5)) deployment.crash(machine, this.#random.between(10, 600));
    else deployment.loseSession(machine);
  }

  /** The machine whose process is the next at a point, which it leaves later; undefined when none comes there for a while. */
  #meets(point: FaultPoint): Promise<Machine | undefined> {
    const { world, deployment } = this.#run;
    const { listeners } = deployment.faults;
    return new Promise((resolve) => {
      const end = (machine: Machine | undefined): void => {
        listeners.delete(hear);
        timer.cancel();
        resolve(machine);
      };
      const hear = (met: string, life: Life): void => {
        if (met === point) end(deployment.machines.find((machine) => machine.life === life));
      };
      const timer = world.after(MEETS_MS_MAX, "not met", () => end(undefined));
      listeners.add(hear);
    });
  }

  async #whileCut(): Promise<void> {
    await this.#run.world.pause(this.#random.between(100, 2_500), "cut");
    this.#run.deployment.net.healAll();
  }
}

const READERS: ReadonlySet<string> = new Set(["standalone", "query"]);
const LOST_FILES_MAX = 4;

const STANDALONE_FAULTS = [
  "crash",
  "point",
  "failing steps",
  "disk errors",
  "disk full",
  "slow disk",
  "clock jump",
  "lost index files",
  "session loss",
  "stall",
] as const;
const CLUSTER_FAULTS = [
  "crash",
  "power cut of all",
  "point",
  "failing steps",
  "partition",
  "one-way partition",
  "isolation",
  "bad network",
  "late appends",
  "late commits",
  "late transactions",
  "late answers",
  "deaf proxy",
  "lost index files",
  "clock jump",
  "session loss",
  "stall",
] as const;

const FAULTS_MIN = 6;

/** Longer than a take-over takes, mostly. */
const LATE_MS_MAX = 1_500;
const MEETS_MS_MAX = 500;

type FaultKind = (typeof STANDALONE_FAULTS)[number] | (typeof CLUSTER_FAULTS)[number];

/** What a run of seeds must have seen. */
export const FAULT_KINDS: readonly string[] = [
  ...new Set<string>([...STANDALONE_FAULTS, ...CLUSTER_FAULTS].filter((kind) => kind !== "point")),
  "failed step",
  "crash at a point",
  "bit rot",
];

const HEALTHY = {
  readErrors: 0,
  writeErrors: 0,
  syncErrors: 0,
  renameErrors: 0,
  slowness: 1,
  bytesMax: Infinity,
};
