import { resourceGroupNotFound } from "../../../errors/meta-errors.ts";
import type { ServedHandlers } from "../served-handlers.ts";

/** The only group: every query node belongs to it. */
export const DEFAULT_RESOURCE_GROUP = "__default_resource_group";

/** Milvus's default group takes as many nodes as there are. */
const UNLIMITED_NODES = 1_000_000;

export const resourceGroupHandlers = {
  ListResourceGroups() {
    return Promise.resolve({ resourceGroups: [DEFAULT_RESOURCE_GROUP] });
  },

  async DescribeResourceGroup(call, request) {
    if (request.resourceGroup !== DEFAULT_RESOURCE_GROUP) throw resourceGroupNotFound(request.resourceGroup);
    const { queryCoord } = call.deps;
    const loaded = await queryCoord.listLoaded(call.ctx, {});
    const replicas = (
      await Promise.all(loaded.map(({ collectionId }) => queryCoord.getReplicas(call.ctx, { collectionId })))
    ).flat();
    // Nodes that serve something; of idle ones a proxy knows nothing.
    const addresses = new Map(
      replicas.flatMap(({ shards }) => shards.map((shard) => [shard.leader, shard.leaderAddress] as const)),
    );
    const names = new Map<string, number>();
    for (const { collectionId } of replicas) {
      const info = await call.metaCache.collectionById(call.ctx, collectionId);
      names.set(info.name, (names.get(info.name) ?? 0) + 1);
    }
    return {
      resourceGroup: {
        name: DEFAULT_RESOURCE_GROUP,
        capacity: UNLIMITED_NODES,
        numAvailableNode: addresses.size,
        numLoadedReplica: names,
        nodes: [...addresses].map(([nodeId, address]) => ({ nodeId, address })),
      },
    };
  },
} satisfies ServedHandlers;
