import type { QuotaClass } from "./rpc-specs.ts";

/** Admits requests against rates and quotas. Throws serviceRateLimit, serviceQuotaExceeded and their kin. */
export interface Limiter {
  check(request: LimitedRequest): void;
}

export interface LimitedRequest {
  readonly rpc: string;
  readonly quota: QuotaClass;
  readonly database: string;
  /** Empty where the request names none. */
  readonly collection: string;
  /** In the unit of the cost function in rpc-specs.ts: bytes, queries or 1. */
  readonly cost: number;
}

/** Limits nothing. */
export const OPEN_LIMITER: Limiter = { check: () => undefined };
