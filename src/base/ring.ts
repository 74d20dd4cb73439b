/** A first-in, first-out list on a circular array: push and shift without moving what lies between. */
export class Ring<T> {
  #slots: (T | undefined)[] = new Array<T | undefined>(8);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) % this.#slots.length] = item;
    this.#size++;
  }

  /** The oldest item, removed; undefined when empty. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#size--;
    return item;
  }

  /** The oldest item, kept; undefined when empty. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head];
  }

  /** Removes `item` wherever it stands; false when it is not here. Linear: for waiters that gave up. */
  remove(item: T): boolean {
    const items = this.toArray();
    const index = items.indexOf(item);
    if (index < 0) return false;
    items.splice(index, 1);
    this.clear();
    for (const kept of items) this.push(kept);
    return true;
  }

  clear(): void {
    this.#slots = new Array<T | undefined>(8);
    this.#head = 0;
    this.#size = 0;
  }

  /** Oldest first. */
  toArray(): T[] {
    return this.#inOrder() as T[];
  }

  #grow(): void {
    const items = this.#inOrder();
    items.length = this.#slots.length * 2;
    this.#slots = items;
    this.#head = 0;
  }

  #inOrder(): (T | undefined)[] {
    const end = this.#head + this.#size;
    const length = this.#slots.length;
    if (end <= length) return this.#slots.slice(this.#head, end);
    return [...this.#slots.slice(this.#head), ...this.#slots.slice(0, end - length)];
  }
}
