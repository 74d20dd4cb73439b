import { describeFile } from "../app/stored/describe-file.ts";
import { ExitCode, UsageError, type Command } from "./command.ts";
import { parseOptions } from "./parse-options.ts";

/** `redkite inspect FILE`. */
export const inspect: Command = async (args, print) => {
  const { rest } = parseOptions(args, []);
  const [file, extra] = rest;
  if (file === undefined) throw new UsageError("inspect which file? redkite inspect FILE");
  if (extra !== undefined) throw new UsageError(`inspect takes one file, but got ${extra} too`);
  for await (const line of describeFile(file)) print.line(line);
  return ExitCode.ok;
};
