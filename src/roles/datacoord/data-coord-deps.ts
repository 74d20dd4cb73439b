import type { DataNode } from "../../api/data-node.ts";
import type { IndexCoord } from "../../api/index-coord.ts";
import type { QueryCoord } from "../../api/query-coord.ts";
import type { RootCoord } from "../../api/root-coord.ts";
import type { CompactionLimits } from "../../core/compaction/plan-compactions.ts";
import type { Leadership } from "../../core/leader/leadership.ts";
import type { SessionDirectory } from "../../core/session/sessions.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Logger } from "../../obs/logger.ts";
import type { MetricsRegistry } from "../../obs/metrics.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { Faults } from "../../ports/faults.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import type { ObjectStore } from "../../ports/object-store.ts";

export interface DataCoordDeps {
  readonly nodeId: NodeId;
  readonly meta: MetaStore;
  readonly leadership: Leadership;
  readonly sessions: SessionDirectory;
  readonly connectDataNode: (nodeId: NodeId, address: string) => DataNode;
  readonly rootCoord: RootCoord;
  readonly queryCoord: QueryCoord;
  readonly indexCoord: IndexCoord;
  readonly objects: ObjectStore;
  readonly stream: MessageStream;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly tasks: Tasks;
  readonly faults: Faults;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  readonly limits: DataCoordLimits;
}

export interface DataCoordLimits {
  readonly segmentBytesMax: number;
  readonly sealProportion: number;
  readonly segmentRowsMax: number;
  /** A growing segment older than this is sealed. */
  readonly segmentAgeMsMax: number;
  /** A growing segment that has not grown for this long is sealed, when it is not tiny. */
  readonly segmentIdleMsMax: number;
  readonly segmentIdleBytesMin: number;
  /** A growing segment that has not grown for this long is sealed, whatever its size. */
  readonly syncMsMax: number;
  readonly compactionEnabled: boolean;
  readonly compaction: CompactionLimits;
  /** How long after its end a row version can still be read (common.retentionDuration). */
  readonly retentionMs: number;
  readonly compactionsParallelMax: number;
  /** How often growing segments are looked at for age and idleness, while there are any. */
  readonly checkIntervalMs: number;
  /** How often channels that nothing happens on are looked at for compaction: rows expire, and failed ones are due again. */
  readonly compactionIntervalMs: number;
  readonly gcEnabled: boolean;
  readonly gcIntervalMs: number;
  /** Files of dropped segments are kept at least this long. */
  readonly gcDropToleranceMs: number;
  /** Objects that nothing names must be that old before they go. */
  readonly gcOrphanToleranceMs: number;
}
