import { VERSION } from "../app/version.ts";
import { ExitCode, UsageError, type Command } from "./command.ts";

/** `redkite version`. */
export const version: Command = async (args, print) => {
  if (args[0] !== undefined) throw new UsageError(`version takes no arguments, but got ${args[0]}`);
  print.line(`redkite ${VERSION}, Node ${process.version}, ${process.platform}-${process.arch}`);
  return ExitCode.ok;
};
