import { isRedkiteError, type RedkiteError } from "../errors/redkite-error.ts";

/** One clear sentence for a start, or another command, that failed: what, with which value, and what would be right. */
export function startErrorSentence(error: unknown): string {
  if (isRedkiteError(error)) return redkiteSentence(error);
  return systemSentence(error) ?? unexpectedSentence(error);
}

function redkiteSentence(error: RedkiteError): string {
  const path = error.fields["path"] ?? error.fields["file"];
  switch (error.kind) {
    case "folderInUse":
      return `${path} is in use: ${error.description}`;
    case "diskFull":
      return `the disk is full${path === undefined ? "" : ` (${path})`}: make room and start again`;
    case "fileNotFound":
      return `${path} does not exist`;
    case "diskFailed":
      return systemSentence(error.cause, path) ?? `${path}: ${error.description}`;
    case "corrupted":
      return `${path} is damaged: ${error.description}; "redkite doctor" checks everything`;
    case "newerData":
      return `${path} was written by a newer release: ${error.description}`;
    case "configInvalid":
      return error.description;
    case "parameterInvalid":
      return error.message.replace(/: invalid parameter$/, "");
    default:
      return listenSentence(error.message) ?? error.message;
  }
}

/** An error of listening that came from another thread has lost its code. */
function listenSentence(message: string): string | undefined {
  const { code, address, port } =
    /\blisten (?<code>E[A-Z]+): .* (?<address>\S+?)(:(?<port>\d+))?$/.exec(message)?.groups ?? {};
  if (code === undefined) return undefined;
  return systemSentence(
    Object.assign(new Error(message), { code, address, ...(port !== undefined && { port }) }),
  );
}

/** For errors of the operating system that users meet; undefined for others. */
function systemSentence(error: unknown, path?: string): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const at = path ?? ("path" in error && typeof error.path === "string" ? error.path : "it");
  switch (error.code) {
    case "EADDRINUSE":
      return `${address(error)} is in use by another program: stop that one, or choose another with --port or --metrics-port`;
    case "EADDRNOTAVAIL":
      return `${address(error)} cannot be listened on: this machine has no such address; choose another with --host`;
    case "EACCES":
    case "EPERM":
      return "port" in error
        ? `${address(error)} may not be listened on by this user: choose a port above 1023 with --port`
        : `${at} may not be read and written by this user: change its permissions, or choose another folder with --data`;
    case "EROFS":
      return `${at} is on a read-only file system: choose another folder with --data`;
    case "ENOSPC":
    case "EDQUOT":
      return `the disk is full (${at}): make room and start again`;
    case "ENOENT":
      return `${at} does not exist`;
    case "ENOTDIR":
    case "EEXIST":
      return `${at} is not a folder: choose another one with --data`;
    case "EISDIR":
      return `${at} is a folder, not a file`;
    default:
      return undefined;
  }
}

function address(error: Error): string {
  const { address, port } = error as Error & { readonly address?: string; readonly port?: number };
  return port === undefined ? (address ?? "the address") : `${address ?? ""}:${port}`;
}

/** A defect of ours: the stack is what a report of it needs. */
function unexpectedSentence(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
