import { leaseExpired } from "../../errors/storage-errors.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { LeaseId } from "../../ports/meta-store.ts";

/**
 * Which leases live, by the monotonic clock. One timer, for the earliest end; none while there are no leases.
 * A lease that has ended is dead at once. The store hears of it again and again, until it has deleted the lease's keys and
 * calls `forget`.
 */
export class Leases {
  readonly #clock: Clock;
  readonly #ended: (lease: LeaseId) => void;
  readonly #leases = new Map<LeaseId, Lease>();
  #next: bigint;
  #timer: Timer | undefined;

  constructor(clock: Clock, next: bigint, ended: (lease: LeaseId) => void) {
    this.#clock = clock;
    this.#next = next;
    this.#ended = ended;
  }

  grant(ttlMs: number): LeaseId {
    if (!(ttlMs > 0 && ttlMs <= LEASE_TTL_MS_MAX)) {
      throw parameterInvalid(`a lease of ${ttlMs} ms; it must be above 0 and at most ${LEASE_TTL_MS_MAX}`);
    }
    const lease = this.#next++ as LeaseId;
    const endsAtMs = this.#clock.monotonicMs() + ttlMs;
    this.#leases.set(lease, { ttlMs, endsAtMs, reportAtMs: endsAtMs });
    this.#timer?.cancel();
    this.#arm();
    return lease;
  }

  /** The time to live granted; throws leaseExpired. */
  keepAlive(lease: LeaseId): number {
    const state = this.#leases.get(lease);
    if (state === undefined || !this.lives(lease)) throw leaseExpired(lease);
    // The timer stays: it fires at the old time, finds nothing, and is set again.
    state.endsAtMs = state.reportAtMs = this.#clock.monotonicMs() + state.ttlMs;
    return state.ttlMs;
  }

  lives(lease: LeaseId): boolean {
    const state = this.#leases.get(lease);
    return state !== undefined && state.endsAtMs > this.#clock.monotonicMs();
  }

  /** Ends it now. */
  revoke(lease: LeaseId): void {
    const state = this.#leases.get(lease);
    if (state !== undefined) state.endsAtMs = -Infinity;
  }

  forget(lease: LeaseId): void {
    this.#leases.delete(lease);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#leases.clear();
  }

  #arm(): void {
    this.#timer = undefined;
    if (this.#leases.size === 0) return;
    let earliestMs = Infinity;
    for (const { reportAtMs } of this.#leases.values()) earliestMs = Math.min(earliestMs, reportAtMs);
    const waitMs = Math.max(1, Math.ceil(earliestMs - this.#clock.monotonicMs()));
    this.#timer = this.#clock.timer(waitMs, () => this.#report());
  }

  #report(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [lease, state] of this.#leases) {
      if (state.reportAtMs > nowMs) continue;
      state.reportAtMs = nowMs + REPORT_AGAIN_MS;
      this.#ended(lease);
    }
    this.#arm();
  }
}

interface Lease {
  readonly ttlMs: number;
  endsAtMs: number;
  /** When to tell the store that it has ended, unless it was kept alive. */
  reportAtMs: number;
}

export const LEASE_TTL_MS_MAX = 24 * 3600 * 1000;
const REPORT_AGAIN_MS = 1_000;
