import { assert } from "../../base/assert.ts";
import type { NativeBuffer } from "../../ports/engine.ts";

/** A buffer on the JavaScript heap. Memory that a segment still reads outlives `close`, as with the native engine. */
export class ReferenceBuffer implements NativeBuffer {
  readonly byteLength: number;
  readonly #closed: (buffer: ReferenceBuffer) => void;
  #bytes: Uint8Array | undefined;

  constructor(bytes: Uint8Array, closed: (buffer: ReferenceBuffer) => void) {
    this.byteLength = bytes.length;
    this.#bytes = bytes;
    this.#closed = closed;
  }

  get bytes(): Uint8Array {
    assert(this.#bytes !== undefined, `a buffer of ${this.byteLength} bytes is used after its close`);
    return this.#bytes;
  }

  close(): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    this.#closed(this);
  }
}
