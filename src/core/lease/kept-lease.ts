import { metaUnavailable } from "../../errors/storage-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TaskHandle, Tasks } from "../../ports/executor.ts";
import type { LeaseId, MetaStore } from "../../ports/meta-store.ts";

export interface KeptLeaseDeps {
  readonly meta: MetaStore;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly leaseMs: number;
}

/**
 * A lease of the metadata store that is renewed in the background, six times in its length. It surely holds for its length after the
 * moment at which the grant or the last successful renewal was asked for; a quarter of it is left as a margin for the clocks.
 */
export class KeptLease {
  readonly id: LeaseId;
  readonly #deps: KeptLeaseDeps;
  /** Monotonic. */
  #heldUntilMs: number;
  #keeper: TaskHandle | undefined;

  private constructor(deps: KeptLeaseDeps, id: LeaseId, heldUntilMs: number) {
    this.#deps = deps;
    this.id = id;
    this.#heldUntilMs = heldUntilMs;
  }

  /** Not renewed before `keep`. */
  static async grant(deps: KeptLeaseDeps): Promise<KeptLease> {
    const askedMs = deps.clock.monotonicMs();
    const id = await deps.meta.grantLease(deps.leaseMs);
    return new KeptLease(deps, id, askedMs + deps.leaseMs);
  }

  /** False as soon as it may have ended, whatever the store would say. */
  get holds(): boolean {
    const { clock, leaseMs } = this.#deps;
    return clock.monotonicMs() < this.#heldUntilMs - leaseMs / 4;
  }

  /**
   * Renews it until `end`. `lost` is called once, at the moment from which on it may not hold any more: an answer that has been
   * under way for long may never come, so nobody waits for it. The error is that of the last renewal that failed.
   */
  keep(name: string, lost: (error: unknown) => void): void {
    const { clock, leaseMs, tasks } = this.#deps;
    let failure: unknown = metaUnavailable("no renewal of the lease was answered");
    this.#keeper = tasks.spawn(name, async (signal) => {
      while (!signal.aborted) {
        const leftMs = this.#heldUntilMs - leaseMs / 4 - clock.monotonicMs();
        await clock.sleep(Math.max(0, Math.min(leaseMs / 6, leftMs)), signal);
        if (!this.holds) {
          lost(failure);
          return;
        }
        this.#renew().catch((error: unknown) => (failure = error));
      }
    });
  }

  /** Gives it up at once, so that nobody need wait for its end. */
  async end(): Promise<void> {
    await this.#keeper?.stop();
    await this.#deps.meta.revokeLease(this.id);
  }

  async #renew(): Promise<void> {
    const { clock, meta, leaseMs } = this.#deps;
    const askedMs = clock.monotonicMs();
    const grantedMs = await meta.keepAlive(this.id);
    this.#heldUntilMs = Math.max(this.#heldUntilMs, askedMs + Math.min(grantedMs, leaseMs));
  }
}
