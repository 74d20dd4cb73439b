import { openMemoryMetaStore } from "../adapters/meta/memory.ts";
import { GroupedMetaStore } from "../adapters/meta/grouped-meta-store.ts";
import { FsObjectStore } from "../adapters/objects/fs.ts";
import { FileWal } from "../adapters/stream/file-wal/file-wal.ts";
import { MemoryStreamLog } from "../adapters/stream/memory.ts";
import { TaskRunner, type TaskFailure } from "../adapters/tasks.ts";
import { dataCoordTable, type DataCoord } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import { indexCoordTable, indexNodeTable, type IndexCoord } from "../api/index-coord.ts";
import { proxyTable } from "../api/proxy.ts";
import { queryCoordTable, type QueryCoord } from "../api/query-coord.ts";
import { queryNodeTable } from "../api/query-node.ts";
import { rootCoordTable } from "../api/root-coord.ts";
import { leadMixCoord, LEADER_KEY, type MixCoord } from "../app/mixcoord.ts";
import type { Links, ProcessPorts, ProcessSettings } from "../app/process-ports.ts";
import { startWorkerRoles, type WorkerRoles } from "../app/worker-roles.ts";
import { parentOf } from "../adapters/disk-path.ts";
import { crc32c } from "../base/crc32c.ts";
import type { Prng } from "../base/prng.ts";
import { registerSession, SessionDirectory } from "../core/session/sessions.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { nodeId } from "../model/ids.ts";
import type { Engine } from "../ports/engine.ts";
import type { MetaStore } from "../ports/meta-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { LeaderClient } from "../transport/leader-client.ts";
import { SimDisk, SimDiskState } from "./disk.ts";
import { SimFaults, type FaultPlan } from "./faults.ts";
import { Life, SimClock, type MachineTime } from "./life.ts";
import { SimMetaClient, SimMetaStorage } from "./meta.ts";
import { SimNet, type NetProcess } from "./net.ts";
import { SharedObjects, SharedObjectStore } from "./objects.ts";
import { LeaseLoss } from "./lease-loss.ts";
import { ServedProxy } from "./served-proxy.ts";
import { sharedStream, WatchedStream, type StreamObserver } from "./stream.ts";
import type { SimTuning } from "./tuning.ts";
import type { World } from "./world.ts";

export type MachineKind = "standalone" | "coordinator" | "data" | "query" | "proxy";

/** A machine keeps its disk and its clocks while processes on it come and go. */
export interface Machine {
  readonly name: string;
  readonly kind: MachineKind;
  readonly time: MachineTime;
  readonly disk: SimDiskState;
  /** Undefined while it is down or starting. */
  process: Running | undefined;
  life: Life | undefined;
  starts: number;
}

export interface Running extends NetProcess {
  readonly proxy: ServedProxy | undefined;
  readonly meta: LeaseLoss;
}

export interface DeploymentHooks extends StreamObserver {
  /** Something that must never happen: an assertion of the product, or an error that nobody expected. */
  readonly violation: (what: string, error?: unknown) => void;
  readonly onMetaCommit: ConstructorParameters<typeof SimMetaStorage>[0];
  readonly onStart: (machine: Machine) => void;
}

/** All processes of one database, and what they share; composed of the product's own parts. */
export class Deployment {
  readonly world: World;
  readonly net: SimNet;
  readonly machines: readonly Machine[];
  readonly storage: SimMetaStorage;
  readonly sharedObjects = new SharedObjects();
  readonly engine: Engine;
  readonly tuning: SimTuning;
  readonly faults: FaultPlan;
  readonly #hooks: DeploymentHooks;
  readonly #log = new MemoryStreamLog();
  readonly #service: Life;
  #metaServer: Promise<GroupedMetaStore> | undefined;
  #leading: Machine | undefined;
  #nextNode = 101n;
  #stopped = false;

  constructor(world: World, engine: Engine, tuning: SimTuning, faults: FaultPlan, hooks: DeploymentHooks) {
    this.world = world;
    this.engine = engine;
    this.tuning = tuning;
    this.faults = faults;
    this.#hooks = hooks;
    this.net = new SimNet(world);
    this.storage = new SimMetaStorage(hooks.onMetaCommit);
    this.#service = new Life(world, "services");
    const random = world.random("machines");
    this.machines = TOPOLOGIES[tuning.topology].map(([name, kind]) => ({
      name,
      kind,
      time: { offsetMs: random.between(-200, 200), rate: 1 + (random.float() - 0.5) * 0.002 },
      disk: new SimDiskState(),
      process: undefined,
      life: undefined,
      starts: 0,
    }));
  }

  get shared(): boolean {
    return this.tuning.topology === "cluster";
  }

  startAll(): void {
    for (const machine of this.machines) this.start(machine);
  }

  /** Starts a process, and again after a pause when it cannot start. */
  start(machine: Machine): void {
    if (machine.life !== undefined || this.#stopped) return;
    const life = new Life(this.world, `${machine.name}.${++machine.starts}`);
    machine.life = life;
    life.onDeath(() => {
      machine.process = undefined;
      machine.life = undefined;
    });
    this.world.note(`start ${life.name}`);
    this.#run(machine, life).then(
      (process) => {
        if (!life.alive) return;
        machine.process = process;
        this.#hooks.onStart(machine);
      },
      (error: unknown) => {
        if (!life.alive) return;
        this.world.note(`${life.name} cannot start: ${String(error)}`);
        if (!isRedkiteError(error) || error.kind === "corrupted")
          this.#hooks.violation(`${life.name} cannot start`, error);
        this.crash(machine, RESTART_MS);
      },
    );
  }

  /** Ends the process; only what its disk had synced is sure to be there at the next start. */
  crash(machine: Machine, restartAfterMs: number): void {
    const { life } = machine;
    if (life === undefined) return;
    this.world.note(`crash ${life.name}`);
    life.end();
    machine.disk.crash(this.world.random(`crash ${life.name}`));
    this.world.after(restartAfterMs, "restart", () => this.start(machine));
  }

  /** Ends everything for good. */
  stop(): void {
    this.#stopped = true;
    for (const machine of this.machines) machine.life?.end();
  }

  /** The leases of its process run out, although it works: others take its work over. */
  loseSession(machine: Machine): void {
    machine.process?.meta.loseRenewals(this.leaseMs * 1.5);
  }

  /** The machine whose process won the lead last; undefined before the first. */
  get leading(): Machine | undefined {
    return this.#leading;
  }

  /** For so long a process that is gone is taken for alive at most. */
  get leaseMs(): number {
    const { sessionLeaseMs, coordinators } = this.tuning.settings(NOBODY);
    return Math.max(sessionLeaseMs, coordinators.leaseMs);
  }

  proxies(): readonly ServedProxy[] {
    return this.machines.flatMap(({ process }) => process?.proxy ?? []);
  }

  /** The objects by key, as they are stored, without any process in between. */
  storedObjects(): ReadonlyMap<string, Uint8Array> {
    if (this.shared) return this.sharedObjects.objects;
    const objects = new Map<string, Uint8Array>();
    for (const { disk } of this.machines) {
      for (const [path, file] of disk.files)
        if (path.startsWith("objects/") && !path.startsWith("objects/."))
          objects.set(path.slice("objects/".length), file.bytes);
    }
    return objects;
  }

  /** Harms an object where it is stored, under everybody who thinks it safe: one bit of it, or all of it. */
  harmObject(key: string, how: "damaged" | "missing", random: Prng): void {
    if (this.shared) {
      const bytes = this.sharedObjects.objects.get(key);
      if (how === "missing") this.sharedObjects.objects.delete(key);
      else if (bytes !== undefined) flipBit(bytes, random.int(bytes.length * 8));
      return;
    }
    const path = `objects/${key}`;
    for (const { disk } of this.machines) {
      const file = disk.files.get(path);
      if (file === undefined) continue;
      if (how === "damaged") file.flipBit(random.int(file.bytes.length * 8));
      else {
        disk.unlink(path);
        disk.syncDirectory(parentOf(path));
      }
    }
  }

  async #run(machine: Machine, life: Life): Promise<Running> {
    const { world, tuning } = this;
    const clock = new SimClock(life, machine.time);
    const id = nodeId(this.#nextNode++);
    const identity: NetProcess = { machine: machine.name, nodeId: id, life, clock };
    const random = world.random(life.name);
    const report = (failure: TaskFailure): void => this.#onTaskFailure(life, failure);
    const exit = (why: unknown): void => {
      if (!life.alive) return;
      world.note(`${life.name} exits: ${String(why)}`);
      this.crash(machine, RESTART_MS * (0.5 + random.float()));
    };
    const storage = await this.#storagePorts(machine, life, clock);
    const meta = new LeaseLoss(storage.meta, world);
    const ports: ProcessPorts = {
      clock,
      rng: random,
      tasks: new TaskRunner(clock, random, report),
      faults: new SimFaults(this.faults, life, () =>
        this.crash(machine, RESTART_MS * (0.5 + random.float())),
      ),
      engine: this.engine,
      ...storage,
      meta,
    };
    const stopping = new AbortController();
    const settings = tuning.settings({ nodeId: id, address: machine.name, stopping: stopping.signal });
    const links = this.net.links(identity);
    this.net.join(identity);
    const sessions = await SessionDirectory.watch(ports.meta, ports.tasks);
    const roles = ROLES[machine.kind];
    const stubs = this.#coordinatorStubs(ports, links, settings);
    if (machine.kind === "standalone" || machine.kind === "coordinator") {
      const lead = async (): Promise<void> => {
        const coords = await leadMixCoord(ports, links, sessions, settings, stopping.signal, exit);
        world.note(`${life.name} leads`);
        this.#leading = machine;
        this.#serveCoordinators(identity, coords);
      };
      const leading = lead();
      if (machine.kind === "standalone") await leading;
      else leading.catch((error: unknown) => exit(error));
    }
    let workers: WorkerRoles | undefined;
    if (roles.includes("datanode") || roles.includes("querynode")) {
      workers = startWorkerRoles(ports, links, stubs, settings);
      if (roles.includes("datanode")) this.net.serve(identity, dataNodeTable, workers.dataNode);
      if (roles.includes("querynode")) this.net.serve(identity, queryNodeTable, workers.queryNode);
      if (roles.includes("indexnode")) this.net.serve(identity, indexNodeTable, workers.indexNode);
    }
    let proxy: ServedProxy | undefined;
    if (roles.includes("proxy")) {
      const { gracefulTimeMs, cachedCollectionsMax } = tuning;
      proxy = new ServedProxy({
        ...identity,
        coordinators: stubs,
        links,
        ports,
        settings,
        workers,
        gracefulTimeMs,
        cachedCollectionsMax,
      });
      this.net.serve(identity, proxyTable, proxy.role);
    }
    await registerSession(
      { meta: ports.meta, clock, tasks: ports.tasks, leaseMs: settings.sessionLeaseMs },
      roles.map((role) => ({ role, nodeId: id, address: machine.name })),
      exit,
    );
    proxy?.role.start();
    return { ...identity, proxy, meta };
  }

  async #storagePorts(
    machine: Machine,
    life: Life,
    clock: SimClock,
  ): Promise<{ meta: MetaStore; stream: WatchedStream; objects: ObjectStore }> {
    if (this.shared) {
      this.#metaServer ??= openMemoryMetaStore(
        new SimClock(this.#service, { offsetMs: 0, rate: 1 }),
        this.storage,
      );
      const server = await this.#metaServer;
      return {
        meta: new SimMetaClient(server, this.net, life, machine.name),
        stream: new WatchedStream(sharedStream(this.#log, this.net, life, machine.name), life, this.#hooks),
        objects: new SharedObjectStore(this.sharedObjects, this.net, life, machine.name, this.engine),
      };
    }
    const disk = new SimDisk(machine.disk, life, this.engine);
    const meta = await GroupedMetaStore.open(
      this.storage.of(life, this.world.random(`meta ${life.name}`)),
      clock,
    );
    const wal = await FileWal.open({
      disk,
      folder: "log",
      clock,
      checksum: crc32c,
      report: (event) => this.world.note(`log of ${life.name}: ${event.event}`),
      options: this.tuning.wal,
    });
    const objects = await FsObjectStore.open(disk, "objects");
    return { meta, stream: new WatchedStream(wal, life, this.#hooks), objects };
  }

  #coordinatorStubs(ports: ProcessPorts, links: Links, settings: ProcessSettings): CoordinatorStubs {
    const leader = new LeaderClient({
      meta: ports.meta,
      clock: ports.clock,
      key: LEADER_KEY,
      connect: (table, node) => links.connect(table, node),
      pauseMs: settings.coordinators.retryPauseMs,
    });
    return {
      rootCoord: leader.stub(rootCoordTable),
      dataCoord: leader.stub(dataCoordTable),
      queryCoord: leader.stub(queryCoordTable),
      indexCoord: leader.stub(indexCoordTable),
    };
  }

  #serveCoordinators(identity: NetProcess, coords: MixCoord): void {
    this.net.serve(identity, rootCoordTable, coords.rootCoord);
    this.net.serve(identity, dataCoordTable, coords.dataCoord);
    this.net.serve(identity, queryCoordTable, coords.queryCoord);
    this.net.serve(identity, indexCoordTable, coords.indexCoord);
  }

  #onTaskFailure(life: Life, failure: TaskFailure): void {
    if (!life.alive) return;
    const { task, outcome, error } = failure;
    this.world.note(
      `task ${task} of ${life.name} ${outcome}: ${error instanceof Error ? error.message : String(error)}`,
    );
    if (!isRedkiteError(error)) this.#hooks.violation(`task ${task} of ${life.name} failed`, error);
  }
}

function flipBit(bytes: Uint8Array, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}

type CoordinatorStubs = Pick<MixCoord, "rootCoord"> & {
  readonly dataCoord: DataCoord;
  readonly queryCoord: QueryCoord;
  readonly indexCoord: IndexCoord;
};

const TOPOLOGIES: Readonly<Record<SimTuning["topology"], readonly (readonly [string, MachineKind])[]>> = {
  standalone: [["single", "standalone"]],
  cluster: [
    ["coord-a", "coordinator"],
    ["coord-b", "coordinator"],
    ["data-a", "data"],
    ["data-b", "data"],
    ["query-a", "query"],
    ["query-b", "query"],
    ["proxy-a", "proxy"],
    ["proxy-b", "proxy"],
  ],
};

const ROLES: Readonly<Record<MachineKind, readonly string[]>> = {
  standalone: ["datanode", "querynode", "indexnode", "proxy"],
  coordinator: [],
  data: ["datanode", "indexnode"],
  query: ["querynode"],
  proxy: ["proxy"],
};

const RESTART_MS = 300;

const NOBODY = { nodeId: nodeId(0n), address: "", stopping: new AbortController().signal };
