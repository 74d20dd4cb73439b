/** A promise that is settled from outside; settling it twice does nothing. */
export class Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  #settled = false;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.resolve = (value) => {
      this.#settled = true;
      resolve(value);
    };
    this.reject = (reason) => {
      this.#settled = true;
      reject(reason);
    };
  }

  get settled(): boolean {
    return this.#settled;
  }
}
