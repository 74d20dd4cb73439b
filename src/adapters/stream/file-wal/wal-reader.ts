import type { Checksum } from "../../../base/crc32c.ts";
import { corrupted } from "../../../errors/service-errors.ts";
import { positionGone } from "../../../errors/storage-errors.ts";
import { decodeWalHeader, WAL_HEADER_BYTES, WalFrameKind, walPosition } from "../../../format/wal-frame.ts";
import type { Position, StreamRecord } from "../../../ports/message-stream.ts";
import type { FrameSpan } from "./frame-index.ts";
import type { LogTopic } from "./log-topics.ts";
import type { WalHandles } from "./wal-handles.ts";

/** Reads durable records of one topic, through the index, whole batches at a time. Every record is verified again. */
export class WalReader {
  readonly #topic: LogTopic;
  readonly #handles: WalHandles;
  readonly #checksum: Checksum;
  readonly #batchBytes: number;
  /** Reused from batch to batch while batches are of ordinary size. */
  #buffer = new Uint8Array(4 << 10);

  constructor(topic: LogTopic, handles: WalHandles, checksum: Checksum, batchBytes: number) {
    this.#topic = topic;
    this.#handles = handles;
    this.#checksum = checksum;
    this.#batchBytes = batchBytes;
  }

  /** See MessageStream.read. @param stop aborts when the signal does or the log closes */
  async *read(after: Position, stop: AbortSignal): AsyncGenerator<readonly StreamRecord[]> {
    const topic = this.#topic;
    let seen = after;
    while (!stop.aborted && !topic.dropped) {
      if (seen < topic.truncated) throw this.#gone(seen);
      const span = topic.index.next(seen, this.#batchBytes);
      const damage = topic.damage;
      if (damage !== undefined && damage.position > seen && !startsBefore(span, damage.position))
        throw damage.error;
      if (span === undefined) {
        await topic.change(stop);
        continue;
      }
      const records = await this.#readSpan(damage === undefined ? span : cutSpan(span, damage.position));
      // The file may have gone while it was read.
      if (records === undefined) continue;
      seen = records.at(-1)?.position ?? seen;
      yield records;
    }
  }

  /** Undefined when a truncation or drop has overtaken the reader. */
  async #readSpan(span: FrameSpan): Promise<StreamRecord[] | undefined> {
    const first = span.frames[0];
    const last = span.frames.at(-1);
    if (first === undefined || last === undefined) return [];
    const bytes = this.#bufferOf(last.offset + WAL_HEADER_BYTES + last.payloadBytes - first.offset);
    const count = await this.#handles.read(span.file, first.offset, bytes);
    if (count === undefined) return undefined;
    return span.frames.map(({ offset, payloadBytes }) => {
      const at = offset - first.offset;
      const position = walPosition(span.file, offset) as Position;
      const header = decodeWalHeader(bytes.subarray(0, count), at, position, this.#checksum);
      const payload = bytes.subarray(at + WAL_HEADER_BYTES, at + WAL_HEADER_BYTES + payloadBytes);
      const intact =
        header?.kind === WalFrameKind.record &&
        header.topic === this.#topic.number &&
        header.payloadBytes === payload.length &&
        header.payloadChecksum === this.#checksum(payload);
      if (!intact) throw this.#damaged(span.file, offset, position);
      return { position, payload };
    });
  }

  #bufferOf(bytes: number): Uint8Array {
    // One huge record must not keep its memory for as long as the reader lives.
    if (bytes > 2 * this.#batchBytes) return new Uint8Array(bytes);
    if (bytes > this.#buffer.length) this.#buffer = new Uint8Array(Math.max(bytes, 2 * this.#buffer.length));
    return this.#buffer.subarray(0, bytes);
  }

  #gone(position: bigint): Error {
    const { name, truncated } = this.#topic;
    return positionGone({ topic: name, position, truncated });
  }

  #damaged(file: number, offset: number, position: bigint): Error {
    const problem = `a record of topic ${this.#topic.name} has changed since it was written; restore the file from a backup`;
    const error = corrupted({ file: this.#handles.fileName(file), offset, problem });
    this.#topic.addDamage({ position, error });
    return error;
  }
}

function startsBefore(span: FrameSpan | undefined, position: bigint): boolean {
  const first = span?.frames[0];
  return span !== undefined && first !== undefined && walPosition(span.file, first.offset) < position;
}

/** Only what lies before `position`. */
function cutSpan(span: FrameSpan, position: bigint): FrameSpan {
  return { ...span, frames: span.frames.filter(({ offset }) => walPosition(span.file, offset) < position) };
}
