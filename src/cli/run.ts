import { ServingWorkers } from "../app/serving-workers.ts";
import { nearestName } from "../config/nearest-name.ts";
import { UsageError, type Command } from "./command.ts";
import { parseOptions } from "./parse-options.ts";
import { configFromOptions, SERVER_OPTIONS } from "./server-options.ts";

/** `redkite run standalone [options]`: serves until a signal ends it. */
export const run: Command = async (args, print) => {
  const { options, rest } = parseOptions(args, SERVER_OPTIONS);
  const [what, extra] = rest;
  if (what === undefined) throw new UsageError("run what? This version has: redkite run standalone");
  if (what !== "standalone") {
    const hint =
      nearestName(what, ["standalone"]) === undefined ? "only standalone" : "did you mean standalone?";
    throw new UsageError(`${what} cannot be run; ${hint}`);
  }
  if (extra !== undefined) throw new UsageError(`unexpected argument ${extra} behind "run standalone"`);
  const { config, notices } = await configFromOptions(options, process.env);
  // First of all, so that the threads load their modules at the same time as this one.
  const servingWorkers = new ServingWorkers(config.get("proxy.threads"));
  const { runStandalone } = await import("../app/standalone.ts");
  return runStandalone({ config, notices, servingWorkers, print: (line) => print.line(line) });
};
