import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type { BuildRequest, BuildResult, IndexNode } from "../../api/index-coord.ts";
import type { SegmentFiles } from "../../core/shard/segment-files.ts";
import { DataType, isVector } from "../../model/data-type.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId } from "../../model/ids.ts";
import type { MetricType } from "../../model/read.ts";
import type {
  BuildControl,
  Engine,
  NativeBuffer,
  Refinement,
  Segment,
  VectorIndexSpec,
} from "../../ports/engine.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import type { Logger } from "../../obs/logger.ts";
import type { MetricsRegistry } from "../../obs/metrics.ts";
import { span } from "../../obs/tracing.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { IndexNodeMetrics } from "./index-node-metrics.ts";

export interface IndexNodeDeps {
  readonly nodeId: NodeId;
  readonly engine: Engine;
  readonly files: SegmentFiles;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly buildThreads: number;
}

/** Builds index files from segment files. Owns nothing: a build that a crash ends is started over by IndexCoord under a new id. */
export class IndexNodeRole implements IndexNode {
  readonly #deps: IndexNodeDeps;
  readonly #metrics: IndexNodeMetrics;
  readonly #builds = new Map<
    bigint,
    { readonly control: BuildControl; readonly result: Promise<BuildResult> }
  >();
  #state: ComponentStateCode = "Initializing";

  constructor(deps: IndexNodeDeps) {
    this.#deps = deps;
    this.#metrics = new IndexNodeMetrics(deps.metrics, deps.nodeId, () => this.#builds.size);
  }

  start(): void {
    this.#state = "Healthy";
  }

  /** Ends running builds. */
  async stop(): Promise<void> {
    this.#state = "Stopping";
    for (const { control } of this.#builds.values()) Atomics.store(control.cancel.word, 0, 1);
    await Promise.allSettled([...this.#builds.values()].map(({ result }) => result));
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "indexnode", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return { name: "indexnode", nodeId: this.#deps.nodeId, infos: { builds: this.#builds.size } };
  }

  async build(ctx: CallContext, request: BuildRequest): Promise<BuildResult> {
    const known = this.#builds.get(request.buildId);
    if (known !== undefined) return known.result;
    const control: BuildControl = {
      cancel: { word: new Int32Array(new SharedArrayBuffer(4)) },
      progress: new Int32Array(new SharedArrayBuffer(4)),
      threads: this.#deps.buildThreads,
    };
    const result = this.#measured(ctx, request, control);
    this.#builds.set(request.buildId, { control, result });
    const cancel = (): void => void Atomics.store(control.cancel.word, 0, 1);
    ctx.signal.addEventListener("abort", cancel, { once: true });
    try {
      return await result;
    } finally {
      ctx.signal.removeEventListener("abort", cancel);
      this.#builds.delete(request.buildId);
    }
  }

  async cancel(_ctx: CallContext, request: { readonly buildId: bigint }): Promise<void> {
    const build = this.#builds.get(request.buildId);
    if (build !== undefined) Atomics.store(build.control.cancel.word, 0, 1);
  }

  async #measured(ctx: CallContext, request: BuildRequest, control: BuildControl): Promise<BuildResult> {
    const { clock, logger } = this.#deps;
    const startedMs = clock.monotonicMs();
    const type = request.params["index_type"] ?? "";
    const log = { buildId: request.buildId, field: request.field.id, type };
    try {
      const result = await span("IndexNode-Build", ctx.trace, async () => this.#build(request, control));
      const durationMs = clock.monotonicMs() - startedMs;
      const { bytes } = result.file;
      this.#metrics.built(type, bytes, durationMs);
      logger.info("index built", { ...log, rows: result.rows, bytes, durationMs });
      return result;
    } catch (error) {
      this.#metrics.failed();
      logger.warn("an index could not be built", { ...log, error });
      throw error;
    }
  }

  async #build(request: BuildRequest, control: BuildControl): Promise<BuildResult> {
    const manifest = await this.#deps.files.readManifest(request.manifest);
    const segment = await this.#deps.files.open(manifest, request.schema);
    try {
      const index = await this.#buildFile(segment, request, control);
      try {
        const crc32c = this.#deps.engine.crc32c(index.bytes);
        await this.#put(request.targetKey, index.bytes);
        return {
          buildId: request.buildId,
          rows: segment.rows,
          file: { key: request.targetKey, crc32c, bytes: index.byteLength },
        };
      } finally {
        index.close();
      }
    } finally {
      segment.close();
    }
  }

  async #buildFile(segment: Segment, request: BuildRequest, control: BuildControl): Promise<NativeBuffer> {
    const { field, params } = request;
    if (!isVector(field.type)) {
      const kind = params["index_type"] === "BITMAP" ? "bitmap" : "sorted";
      return this.#deps.engine.buildScalarIndex(segment, { fieldId: field.id, kind }, control);
    }
    return this.#deps.engine.buildVectorIndex(
      segment,
      {
        fieldId: field.id,
        type: field.type,
        dim: field.dim,
        metric: vectorMetric(field.type, params),
        index: vectorIndex(field.type, params),
        seed: Number(request.buildId & 0x7fff_ffffn),
      },
      control,
    );
  }

  /** A repetition of the same build may find its own file. */
  async #put(key: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#deps.objects.put(key, [bytes]);
    } catch (error) {
      if (!isRedkiteError(error, "objectExists")) throw error;
    }
  }
}

const number = (params: Readonly<Record<string, string>>, key: string, otherwise: number): number =>
  Number(params[key] ?? otherwise);

/** What the user's parameters ask for. Sparse types differ in how a search walks the same file. */
function vectorIndex(type: DataType, params: Readonly<Record<string, string>>): VectorIndexSpec["index"] {
  if (type === DataType.SparseFloatVector) return { kind: "SPARSE_INVERTED_INDEX" };
  const kind = params["index_type"];
  const nlist = number(params, "nlist", 128);
  switch (kind) {
    case "IVF_FLAT":
    case "IVF_SQ8":
    case "BIN_IVF_FLAT":
      return { kind, nlist };
    case "IVF_PQ":
      return { kind, nlist, m: number(params, "m", 32), nbits: number(params, "nbits", 8) };
    case "SCANN":
    case "IVF_RABITQ":
      return { kind, nlist, refine: refinement(params) };
    case "DISKANN":
      return {
        kind,
        maxDegree: number(params, "max_degree", 56),
        searchList: number(params, "search_list_size", 100),
        codesPerRow: number(params, "pq_code_budget_gb_ratio", 0.125),
        cachedPerRow: number(params, "search_cache_budget_gb_ratio", 0.1),
      };
    case "MINHASH_LSH":
      return {
        kind,
        elementBytes: number(params, "mh_element_bit_width", 8) / 8,
        bands: number(params, "mh_lsh_band", 1),
      };
    case "HNSW_SQ":
      return { kind, ...links(params), refine: refinement(params) };
    case "HNSW_PQ":
    case "HNSW_PRQ":
      return {
        kind,
        ...links(params),
        subs: number(params, "m", 32),
        nbits: number(params, "nbits", 8),
        levels: number(params, "nrq", 1),
        refine: refinement(params),
      };
    default:
      return { kind: "HNSW", ...links(params) };
  }
}

/** Of eight bits where fewer are asked for, too. Without a type, as indexes of before there were copies, on the vectors themselves. */
function refinement(params: Readonly<Record<string, string>>): Refinement {
  if (params["refine"] !== "true") return "none";
  switch (params["refine_type"]) {
    case "SQ4U":
    case "SQ6":
    case "SQ8":
      return "u8";
    case "FP16":
      return "f16";
    case "BF16":
      return "bf16";
    default:
      return "rows";
  }
}

function links(params: Readonly<Record<string, string>>): {
  readonly m: number;
  readonly efConstruction: number;
} {
  return { m: number(params, "M", 16), efConstruction: number(params, "efConstruction", 200) };
}

function vectorMetric(type: DataType, params: Readonly<Record<string, string>>): MetricType {
  return type === DataType.SparseFloatVector ? "IP" : ((params["metric_type"] ?? "COSINE") as MetricType);
}
