import { closeSync, openSync } from "node:fs";
import { assert } from "../base/assert.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { NativeBuffer } from "../ports/engine.ts";
import { guarded } from "./native-errors.ts";
import { loadNative, type BufferRef, type Native } from "./native.ts";

/** Memory of the engine. Segments that read it keep it alive beyond `close`. */
export class EngineBuffer implements NativeBuffer {
  readonly byteLength: number;
  readonly #native: Native;
  #ref: BufferRef | undefined;
  #bytes: Uint8Array | undefined;

  constructor(native: Native, ref: BufferRef) {
    this.#native = native;
    this.#ref = ref;
    this.byteLength = native.bufferLength(ref);
  }

  get bytes(): Uint8Array {
    const { ref } = this;
    this.#bytes ??= this.#native.bufferBytes(ref);
    return this.#bytes;
  }

  get ref(): BufferRef {
    assert(this.#ref !== undefined, () => `a buffer of ${this.byteLength} bytes is used after its close`);
    return this.#ref;
  }

  close(): void {
    if (this.#ref === undefined) return;
    this.#native.bufferClose(this.#ref);
    this.#ref = undefined;
    this.#bytes = undefined;
  }
}

export function allocateBuffer(native: Native, bytes: number): EngineBuffer {
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw parameterInvalid("bytes of a buffer", { expected: "0 or more", actual: bytes });
  }
  return guarded(() => new EngineBuffer(native, native.bufferAllocate(bytes)));
}

/** The engine's reference to a buffer; one that lies elsewhere (a simulated disk's) is copied, and `release` frees the copy. */
export function engineMemory(native: Native, buffer: NativeBuffer): { ref: BufferRef; release: () => void } {
  if (buffer instanceof EngineBuffer) return { ref: buffer.ref, release: () => undefined };
  const copy = allocateBuffer(native, buffer.byteLength);
  copy.bytes.set(buffer.bytes);
  return { ref: copy.ref, release: () => copy.close() };
}

/**
 * Engine memory for adapters: allocations, and files mapped read-only (writing to one ends the process). Throws the
 * errors of `node:fs`.
 */
export function createBufferFactory(native: Native = loadNative()): {
  allocate(bytes: number): NativeBuffer;
  mapFile(path: string): NativeBuffer;
} {
  return {
    allocate: (bytes) => allocateBuffer(native, bytes),
    mapFile(path) {
      const descriptor = openSync(path, "r");
      try {
        return guarded(() => new EngineBuffer(native, native.bufferMapFile(descriptor)));
      } finally {
        closeSync(descriptor);
      }
    },
  };
}
