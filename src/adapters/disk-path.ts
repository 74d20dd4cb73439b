import { parameterInvalid } from "../errors/parameter-errors.ts";

/**
 * Throws parameterInvalid unless `path` is what the Disk port takes: names joined by `/`, relative, going nowhere but down.
 */
export function checkPath(path: string): void {
  const ok =
    path.length > 0 &&
    path.length <= PATH_LENGTH_MAX &&
    !/[\0\\]/.test(path) &&
    path.split("/").every((name) => name !== "" && name !== "." && name !== "..");
  if (!ok) {
    throw parameterInvalid(
      `the path ${JSON.stringify(path.slice(0, 200))} is not a relative path below the data folder`,
    );
  }
}

/** The folder that holds `path`; the empty string is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export const PATH_LENGTH_MAX = 1024;
