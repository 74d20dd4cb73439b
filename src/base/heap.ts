import { assert } from "./assert.ts";

/**
 * A binary min-heap that never holds more than `capacity` items: `compare` negative means `a` comes out before `b`.
 * Equal items come out in no particular order; who needs one adds a sequence number to the comparison.
 */
export class Heap<T> {
  readonly capacity: number;
  readonly #compare: (a: T, b: T) => number;
  readonly #items: T[] = [];

  constructor({ capacity, compare }: { capacity: number; compare: (a: T, b: T) => number }) {
    assert(capacity > 0, `a heap needs a capacity of at least 1, not ${capacity}`);
    this.capacity = capacity;
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  /** False, and nothing changed, when the heap is full. */
  push(item: T): boolean {
    if (this.#items.length >= this.capacity) return false;
    this.#items.push(item);
    this.#up(this.#items.length - 1);
    return true;
  }

  /**
   * Keeps the `capacity` largest items seen: when full, the smallest one gives way if `item` is larger.
   * Returns the item that is not kept (perhaps `item` itself), or undefined while there is room.
   */
  offer(item: T): T | undefined {
    if (this.push(item)) return undefined;
    const smallest = this.#items[0] as T;
    if (this.#compare(smallest, item) >= 0) return item;
    this.#items[0] = item;
    this.#down(0);
    return smallest;
  }

  /** The smallest item, kept; undefined when empty. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** The smallest item, removed; undefined when empty. */
  pop(): T | undefined {
    const items = this.#items;
    const smallest = items[0];
    const last = items.pop();
    if (items.length > 0) {
      items[0] = last as T;
      this.#down(0);
    }
    return smallest;
  }

  clear(): void {
    this.#items.length = 0;
  }

  /** Empties the heap, smallest first. */
  drain(): T[] {
    return this.#items.splice(0).sort(this.#compare);
  }

  #up(start: number): void {
    const items = this.#items;
    const item = items[start] as T;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent] as T;
      if (this.#compare(item, above) >= 0) break;
      items[index] = above;
      index = parent;
    }
    items[index] = item;
  }

  #down(start: number): void {
    const items = this.#items;
    const item = items[start] as T;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      const right = child + 1;
      if (right < items.length && this.#compare(items[right] as T, items[child] as T) < 0) child = right;
      const below = items[child] as T;
      if (this.#compare(below, item) >= 0) break;
      items[index] = below;
      index = child;
    }
    items[index] = item;
  }
}
