import { canceled } from "../../errors/service-errors.ts";
import type { CancelFlag } from "../../ports/engine.ts";

/** Throws canceled when the flag is raised. */
export function checkCancel(flag: CancelFlag | undefined, what: string): void {
  if (flag !== undefined && Atomics.load(flag.word, 0) !== 0) throw canceled(what);
}

/** Rows between two looks at the flag. */
export const CANCEL_CHECK_ROWS = 1024;
