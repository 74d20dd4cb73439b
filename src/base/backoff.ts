export interface BackoffPolicy {
  /** Delay before the first retry, before jitter. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Growth per attempt; 2 when not given. */
  readonly factor?: number;
  /** Share of the delay that is random, 0 (none) to 1 (anything from 0 to the delay); 0.5 when not given. */
  readonly jitter?: number;
}

/**
 * Milliseconds to wait before retry number `attempt` (0 is the first): exponential, capped, with jitter so that
 * many clients that failed together do not return together.
 *
 * @param random uniform in [0, 1)
 */
export function backoffDelayMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  const { baseMs, maxMs, factor = 2, jitter = 0.5 } = policy;
  const full = Math.min(maxMs, baseMs * factor ** Math.max(0, attempt));
  return full * (1 - jitter * random());
}
