/** One request of the workload. Each key is written by one client only, one request after the other. */
export type Operation =
  | {
      readonly id: number;
      readonly kind: "put" | "delete";
      readonly collection: string;
      readonly keys: readonly number[];
    }
  | { readonly id: number; readonly kind: "create"; readonly collection: string; readonly shards: number }
  | { readonly id: number; readonly kind: "drop"; readonly collection: string };

/** Written to the record before a request is sent, and after its answer has come. */
export type WorkNote = { readonly sent: Operation } | { readonly acknowledged: number };

/** Rows of a collection: key and the id of the request that wrote it. */
export type Rows = ReadonlyMap<number, number>;

interface ExpectedCollection {
  shards: number;
  created: boolean;
  dropping: "no" | "sent" | "acknowledged";
  /** By acknowledged requests. */
  readonly rows: Map<number, number>;
  /** Sent and not acknowledged: in or out, but whole where one channel takes it. */
  readonly open: Map<number, Operation & { readonly kind: "put" | "delete" }>;
}

/** What must be there, and what may, after the notes that it was given. */
export class Expectation {
  readonly #collections = new Map<string, ExpectedCollection>();
  readonly #sent = new Map<number, Operation>();
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  apply(note: WorkNote): void {
    if ("sent" in note) this.#send(note.sent);
    else this.#acknowledge(note.acknowledged);
  }

  #send(operation: Operation): void {
    this.#sent.set(operation.id, operation);
    switch (operation.kind) {
      case "create":
        this.#collections.set(operation.collection, {
          shards: operation.shards,
          created: false,
          dropping: "no",
          rows: new Map(),
          open: new Map(),
        });
        break;
      case "drop":
        this.#collection(operation).dropping = "sent";
        break;
      case "put":
      case "delete":
        this.#collection(operation).open.set(operation.id, { ...operation, kind: operation.kind });
    }
  }

  #acknowledge(id: number): void {
    const operation = this.#sent.get(id);
    if (operation === undefined) throw new Error(`request ${id} was answered but not sent`);
    this.#acknowledged += 1;
    const collection = this.#collection(operation);
    switch (operation.kind) {
      case "create":
        collection.created = true;
        break;
      case "drop":
        collection.dropping = "acknowledged";
        break;
      case "put":
        for (const key of operation.keys) collection.rows.set(key, id);
        break;
      case "delete":
        for (const key of operation.keys) collection.rows.delete(key);
    }
    collection.open.delete(id);
  }

  /** What is wrong with what a recovered server shows, a sentence each. */
  problems(found: ReadonlyMap<string, Rows>): string[] {
    const problems: string[] = [];
    for (const name of found.keys()) {
      if (!this.#collections.has(name)) problems.push(`collection ${name} is there, but nobody asked for it`);
    }
    for (const [name, expected] of this.#collections) {
      const rows = found.get(name);
      if (rows === undefined) {
        if (expected.created && expected.dropping === "no") problems.push(`collection ${name} is lost`);
      } else if (expected.dropping === "acknowledged") {
        problems.push(`collection ${name} is back although it was dropped`);
      } else if (expected.dropping === "no") {
        problems.push(...rowProblems(name, expected, rows));
      }
    }
    return problems;
  }

  #collection({ collection }: Operation): ExpectedCollection {
    const found = this.#collections.get(collection);
    if (found === undefined) throw new Error(`collection ${collection} is used before its creation was sent`);
    return found;
  }
}

function rowProblems(name: string, expected: ExpectedCollection, found: Rows): string[] {
  const problems: string[] = [];
  const openFor = new Map<number, Operation & { readonly kind: "put" | "delete" }>();
  for (const operation of expected.open.values())
    for (const key of operation.keys) openFor.set(key, operation);
  const after = (operation: Operation) => (operation.kind === "put" ? operation.id : undefined);
  for (const key of new Set([...expected.rows.keys(), ...found.keys()])) {
    const is = found.get(key);
    const should = expected.rows.get(key);
    const open = openFor.get(key);
    if (is === should || (open !== undefined && is === after(open))) continue;
    const text = (version: number | undefined) =>
      version === undefined ? "no row" : `the row of request ${version}`;
    problems.push(`collection ${name}, key ${key}: ${text(is)} instead of ${text(should)}`);
  }
  for (const operation of expected.shards === 1 ? expected.open.values() : []) {
    const applied = operation.keys.filter((key) => found.get(key) === after(operation));
    const unchanged = operation.keys.filter((key) => found.get(key) === expected.rows.get(key));
    if (applied.length === operation.keys.length || unchanged.length === operation.keys.length) continue;
    problems.push(
      `collection ${name}: request ${operation.id} is in with ${applied.length} of ${operation.keys.length} keys`,
    );
  }
  return problems;
}
