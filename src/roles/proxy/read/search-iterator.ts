import {
  parameterInvalid,
  parameterInvalidBecause,
  parameterMissing,
} from "../../../errors/parameter-errors.ts";
import { largerIsBetter, type MetricType } from "../../../model/read.ts";
import type { KeyValues } from "../../../model/schema.ts";
import type { Rng } from "../../../ports/rng.ts";
import { parseGoBool, parseGoInt } from "./go-values.ts";

/** One page of a search iterator of the second kind: the client sends back what the page before it answered. */
export interface IteratorPage {
  /** `""` on the first page. */
  readonly token: string;
  readonly batchSize: number;
  /** Score of the last hit so far; the page goes on behind it. */
  readonly lastBound: number | undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function parseIteratorPage(
  params: KeyValues,
  search: { readonly iterator: boolean; readonly offset: number; readonly topKMax: number },
): IteratorPage | undefined {
  if (parseGoBool(params["search_iter_v2"] ?? "") !== true) return undefined;
  try {
    return parsePage(params, search);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw parameterInvalidBecause("parse iterator v2 info failed", error);
  }
}

function parsePage(
  params: KeyValues,
  search: { readonly iterator: boolean; readonly offset: number; readonly topKMax: number },
): IteratorPage {
  if (!search.iterator)
    throw parameterMissing("iterator", "both iterator and search_iter_v2 must be set in the SDK");
  if (search.offset > 0) {
    throw parameterInvalid("Setting an offset is not permitted when using a search iterator v2", {
      expected: "",
      actual: "",
    });
  }
  const token = params["search_iter_id"] ?? "";
  if (token !== "" && !UUID.test(token)) throw parameterInvalid("invalid token format");
  const sizeText = params["search_iter_batch_size"] ?? "";
  if (sizeText === "") throw parameterMissing("search_iter_batch_size", "batch size is required");
  const batchSize = parseGoInt(sizeText);
  if (batchSize === undefined || batchSize < 1 || batchSize > search.topKMax) {
    throw parameterInvalid(
      `batch size is invalid, it should be in range [1, ${search.topKMax}], but got ${sizeText}`,
    );
  }
  const boundText = params["search_iter_last_bound"] ?? "";
  const lastBound = boundText === "" ? undefined : Number(boundText);
  if (lastBound !== undefined && !Number.isFinite(lastBound))
    throw parameterInvalid(`failed to parse input last bound, ${boundText} is not a number`);
  return { token, batchSize, lastBound: lastBound === undefined ? undefined : Math.fround(lastBound) };
}

/** A random UUID, version 4. */
export function newIteratorToken(rng: Rng): string {
  const hex = Array.from({ length: 32 }, (_, i) => {
    if (i === 12) return "4";
    const digit = rng.int(16);
    return (i === 16 ? 8 + (digit & 3) : digit).toString(16);
  }).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The range of scores that the search is left with behind `lastBound`. */
export function rangeBehind(
  lastBound: number | undefined,
  metric: MetricType,
  range: { readonly radius: number | undefined; readonly rangeFilter: number | undefined },
): { readonly radius: number; readonly rangeFilter: number | undefined } | undefined {
  const { radius, rangeFilter } = range;
  if (lastBound === undefined) return radius === undefined ? undefined : { radius, rangeFilter };
  const descending = largerIsBetter(metric);
  const next = nextFloat(lastBound, descending ? -1 : 1);
  const nearest =
    rangeFilter === undefined ? next : descending ? Math.min(next, rangeFilter) : Math.max(next, rangeFilter);
  return { radius: radius ?? (descending ? -Infinity : Infinity), rangeFilter: nearest };
}

/** What the client sends with the next page when this one found nothing. */
export function boundOfNothing(page: IteratorPage, metric: MetricType): number {
  if (page.lastBound !== undefined) return page.lastBound;
  return largerIsBetter(metric) ? FLOAT_MAX : -FLOAT_MAX;
}

const FLOAT_MAX = 3.402_823_466_385_288_6e38;

/** The float32 next to a float32, above or below. */
export function nextFloat(value: number, direction: 1 | -1): number {
  if (!Number.isFinite(value)) return value;
  const floats = new Float32Array(1);
  const bits = new Int32Array(floats.buffer);
  floats[0] = value;
  // -0 and 0 are neighbours of the same two numbers.
  if (floats[0] === 0) bits[0] = direction === 1 ? 1 : 0x8000_0001 | 0;
  else bits[0] = (bits[0] ?? 0) + (value > 0 === (direction === 1) ? 1 : -1);
  return floats[0] ?? value;
}
