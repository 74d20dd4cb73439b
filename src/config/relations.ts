import { configInvalid } from "../errors/parameter-errors.ts";
import type { ConfigKey, ConfigValue } from "./keys.ts";

type Get = <K extends ConfigKey>(key: K) => ConfigValue<K>;

/** What must hold between keys whose values are each allowed; the sentence says what would be right. */
const relations: readonly {
  readonly holds: (get: Get) => boolean;
  readonly sentence: (get: Get) => string;
}[] = [
  {
    holds: (get) => get("proxy.port") === 0 || get("proxy.port") !== get("metrics.port"),
    sentence: (get) => `proxy.port and metrics.port are both ${get("proxy.port")}; they need different ports`,
  },
  {
    holds: (get) => get("proxy.grpc.serverMaxRecvSize") <= get("proxy.grpc.serverMaxInFlight"),
    sentence: (get) =>
      `proxy.grpc.serverMaxRecvSize (${get("proxy.grpc.serverMaxRecvSize")}) must not exceed proxy.grpc.serverMaxInFlight (${get("proxy.grpc.serverMaxInFlight")}), or the largest request could never be admitted`,
  },
  {
    holds: (get) => get("proxy.maxVectorFieldNum") <= get("proxy.maxFieldNum"),
    sentence: (get) =>
      `proxy.maxVectorFieldNum (${get("proxy.maxVectorFieldNum")}) must not exceed proxy.maxFieldNum (${get("proxy.maxFieldNum")})`,
  },
  {
    holds: (get) => get("dataCoord.segment.minSizeFromIdleToSealed") <= get("dataCoord.segment.maxSize"),
    sentence: (get) =>
      `dataCoord.segment.minSizeFromIdleToSealed (${get("dataCoord.segment.minSizeFromIdleToSealed")} MB) must not exceed dataCoord.segment.maxSize (${get("dataCoord.segment.maxSize")} MB)`,
  },
  {
    holds: (get) =>
      get("quotaAndLimits.limits.maxCollectionNumPerDB") <= get("quotaAndLimits.limits.maxCollectionNum"),
    sentence: (get) =>
      `quotaAndLimits.limits.maxCollectionNumPerDB (${get("quotaAndLimits.limits.maxCollectionNumPerDB")}) must not exceed quotaAndLimits.limits.maxCollectionNum (${get("quotaAndLimits.limits.maxCollectionNum")})`,
  },
  {
    holds: (get) => get("quotaAndLimits.limits.maxInsertSize") <= get("proxy.grpc.serverMaxRecvSize"),
    sentence: (get) =>
      `quotaAndLimits.limits.maxInsertSize (${get("quotaAndLimits.limits.maxInsertSize")}) must not exceed proxy.grpc.serverMaxRecvSize (${get("proxy.grpc.serverMaxRecvSize")})`,
  },
];

/** Throws `configInvalid` with the first relation that does not hold. */
export function checkRelations(get: Get): void {
  for (const { holds, sentence } of relations) if (!holds(get)) throw configInvalid(sentence(get));
}
