import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { queryNodeTable } from "../api/query-node.ts";
import { shardReaderTable } from "../api/shard-reader.ts";
import { FilterCache } from "../core/search/filter-cache.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import type { VChannel } from "../model/ids.ts";
import { ThreadReader } from "../roles/querynode/thread-reader.ts";
import { connectWorker, serveWorker } from "../transport/worker-channel.ts";
import { backgroundContext } from "./default-settings.ts";

/** The part of a serving thread that reads, for tests: it answers reads, and takes vchannels whose views are stale as messages. */
export interface ReadingThreadData {
  readonly reads: MessagePort;
  readonly queryNode: MessagePort;
  readonly shardReader: MessagePort;
  readonly inlineWorkMax: number;
}

function main({ reads, queryNode, shardReader, inlineWorkMax }: ReadingThreadData): void {
  const reader = new ThreadReader({
    queryNode: connectWorker(queryNode, queryNodeTable).client,
    shardReader: connectWorker(shardReader, shardReaderTable).client,
    engine: new NativeEngine({ threads: 1, deterministic: false }),
    filters: new FilterCache(16),
    policy: { inlineWorkMax },
    context: () => backgroundContext(new AbortController().signal),
  });
  serveWorker(reads, queryNodeTable, reader);
  parentPort?.on("message", (stale: VChannel | "close") => {
    if (stale === "close") reader.close();
    else reader.dropStaleView(stale);
  });
}

main(workerData as ReadingThreadData);
