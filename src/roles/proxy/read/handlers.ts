import { notServed } from "../../../errors/service-errors.ts";
import type { Init } from "../../../wire/codec.ts";
import type { HybridSearchRequest, SearchResults } from "../../../wire/messages.gen.ts";
import type { Handler } from "../handler.ts";

export { searchHandler } from "./search.ts";
export { queryHandler } from "./query.ts";

export const hybridSearchHandler: Handler<HybridSearchRequest, Init<SearchResults>> = () =>
  Promise.reject(notServed("HybridSearch"));
