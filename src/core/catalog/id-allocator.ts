import { Mutex } from "../../base/mutex.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import type { Leadership } from "../leader/leadership.ts";
import { fenced } from "../../errors/service-errors.ts";

const KEY = "root/id";
const BATCH = 100_000n;
/** Ids look like Milvus's: large, and never 0. */
const FIRST = 400_000_000_000_000_000n;

/** Unique ids, handed out from batches whose end is stored before the first of them is used. */
export class IdAllocator {
  readonly #meta: MetaStore;
  readonly #leadership: Leadership;
  readonly #mutex = new Mutex();
  #next = 0n;
  #end = 0n;

  constructor(meta: MetaStore, leadership: Leadership) {
    this.#meta = meta;
    this.#leadership = leadership;
  }

  /** `count` consecutive ids, the first returned. */
  async alloc(count: number): Promise<bigint> {
    return this.#mutex.run(async () => {
      const wanted = BigInt(count);
      if (this.#next + wanted > this.#end) await this.#refill(wanted);
      const first = this.#next;
      this.#next += wanted;
      return first;
    });
  }

  async #refill(wanted: bigint): Promise<void> {
    const stored = await this.#meta.get(KEY);
    const start =
      stored === undefined
        ? FIRST
        : new DataView(stored.value.buffer, stored.value.byteOffset, 8).getBigUint64(0, true);
    const end = start + (wanted > BATCH ? wanted : BATCH);
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, end, true);
    const { succeeded } = await this.#meta.txn({
      compare: [this.#leadership.compare],
      ops: [{ op: "put", key: KEY, value }],
    });
    if (!succeeded) throw fenced({ of: KEY, held: start });
    this.#next = start;
    this.#end = end;
  }
}
