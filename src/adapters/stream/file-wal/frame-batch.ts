import type { Checksum } from "../../../base/crc32c.ts";
import {
  encodeWalHeader,
  walFrameBytes,
  walPosition,
  WAL_HEADER_BYTES,
  type WalFrameKind,
} from "../../../format/wal-frame.ts";

/** Frames that are written and synced together, as chunks for one gathering write. Large payloads are not copied. */
export class FrameBatch {
  readonly #place: BatchPlace;
  readonly #checksum: Checksum;
  readonly #chunks: Uint8Array[] = [];
  #block = new Uint8Array(BLOCK_BYTES);
  /** Bytes of the block in use; those before `#blockShipped` are in `#chunks`. */
  #blockUsed = 0;
  #blockShipped = 0;
  #bytes = 0;

  constructor(place: BatchPlace, checksum: Checksum) {
    this.#place = place;
    this.#checksum = checksum;
  }

  /** Bytes of all frames. */
  get bytes(): number {
    return this.#bytes;
  }

  add(frame: NewFrame): bigint {
    const { kind, topic, previous, payload } = frame;
    const { file, offset, synced, run } = this.#place;
    const position = walPosition(file, offset + this.#bytes);
    let payloadBytes = 0;
    let payloadChecksum = 0;
    for (const chunk of payload) {
      payloadBytes += chunk.length;
      payloadChecksum = this.#checksum(chunk, payloadChecksum);
    }
    const at = this.#take(WAL_HEADER_BYTES);
    const header = { position, synced, previous, topic, run, kind, payloadBytes, payloadChecksum };
    encodeWalHeader(this.#block, at, header, this.#checksum);
    for (const chunk of payload) this.#addBytes(chunk);
    const bytes = walFrameBytes(payloadBytes);
    const padding = bytes - WAL_HEADER_BYTES - payloadBytes;
    if (padding > 0) this.#take(padding);
    this.#bytes += bytes;
    return position;
  }

  /** Call once, at the end. */
  finish(): readonly Uint8Array[] {
    this.#shipBlock();
    return this.#chunks;
  }

  #addBytes(chunk: Uint8Array): void {
    if (chunk.length > COPY_BYTES_MAX) {
      this.#shipBlock();
      this.#chunks.push(chunk);
      return;
    }
    const at = this.#take(chunk.length);
    this.#block.set(chunk, at);
  }

  /** Room for `bytes` zeroed bytes in the block; returns where. */
  #take(bytes: number): number {
    if (this.#blockUsed + bytes > this.#block.length) {
      this.#shipBlock();
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#blockUsed = this.#blockShipped = 0;
    }
    const at = this.#blockUsed;
    this.#blockUsed += bytes;
    return at;
  }

  #shipBlock(): void {
    if (this.#blockUsed === this.#blockShipped) return;
    this.#chunks.push(this.#block.subarray(this.#blockShipped, this.#blockUsed));
    this.#blockShipped = this.#blockUsed;
  }
}

export interface BatchPlace {
  readonly file: number;
  readonly offset: number;
  /** Everything below is durable. */
  readonly synced: bigint;
  readonly run: number;
}

export interface NewFrame {
  readonly kind: WalFrameKind;
  readonly topic: number;
  readonly previous: bigint;
  readonly payload: readonly Uint8Array[];
}

const BLOCK_BYTES = 64 << 10;
/** Below, copying costs less than one more entry of the gathering write. */
const COPY_BYTES_MAX = 2 << 10;
