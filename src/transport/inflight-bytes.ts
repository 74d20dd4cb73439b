/**
 * The bound on bytes of messages that are being received, handled or sent, over all connections of a server.
 * A request is admitted by the length in its prefix, before its body is buffered. When there is no room, requests wait
 * in order of arrival in a bounded queue; when that is full as well they are refused.
 */
export class InflightBytes {
  readonly bytesMax: number;
  readonly waitersMax: number;
  readonly #waiters: Waiter[] = [];
  #head = 0;
  #bytes = 0;

  constructor(limits: { readonly bytesMax: number; readonly waitersMax: number }) {
    this.bytesMax = limits.bytesMax;
    this.waitersMax = limits.waitersMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get waiting(): number {
    return this.#waiters.length - this.#head;
  }

  /**
   * `admitted` and `waiting` both end with `release`; a waiter's `admit` is called once there is room, never from
   * within this call. A cost above the whole bound counts as the whole bound, so that it is admitted alone.
   */
  acquire(waiter: Waiter): "admitted" | "waiting" | "refused" {
    const cost = this.#bounded(waiter.cost);
    if (cost === 0 || (this.waiting === 0 && this.#bytes + cost <= this.bytesMax)) {
      this.#bytes += cost;
      return "admitted";
    }
    if (this.waiting >= this.waitersMax) return "refused";
    if (this.#head > this.waitersMax) {
      this.#waiters.splice(0, this.#head);
      this.#head = 0;
    }
    this.#waiters.push(waiter);
    return "waiting";
  }

  /** Takes bytes that exist already (a response), beyond the bound if need be: later requests wait for them. */
  charge(bytes: number): void {
    this.#bytes += this.#bounded(bytes);
  }

  /** Gives back what `acquire` admitted or `charge` took, by the same number. */
  release(bytes: number): void {
    this.#bytes -= this.#bounded(bytes);
    this.#admitWaiters();
  }

  /** Takes a waiter out of the queue that will not come (its call was cancelled). */
  forget(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter, this.#head);
    if (index >= 0) this.#waiters.splice(index, 1);
    this.#admitWaiters();
  }

  #admitWaiters(): void {
    for (;;) {
      const waiter = this.#waiters[this.#head];
      if (waiter === undefined) break;
      const cost = this.#bounded(waiter.cost);
      if (this.#bytes + cost > this.bytesMax) return;
      this.#head++;
      this.#bytes += cost;
      waiter.admit();
    }
    this.#waiters.length = 0;
    this.#head = 0;
  }

  #bounded(bytes: number): number {
    return Math.min(bytes, this.bytesMax);
  }
}

export interface Waiter {
  /** Bytes. */
  readonly cost: number;
  admit(): void;
}
