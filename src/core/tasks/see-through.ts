import { abortReason } from "../../errors/service-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { Tasks } from "../../ports/executor.ts";

/**
 * Work that others depend on, once it is due: it is repeated until it is done, also when whoever waits for it gives up. Rejects
 * when the caller's signal aborts, or with an error that no repetition mends.
 */
export async function seeThrough(
  tasks: Tasks,
  name: string,
  { signal }: CallContext,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tasks.spawn(
    name,
    async (taskSignal) => {
      await run(taskSignal);
      resolve();
    },
    { restarts: Number.MAX_SAFE_INTEGER, failed: reject },
  );
  const abort = (): void => reject(abortReason(signal));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
