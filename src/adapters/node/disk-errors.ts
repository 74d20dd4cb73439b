import { diskFull } from "../../errors/service-errors.ts";
import { diskFailed, fileNotFound } from "../../errors/storage-errors.ts";
import type { RedkiteError } from "../../errors/redkite-error.ts";

/** The port's error for one from `node:fs`. `path` as the user would look for it. */
export function toDiskError(error: unknown, path: string, operation: string): RedkiteError {
  switch (errorCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return diskFull({ path }, error);
    case "ENOENT":
    // A file where the path wants a folder: nothing of that name either.
    case "ENOTDIR":
      return fileNotFound(path, error);
    default:
      return diskFailed({ path, operation }, error);
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
