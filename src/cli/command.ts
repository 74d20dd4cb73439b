/** A command of `redkite`: gets what stands behind its name, returns the exit code. */
export type Command = (args: readonly string[], print: Print) => Promise<number>;

/** Where a command writes; tests collect it. */
export interface Print {
  line(text: string): void;
  error(text: string): void;
}

/** Wrong use of the command line: printed as one sentence with a pointer to the help, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const ExitCode = { ok: 0, failed: 1, usage: 2 } as const;
