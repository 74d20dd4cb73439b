import { ByteFormatError } from "../../base/bytes.ts";
import { corrupted, serviceUnavailable } from "../../errors/service-errors.ts";
import { decodeLogRecord, type LogRecord } from "../../format/log-record.ts";
import type { CollectionId } from "../../model/ids.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import type { ShardState } from "./shard-state.ts";

/** Describes a collection as of now, changes under way that will happen included; asked when a record needs a newer schema than is known. */
export interface CollectionSource {
  describe(collectionId: CollectionId, signal: AbortSignal): Promise<CollectionInfo>;
}

/**
 * Feeds the records of the log to the state until the signal aborts. A record that cannot be read stops the shard with a sentence:
 * going on without it would lose rows.
 */
export async function followLog(
  state: ShardState,
  deps: { readonly stream: MessageStream; readonly collections: CollectionSource },
  signal: AbortSignal,
): Promise<void> {
  const batches = deps.stream.read(state.vchannel, state.appliedPosition, signal);
  for await (const records of batches) {
    for (const { position, payload } of records) {
      const record = decode(payload, state.vchannel, position);
      const needed = state.needsSchema(record);
      if (needed !== undefined) {
        const { schema } = await deps.collections.describe(state.collectionId, signal);
        state.setSchema(schema);
        // Going on would lose the columns that are not known.
        if (schema.version < needed)
          throw serviceUnavailable(`schema version ${needed} of ${schema.name} is not known yet`);
      }
      if (signal.aborted) return;
      state.apply(record, position);
    }
  }
}

function decode(payload: Uint8Array, topic: string, position: bigint): LogRecord {
  try {
    return decodeLogRecord(payload);
  } catch (error) {
    if (error instanceof ByteFormatError) {
      throw corrupted({ file: `log of ${topic}`, offset: position, problem: error.message, cause: error });
    }
    throw error;
  }
}
