import { parameterInvalid } from "../errors/parameter-errors.ts";
import { RedkiteError } from "../errors/redkite-error.ts";
import { canceled, corrupted, serviceTooManyRequests } from "../errors/service-errors.ts";

/** The addon's error as a RedkiteError; anything else comes back as it is. */
export function fromNative(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  switch (error.code) {
    case "parameterInvalid":
      return parameterInvalid(error.message);
    case "corrupted":
      return corrupted({ file: "engine", problem: error.message });
    case "canceled":
      return canceled("engine");
    case "outOfMemory":
      return new RedkiteError("serviceMemoryLimitExceeded", `memory limit exceeded: ${error.message}`);
    case "tooManyJobs":
      return serviceTooManyRequests(Number(error.message), "engine");
    default:
      return error;
  }
}

/** Runs a call of the addon. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

export async function guardedAsync<T>(call: () => Promise<T> | T): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}
