import type { DataCoord } from "../../api/data-coord.ts";
import type { RootCoord } from "../../api/root-coord.ts";
import type { SegmentFiles } from "../../core/shard/segment-files.ts";
import type { ShardRegistry } from "../../core/shard/shard-registry.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Logger } from "../../obs/logger.ts";
import type { MetricsRegistry } from "../../obs/metrics.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Engine } from "../../ports/engine.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { Faults } from "../../ports/faults.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import type { ObjectStore } from "../../ports/object-store.ts";

export interface DataNodeDeps {
  readonly nodeId: NodeId;
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly shards: ShardRegistry;
  readonly files: SegmentFiles;
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly stream: MessageStream;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly tasks: Tasks;
  readonly faults: Faults;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  readonly writerLimits: {
    readonly queueMax: number;
    readonly queueBytesMax: number;
    readonly groupMax: number;
  };
  readonly reportIntervalMs: number;
  /** Deltas in memory beyond which they are stored although nothing is flushed. */
  readonly deltaBytesMax: number;
}
