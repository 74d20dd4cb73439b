/**
 * Large buffers that are used again and again. The collector counts the bytes of every ArrayBuffer that is made, and collects the whole
 * heap each time some tens of megabytes have come together: a buffer for each request of a megabyte keeps it busy for nothing.
 * Small buffers are ordinary ones.
 */
export class BufferPool {
  readonly #make: (bytes: number) => ArrayBufferLike;
  readonly #idleBytesMax: number;
  readonly #idle = new Map<number, ArrayBufferLike[]>();
  #idleBytes = 0;

  /**
   * @param memory `shared` crosses threads by reference
   * @param idleBytesMax what is kept for later at most
   */
  constructor(memory: "shared" | "private", idleBytesMax: number) {
    this.#make = (bytes) => (memory === "shared" ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
    this.#idleBytesMax = idleBytesMax;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** Exactly so many bytes, with anything in them. */
  take(bytes: number): Uint8Array {
    if (bytes < POOLED_BYTES_MIN) return new Uint8Array(bytes);
    const capacity = capacityFor(bytes);
    const idle = this.#idle.get(capacity)?.pop();
    if (idle !== undefined) this.#idleBytes -= capacity;
    return new Uint8Array(idle ?? this.#make(capacity), 0, bytes);
  }

  /** Nobody looks at the bytes any more. Memory that is not given back is the collector's. */
  giveBack({ buffer, length }: Uint8Array): void {
    const capacity = buffer.byteLength;
    if (length < POOLED_BYTES_MIN || capacity !== capacityFor(length)) return;
    if (this.#idleBytes + capacity > this.#idleBytesMax) return;
    const idle = this.#idle.get(capacity);
    if (idle === undefined) this.#idle.set(capacity, [buffer]);
    else idle.push(buffer);
    this.#idleBytes += capacity;
  }
}

/** Below it the care costs more than the buffer. */
const POOLED_BYTES_MIN = 64 << 10;

/** Powers of two and the steps half way between: at most a third is unused. */
function capacityFor(bytes: number): number {
  const power = 2 ** Math.ceil(Math.log2(bytes));
  return bytes <= power * 0.75 ? power * 0.75 : power;
}
