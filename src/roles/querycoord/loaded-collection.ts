import type { ChannelState } from "../../api/query-node.ts";
import type { Session } from "../../core/session/sessions.ts";
import type { NodeId, VChannel } from "../../model/ids.ts";
import type { ChannelTarget } from "../../model/segment-meta.ts";

/** What is to be loaded, as metadata has it. */
export interface LoadRecord {
  readonly collectionId: bigint;
  readonly wholeCollection: boolean;
  /** Ignored when the whole collection is loaded. */
  readonly partitionIds: readonly bigint[];
  readonly replicas: number;
  readonly fieldIds: readonly number[];
}

/** One copy of one shard on one node. */
export interface Assignment {
  readonly vchannel: VChannel;
  readonly replica: number;
  readonly node: Session;
  state: ChannelState | undefined;
  /** Version of the load that its node has been told of. */
  told: bigint;
  /** Since it last served. */
  failure: LoadFailure | undefined;
}

export interface LoadFailure {
  readonly reason: string;
  /** Another try does not mend it: what is stored is damaged, or gone. */
  readonly isLasting: boolean;
  readonly sinceMs: number;
  /** It doubles from try to try. */
  readonly pauseMs: number;
  readonly retryAtMs: number;
}

/** Whether a reader of the target needs the object: files of a segment lie in the folder of its manifest. Pure. */
export function isNamed({ segments, deltaLogs }: ChannelTarget, key: string): boolean {
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  return (
    segments.some(({ manifest }) => manifest?.key.startsWith(folder)) ||
    deltaLogs.some((log) => log.key === key)
  );
}

/** Chooses a node for each missing (shard, replica): no node has a shard twice, the least loaded first. Pure. */
export function assignShards(
  vchannels: readonly VChannel[],
  replicas: number,
  current: readonly Assignment[],
  nodes: readonly Session[],
  load: ReadonlyMap<NodeId, number>,
): readonly Assignment[] {
  const counts = new Map(nodes.map((node) => [node.nodeId, load.get(node.nodeId) ?? 0]));
  const added: Assignment[] = [];
  for (let replica = 0; replica < replicas; replica++) {
    for (const vchannel of vchannels) {
      const copies = [...current, ...added].filter((one) => one.vchannel === vchannel);
      if (copies.some((one) => one.replica === replica)) continue;
      const free = nodes.filter((node) => copies.every((one) => one.node.nodeId !== node.nodeId));
      const node = free.toSorted(
        (a, b) => (counts.get(a.nodeId) ?? 0) - (counts.get(b.nodeId) ?? 0) || (a.nodeId < b.nodeId ? -1 : 1),
      )[0];
      if (node === undefined) continue;
      counts.set(node.nodeId, (counts.get(node.nodeId) ?? 0) + 1);
      added.push({ vchannel, replica, node, state: undefined, told: 0n, failure: undefined });
    }
  }
  return added;
}

export function isServing(assignment: Assignment): boolean {
  return assignment.state?.state === "Serving";
}
