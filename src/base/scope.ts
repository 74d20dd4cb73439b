/**
 * Owns what a component opened and closes it in reverse order, each thing exactly once:
 *
 *     await using scope = new Scope("segment 7");
 *     const file = scope.use(await disk.open(path));
 *     scope.defer("watch", () => watch.stop());
 *
 * Every closer runs even if others fail. One failure is rethrown as it is, several as an AggregateError.
 * Closing twice waits for the first close.
 */
export class Scope implements AsyncDisposable {
  readonly name: string;
  readonly #closers: { readonly name: string; readonly close: () => void | PromiseLike<void> }[] = [];
  #closing: Promise<void> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** How many things are open. */
  get size(): number {
    return this.#closers.length;
  }

  /** Takes over `resource` and returns it. */
  use<T extends Disposable | AsyncDisposable>(resource: T, name = resource.constructor.name): T {
    this.defer(name, () =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    );
    return resource;
  }

  /** Runs `close` when the scope closes. Throws when that has happened already: the caller still owns its thing. */
  defer(name: string, close: () => void | PromiseLike<void>): void {
    if (this.#closing !== undefined)
      throw new Error(`scope "${this.name}" is closed and cannot take over "${name}"`);
    this.#closers.push({ name, close });
  }

  /** A scope that closes with this one, in its turn, or earlier by itself. */
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`);
    this.use(child, name);
    return child;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#closeAll());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer.close();
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1)
      throw new AggregateError(failures, `${failures.length} failures closing "${this.name}"`);
  }
}
