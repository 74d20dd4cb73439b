import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { deadlineExceeded, serviceUnavailable } from "../errors/service-errors.ts";
import { NO_TRACE, type CallContext } from "../model/call-context.ts";
import type { MetricType } from "../model/read.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../model/timestamp.ts";
import type { Coverage } from "./coverage.ts";
import type { Deployment } from "./deployment.ts";
import type { IndexWatch } from "./index-watch.ts";
import type { VectorIndexType } from "./index-types.ts";
import { EPOCH_MS } from "./life.ts";
import type { Model } from "./model.ts";
import { Names } from "./names.ts";
import type { SimKey } from "./rows.ts";
import type { ServedProxy } from "./served-proxy.ts";
import type { VectorKind } from "./vectors.ts";
import type { World } from "./world.ts";

/** A collection as the workload knows it. */
export interface Handle {
  info: CollectionInfo;
  name: string;
  readonly aliases: Set<string>;
  readonly keyType: "int64" | "varchar";
  readonly keySpace: number;
  readonly metric: MetricType;
  /** Names of partitions that exist, but for the one that is being changed. */
  readonly partitions: Set<string>;
  /** Names of the loaded ones; undefined for all. */
  loadedPartitions: ReadonlySet<string> | undefined;
  loaded: boolean;
  /** Grows with every change of what a read may see besides rows: loads, partitions, indexes. */
  version: number;
  readonly vectorKind: VectorKind;
  /** What its vectors may be indexed by; answers are judged by the least exact of them, as the one before may still be in use. */
  readonly vectorIndexes: readonly VectorIndexType[];
  extras: number;
  /** Timestamp of the newest acknowledged write. */
  lastWrite: Timestamp;
}

/** What all parts of a run share. */
export class RunState {
  readonly world: World;
  readonly deployment: Deployment;
  readonly model: Model;
  readonly coverage: Coverage;
  readonly indexes: IndexWatch;
  readonly handles: Handle[] = [];
  readonly names = new Names();
  readonly violations: Violation[] = [];
  /** Wakes whoever waits for the run when something is wrong. */
  onViolation: () => void = () => undefined;
  operations = 0;
  #stamp = 0n;

  constructor(
    world: World,
    deployment: Deployment,
    model: Model,
    { coverage, indexes }: { readonly coverage: Coverage; readonly indexes: IndexWatch },
  ) {
    this.world = world;
    this.deployment = deployment;
    this.model = model;
    this.coverage = coverage;
    this.indexes = indexes;
  }

  violation(what: string, error?: unknown): void {
    const detail = error instanceof Error ? `${what}: ${error.stack ?? error.message}` : what;
    this.violations.push({ what, detail, atMs: this.world.nowMs });
    this.world.note(`VIOLATION ${what}`);
    this.onViolation();
  }

  nextStamp(): bigint {
    return ++this.#stamp;
  }

  randomKey(handle: Handle, random: Prng): SimKey {
    const n = random.int(handle.keySpace);
    return handle.keyType === "int64" ? BigInt(n * 7 - 20) : `key-${n}`;
  }

  /** Calls through some living proxy; fails like a broken connection when it dies, and at the deadline. */
  async viaProxy<T>(
    random: Prng,
    deadlineMs: number,
    use: (proxy: ServedProxy, ctx: CallContext) => Promise<T>,
  ): Promise<T> {
    const proxies = this.deployment.proxies();
    if (proxies.length === 0) {
      await this.world.pause(20 + random.int(50), "no proxy");
      throw serviceUnavailable("no proxy is alive");
    }
    const proxy = random.pick(proxies);
    const { life, clock } = proxy.process;
    const abort = new AbortController();
    const ctx: CallContext = {
      principal: "",
      database: "default",
      deadlineMs: clock.nowMs() + deadlineMs,
      signal: abort.signal,
      trace: NO_TRACE,
      clientRequestId: "",
    };
    return new Promise<T>((resolve, reject) => {
      const timer = this.world.after(deadlineMs, "client deadline", () => {
        const reason = deadlineExceeded();
        abort.abort(reason);
        reject(reason);
      });
      const forget = life.onDeath(() =>
        this.world.after(random.between(1, 30), "client reset", () =>
          reject(serviceUnavailable("connection reset")),
        ),
      );
      life
        .hear(use(proxy, ctx))
        .then(resolve, reject)
        .finally(() => {
          forget();
          timer.cancel();
        });
    });
  }

  /** Notes the end of an operation; errors that only a bug explains are violations. */
  ended(kind: string, error?: unknown): void {
    this.operations += 1;
    this.coverage.operation(kind, error === undefined ? "done" : "failed");
    if (error === undefined) {
      this.world.note(`${kind} done`);
      return;
    }
    const text = error instanceof Error ? error.message : JSON.stringify(error);
    this.world.note(`${kind} failed: ${text}`);
    if (!isRedkiteError(error) || UNACCEPTABLE.has(error.kind))
      this.violation(`${kind} failed: ${text}`, error);
  }

  /** A timestamp of about now. */
  approximateNow(): Timestamp {
    return (BigInt(Math.floor(EPOCH_MS + this.world.nowMs)) << 18n) as Timestamp;
  }

  get noTimestamp(): Timestamp {
    return TIMESTAMP_ZERO;
  }
}

export interface Violation {
  readonly what: string;
  readonly detail: string;
  readonly atMs: number;
}

/** Errors that no fault explains. */
const UNACCEPTABLE: ReadonlySet<string> = new Set([
  "unexpected",
  "corrupted",
  "serviceInternal",
  "parameterInvalid",
]);
