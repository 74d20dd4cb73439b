import { ByteFormatError } from "../../base/bytes.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { decodeLogRecord, type LogRecord } from "../../format/log-record.ts";
import type { CollectionId } from "../../model/ids.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import type { ShardState } from "./shard-state.ts";

/** Gives the newest schema of a collection; asked when a record needs a newer one than is known. */
export interface SchemaSource {
  newest(collectionId: CollectionId, signal: AbortSignal): Promise<CollectionSchema>;
}

/**
 * Feeds the records of the log to the state until the signal aborts. A record that cannot be read stops the shard with a sentence:
 * going on without it would lose rows.
 */
export async function followLog(
  state: ShardState,
  deps: { readonly stream: MessageStream; readonly schemas: SchemaSource },
  signal: AbortSignal,
): Promise<void> {
  const batches = deps.stream.read(state.vchannel, state.appliedPosition, signal);
  for await (const records of batches) {
    for (const { position, payload } of records) {
      const record = decode(payload, state.vchannel, position);
      if (state.needsSchema(record) !== undefined) {
        state.setSchema(await deps.schemas.newest(state.collectionId, signal));
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
