import type { Clock, Timer } from "../../ports/clock.ts";

/** The machine's clocks. Pending sleeps and timers keep the process alive: whoever starts them stops them. */
export const nodeClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = startTimer(ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
    await promise;
  },
  timer: startTimer,
};

/** setTimeout fires at once beyond this. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

function startTimer(ms: number, callback: () => void): Timer {
  let left = Math.max(0, ms);
  let handle: NodeJS.Timeout;
  const next = () => {
    const step = Math.min(left, TIMEOUT_MS_MAX);
    left -= step;
    handle = setTimeout(left > 0 ? next : callback, step);
  };
  next();
  return { cancel: () => clearTimeout(handle) };
}
