import { Lru } from "../../../base/lru.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import { fromPairs } from "../../../wire/key-values.ts";
import type { KeyValuePair } from "../../../wire/messages.gen.ts";
import type { TimeFormat } from "../../../wire/text-columns.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { parseSearchParams, type SearchParams } from "./search-params.ts";
import { parseTimeParams } from "./time-params.ts";

/** All that `search_params` say. */
export interface ParsedSearch {
  readonly params: SearchParams;
  readonly times: TimeFormat;
}

/** What the parameters of searches come to: searches of an application differ in their vectors, seldom in these. */
export class SearchParamsCache {
  readonly #limits: Pick<ProxyLimits, "topKMax">;
  /** A collection that changed is another object. */
  readonly #parsed = new WeakMap<CollectionInfo, Lru<string, ParsedSearch>>();

  constructor(limits: Pick<ProxyLimits, "topKMax">) {
    this.#limits = limits;
  }

  /** Throws what is wrong with them, as often as they come. */
  parse(pairs: readonly KeyValuePair[], info: CollectionInfo): ParsedSearch {
    let text = "";
    for (const { key, value } of pairs) text += `${key.length}:${key}${value.length}:${value}`;
    const known = this.#parsed.get(info)?.get(text);
    if (known !== undefined) return known;
    const record = fromPairs(pairs);
    const parsed = {
      params: parseSearchParams(record, info.schema, info.id, this.#limits),
      times: parseTimeParams(record, info),
    };
    // Each page of an iterator has parameters of its own.
    if (!parsed.params.iterator && text.length <= TEXT_MAX) this.#keep(info, text, parsed);
    return parsed;
  }

  #keep(info: CollectionInfo, text: string, parsed: ParsedSearch): void {
    let ofCollection = this.#parsed.get(info);
    if (ofCollection === undefined)
      this.#parsed.set(info, (ofCollection = new Lru({ entriesMax: KEPT_MAX })));
    ofCollection.set(text, parsed);
  }
}

/** Of one collection. */
const KEPT_MAX = 32;
/** Longer ones are parsed each time. */
const TEXT_MAX = 2048;
