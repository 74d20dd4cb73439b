/**
 * A contract is one interface of methods `(ctx, request) => Promise<response>` plus one table. Stubs and servers for the
 * channels direct, worker, grpc and sim are derived from the table. Requests and responses are plain data: numbers, bigints, strings,
 * booleans, typed arrays, arrays and objects of those.
 */
export interface MethodSpec {
  /** A repetition of the same call changes nothing further: a retry is safe. */
  readonly idempotent: boolean;
}

export interface ServiceTable<C> {
  readonly name: string;
  readonly methods: { readonly [M in keyof C]: MethodSpec };
}
