import { isRedkiteError } from "../../errors/redkite-error.ts";
import { fenced } from "../../errors/service-errors.ts";
import type { MessageCodec } from "../../format/message.ts";
import {
  META_TXN_OPS_MAX,
  type Compare,
  type MetaEntry,
  type MetaOp,
  type MetaStore,
} from "../../ports/meta-store.ts";
import { parameterTooLarge } from "../../errors/parameter-errors.ts";

/** A kind of record: its place in the key space and its encoding. */
export interface RecordKind<T> {
  readonly prefix: string;
  readonly codec: MessageCodec<T>;
}

/** The lead under which a coordinator writes. */
export interface CatalogLead {
  /** Holds as long as the lead does. */
  readonly compare: Compare;
  /** The coordinator's tables may differ from the store: it leads no longer, and whoever leads next reads them anew. */
  abandon(reason: unknown): void;
}

/**
 * The records of one coordinator in the metadata store. Every write compares the leader key: a deposed coordinator changes
 * nothing and learns it (`fenced`). A write of unknown outcome ends the lead, because memory cannot follow it.
 */
export class Catalog {
  readonly #meta: MetaStore;
  readonly #lead: CatalogLead;

  constructor(meta: MetaStore, lead: CatalogLead) {
    this.#meta = meta;
    this.#lead = lead;
  }

  async load<T>(kind: RecordKind<T>): Promise<readonly T[]> {
    const { entries } = await this.#meta.range(kind.prefix);
    return entries.map((entry) => kind.codec.decode(entry.value));
  }

  async get<T>(kind: RecordKind<T>, id: string): Promise<T | undefined> {
    const entry = await this.#meta.get(kind.prefix + id);
    return entry && kind.codec.decode(entry.value);
  }

  /** All or nothing; returns the revision of the change. `also` are further comparisons that must hold. */
  async write(ops: readonly MetaOp[], also: readonly Compare[] = []): Promise<bigint> {
    if (ops.length > META_TXN_OPS_MAX) {
      throw parameterTooLarge(`a metadata transaction of ${ops.length} changes, at most ${META_TXN_OPS_MAX}`);
    }
    const { compare } = this.#lead;
    const { succeeded, revision } = await this.#meta
      .txn({ compare: [compare, ...also], ops })
      .catch((error: unknown) => {
        if (isRedkiteError(error, "metaUnknownOutcome")) this.#lead.abandon(error);
        throw error;
      });
    if (!succeeded) throw fenced({ of: [compare, ...also].map(({ key }) => key).join(" or "), held: 0 });
    return revision;
  }

  /** A revision not below that of any change made before the call. */
  async revision(): Promise<bigint> {
    return (await this.#meta.range(this.#lead.compare.key)).revision;
  }

  /** The entry as it lies in the store, for comparisons with its revision. */
  async entry(key: string): Promise<MetaEntry | undefined> {
    return this.#meta.get(key);
  }
}

export function put<T>(kind: RecordKind<T>, id: string, value: T): MetaOp {
  return { op: "put", key: kind.prefix + id, value: kind.codec.encode(value) };
}

export function remove<T>(kind: RecordKind<T>, id: string): MetaOp {
  return { op: "delete", key: kind.prefix + id };
}
