import type { DataCoord } from "../../api/data-coord.ts";
import type { IndexCoord } from "../../api/index-coord.ts";
import type { QueryNode } from "../../api/query-node.ts";
import type { RootCoord } from "../../api/root-coord.ts";
import type { Leadership } from "../../core/leader/leadership.ts";
import type { SessionDirectory } from "../../core/session/sessions.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { Faults } from "../../ports/faults.ts";
import type { MetaStore } from "../../ports/meta-store.ts";

export interface QueryCoordDeps {
  readonly nodeId: NodeId;
  readonly meta: MetaStore;
  readonly leadership: Leadership;
  readonly sessions: SessionDirectory;
  readonly connectQueryNode: (nodeId: NodeId, address: string) => QueryNode;
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly indexCoord: IndexCoord;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly faults: Faults;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  /** Pause between two looks at a channel that is being opened. */
  readonly pollMs: number;
  /** How long opening a channel may fail in ways that may pass before those who wait are told. */
  readonly timeoutMs: number;
}
