import type { Timestamp } from "../model/timestamp.ts";

/** How new the rows of a read must be; `Default` is the collection's own level. */
export type ReadLevel =
  | { readonly level: "Strong" | "Bounded" | "Eventually" | "Default" }
  | { readonly level: "Session" | "Customized" | "Explicit"; readonly timestamp: Timestamp };

/** The same in a request, as clients send it. */
export interface Freshness {
  readonly consistencyLevel: number;
  readonly guaranteeTimestamp: bigint;
  readonly useDefaultConsistency: boolean;
  readonly iterator: boolean;
}

export function freshnessOf(at: ReadLevel): Freshness {
  const common = { useDefaultConsistency: false, iterator: false };
  switch (at.level) {
    case "Strong":
      return { ...common, consistencyLevel: 0, guaranteeTimestamp: 0n };
    case "Session":
      return { ...common, consistencyLevel: 1, guaranteeTimestamp: at.timestamp };
    case "Bounded":
      return { ...common, consistencyLevel: 2, guaranteeTimestamp: 2n };
    case "Eventually":
      return { ...common, consistencyLevel: 3, guaranteeTimestamp: 1n };
    case "Customized":
      return { ...common, consistencyLevel: 4, guaranteeTimestamp: at.timestamp };
    case "Explicit":
      return { ...common, consistencyLevel: 0, guaranteeTimestamp: at.timestamp, iterator: true };
    case "Default":
      return { ...common, consistencyLevel: 0, guaranteeTimestamp: 0n, useDefaultConsistency: true };
  }
}
