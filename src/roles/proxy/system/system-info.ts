import type { ComponentMetrics } from "../../../api/component.ts";
import type { ProxyCall } from "../handler.ts";

/**
 * The JSON that clients read from GetMetrics(system_info): every node with its facts, and who talks to whom. Shaped as Milvus's.
 */
export function systemInfo(call: ProxyCall, coordinators: readonly ComponentMetrics[]): object {
  const { deps } = call;
  const own: ComponentMetrics = {
    name: `proxy${deps.nodeId}`,
    nodeId: deps.nodeId,
    infos: { type: "proxy", ...versions(call) },
  };
  const links = coordinators.map((one) => ({
    connected_identifier: Number(one.nodeId),
    target_type: one.name,
    type: "forward",
  }));
  return {
    nodes_info: [
      { identifier: Number(own.nodeId), connected: links, infos: nodeInfos(call, own) },
      ...coordinators.map((one) => ({
        identifier: Number(one.nodeId),
        connected: [],
        infos: nodeInfos(call, one),
      })),
    ],
  };
}

function nodeInfos(call: ProxyCall, node: ComponentMetrics): object {
  return {
    has_error: false,
    error_reason: "",
    name: node.name,
    id: Number(node.nodeId),
    type: node.infos["type"] ?? node.name,
    system_info: versions(call),
    ...node.infos,
  };
}

function versions({ deps }: ProxyCall): Readonly<Record<string, string>> {
  const { build } = deps;
  return {
    system_version: build.milvusVersion,
    redkite_version: build.version,
    deploy_mode: build.deployMode,
    build_version: build.commit,
    build_time: build.builtAt,
    used_go_version: build.runtime,
  };
}
