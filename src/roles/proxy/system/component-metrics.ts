import type { ComponentMetrics } from "../../../api/component.ts";
import type { CallHost } from "../active-call.ts";

/** What GetMetrics(system_info) says of a proxy. */
export function componentMetrics(proxy: CallHost): ComponentMetrics {
  const { deps } = proxy;
  return {
    name: `proxy${deps.nodeId}`,
    nodeId: deps.nodeId,
    infos: {
      type: "proxy",
      address: deps.address,
      state: proxy.state,
      system_version: deps.build.version,
      milvus_version: deps.build.milvusVersion,
      build_time: deps.build.builtAt,
      git_commit: deps.build.commit,
      runtime: deps.build.runtime,
      deploy_mode: deps.build.deployMode,
      connected_clients: proxy.clients.count(deps.clock.nowMs()),
    },
  };
}
