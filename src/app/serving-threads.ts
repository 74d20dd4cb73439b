import { MessageChannel, type MessagePort } from "node:worker_threads";
import { dataCoordTable, type DataCoord } from "../api/data-coord.ts";
import { dataNodeTable, type DataNode } from "../api/data-node.ts";
import { indexCoordTable, type IndexCoord } from "../api/index-coord.ts";
import { proxyTable, type Proxy } from "../api/proxy.ts";
import { queryCoordTable, type QueryCoord } from "../api/query-coord.ts";
import { queryNodeTable } from "../api/query-node.ts";
import { rootCoordTable, type RootCoord } from "../api/root-coord.ts";
import type { ServiceTable } from "../api/service-table.ts";
import { shardReaderTable } from "../api/shard-reader.ts";
import type { Config } from "../config/config.ts";
import type { CallContext } from "../model/call-context.ts";
import type { NodeId } from "../model/ids.ts";
import type { QueryNodeRole } from "../roles/querynode/query-node.ts";
import { connectWorker, serveWorker } from "../transport/worker-channel.ts";
import { servingThreadTable, type ServingThread, type ServingThreadData } from "./serving-thread-contract.ts";
import type { ServingWorkers } from "./serving-workers.ts";

/** The roles of the control thread that a serving thread calls. */
export interface ControlRoles {
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly queryCoord: QueryCoord;
  readonly indexCoord: IndexCoord;
  readonly dataNode: DataNode;
  readonly queryNode: QueryNodeRole;
}

export interface ServingThreadHandle {
  readonly nodeId: NodeId;
  readonly proxy: Proxy;
  readonly thread: ServingThread;
  /**
   * Makes the roles reachable for the thread: it may be started before they are there. `context` is for calls that nobody asked
   * for.
   */
  serve(roles: ControlRoles, context: () => CallContext): void;
  terminate(): Promise<void>;
}

/** Gives a serving thread its work. `failed` is called when it ends by itself, which it never should. */
export function startServingThread(
  workers: ServingWorkers,
  identity: {
    readonly nodeId: NodeId;
    readonly address: string;
    readonly config: Config;
    readonly reading: ServingThreadData["reading"];
  },
  failed: (error: unknown) => void,
): ServingThreadHandle {
  const channels = {
    control: new MessageChannel(),
    proxy: new MessageChannel(),
    rootCoord: new MessageChannel(),
    dataCoord: new MessageChannel(),
    queryCoord: new MessageChannel(),
    indexCoord: new MessageChannel(),
    dataNode: new MessageChannel(),
    queryNode: new MessageChannel(),
    shardReader: new MessageChannel(),
  };
  const far = (name: keyof typeof channels): MessagePort => channels[name].port2;
  const data: ServingThreadData = {
    nodeId: identity.nodeId,
    address: identity.address,
    config: identity.config.changes(),
    reading: identity.reading,
    ports: {
      control: far("control"),
      proxy: far("proxy"),
      rootCoord: far("rootCoord"),
      dataCoord: far("dataCoord"),
      queryCoord: far("queryCoord"),
      indexCoord: far("indexCoord"),
      dataNode: far("dataNode"),
      queryNode: far("queryNode"),
      shardReader: far("shardReader"),
    },
  };
  let ending = false;
  const worker = workers.take((error) => {
    if (!ending) failed(error);
  });
  worker.postMessage(data, Object.values(data.ports));
  const serve = <C extends object>(name: keyof typeof channels, table: ServiceTable<C>, role: C): void => {
    serveWorker(channels[name].port1, table, role);
  };
  const thread = connectWorker(channels.control.port1, servingThreadTable).client;
  return {
    nodeId: identity.nodeId,
    proxy: connectWorker(channels.proxy.port1, proxyTable).client,
    thread,
    serve: (roles, context) => {
      serve("rootCoord", rootCoordTable, roles.rootCoord);
      serve("dataCoord", dataCoordTable, roles.dataCoord);
      serve("queryCoord", queryCoordTable, roles.queryCoord);
      serve("indexCoord", indexCoordTable, roles.indexCoord);
      serve("dataNode", dataNodeTable, roles.dataNode);
      serve("queryNode", queryNodeTable, roles.queryNode);
      serve("shardReader", shardReaderTable, roles.queryNode);
      roles.queryNode.onViewChange((vchannel) => {
        // A thread that has ended keeps nothing open.
        thread.dropStaleView(context(), { vchannel }).catch(() => undefined);
      });
    },
    terminate: async () => {
      ending = true;
      for (const { port1 } of Object.values(channels)) port1.close();
      await worker.terminate();
    },
  };
}
