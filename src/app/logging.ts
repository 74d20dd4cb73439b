import type { Config } from "../config/config.ts";
import { formatJson, formatText } from "../obs/log-format.ts";
import { LogThreshold, StructuredLogger } from "../obs/logger.ts";

/** The logger of this thread: standard error, in the format and from the level that the configuration names. */
export function loggerFromConfig(config: Config, role: string): StructuredLogger {
  const format = config.get("log.format") === "json" ? formatJson : formatText;
  const threshold = new LogThreshold(config.get("log.level"));
  config.watch("log.level", (level) => threshold.set(level));
  return new StructuredLogger({
    role,
    threshold,
    nowMs: () => Date.now(),
    sink: (record) => process.stderr.write(`${format(record)}\n`),
  });
}
