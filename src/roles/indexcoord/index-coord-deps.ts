import type { DataCoord } from "../../api/data-coord.ts";
import type { IndexNode } from "../../api/index-coord.ts";
import type { QueryCoord } from "../../api/query-coord.ts";
import type { RootCoord } from "../../api/root-coord.ts";
import type { Leadership } from "../../core/leader/leadership.ts";
import type { SessionDirectory } from "../../core/session/sessions.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { Faults } from "../../ports/faults.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import type { ObjectStore } from "../../ports/object-store.ts";

export interface IndexCoordDeps {
  readonly nodeId: NodeId;
  readonly meta: MetaStore;
  readonly leadership: Leadership;
  readonly sessions: SessionDirectory;
  readonly connectIndexNode: (nodeId: NodeId, address: string) => IndexNode;
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly queryCoord: QueryCoord;
  readonly objects: ObjectStore;
  /** Returns when every live proxy has dropped what it had cached of the collection and its indexes. */
  readonly invalidateProxies: (ctx: CallContext, info: CollectionInfo) => Promise<void>;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly faults: Faults;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  readonly limits: IndexCoordLimits;
}

export interface IndexCoordLimits {
  readonly buildsParallelMax: number;
  /** Segments with fewer rows are searched without an index. */
  readonly rowsMin: number;
  /** Tries of one build before it counts as failed, with its reason, and waits for `failedPauseMs`. */
  readonly triesMax: number;
  readonly retryPauseMs: number;
  readonly failedPauseMs: number;
  /** How often failed builds and files that nothing names are looked for. */
  readonly upkeepIntervalMs: number;
  readonly orphanToleranceMs: number;
}
