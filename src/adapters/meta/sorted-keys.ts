/**
 * A sorted list of distinct keys. One array: with the tens of thousands of keys of a large deployment, shifting its tail costs
 * microseconds, less than a balanced tree would in JavaScript.
 */
export class SortedKeys {
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    const at = this.#lowerBound(key);
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key);
  }

  remove(key: string): void {
    const at = this.#lowerBound(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** In order, a copy. */
  withPrefix(prefix: string): string[] {
    const start = this.#lowerBound(prefix);
    let end = start;
    while (this.#keys[end]?.startsWith(prefix) === true) end++;
    return this.#keys.slice(start, end);
  }

  /** Index of the first key that is not before `key`. */
  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#keys[middle];
      if (found !== undefined && found < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
