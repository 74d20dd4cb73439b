import { describeOrigin } from "../config/config.ts";
import { specOf, type ConfigKey } from "../config/keys.ts";
import { UsageError, ExitCode, type Command } from "./command.ts";
import { parseOptions } from "./parse-options.ts";
import { configFromOptions, SERVER_OPTIONS } from "./server-options.ts";

/** `redkite config [options of run]`: what a start with the same options would use, one key a line. */
export const config: Command = async (args, print) => {
  const { options, rest } = parseOptions(args, SERVER_OPTIONS);
  if (rest[0] !== undefined) throw new UsageError(`config takes options only, but got ${rest[0]}`);
  const loaded = await configFromOptions(options, process.env);
  const rows = loaded.config
    .entries()
    .map(({ key, value, origin }) => [
      key,
      shown(key, value),
      shown(key, specOf(key).default),
      describeOrigin(origin),
    ]);
  const table = [["key", "value", "default", "from"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    print.line(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
  for (const notice of loaded.notices) print.error(`note: ${notice}`);
  return ExitCode.ok;
};

function shown(key: ConfigKey, value: string | number | boolean): string {
  const spec = specOf(key);
  if (value === "") return '""';
  const unit = spec.type === "duration" || spec.type === "bytes" ? ` ${spec.unit}` : "";
  return `${value}${unit}`;
}
