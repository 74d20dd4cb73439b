import { nearestName } from "../config/nearest-name.ts";
import { UsageError } from "./command.ts";

/**
 * Splits arguments into options, given as `--name value` or `--name=value`, and the rest. Throws UsageError for an option that
 * is not in `known` (with the nearest one), or that lacks its value.
 */
export function parseOptions(
  args: readonly string[],
  known: readonly OptionSpec[],
): { readonly options: readonly GivenOption[]; readonly rest: readonly string[] } {
  const options: GivenOption[] = [];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return { options, rest: [...rest, ...args.slice(i + 1)] };
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const spec = known.find((option) => option.name === name);
    if (spec === undefined) throw unknownOption(name, known);
    if (spec.value === undefined) {
      if (equals >= 0) throw new UsageError(`${name} takes no value, but got ${arg.slice(equals + 1)}`);
      options.push({ name, value: "" });
      continue;
    }
    const value = equals < 0 ? args[++i] : arg.slice(equals + 1);
    if (value === undefined || value === "")
      throw new UsageError(`${name} needs a value: ${name} ${spec.value}`);
    options.push({ name, value });
  }
  return { options, rest };
}

export interface OptionSpec {
  /** With its dashes. */
  readonly name: string;
  /** What the help calls the value; undefined for an option that takes none. */
  readonly value: string | undefined;
  readonly about: string;
}

export interface GivenOption {
  readonly name: string;
  readonly value: string;
}

/** The last value given for an option that may be given once. */
export function lastValue(options: readonly GivenOption[], name: string): string | undefined {
  return options.findLast((option) => option.name === name)?.value;
}

function unknownOption(name: string, known: readonly OptionSpec[]): UsageError {
  const names = known.map((option) => option.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `known are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return new UsageError(`unknown option ${name}; ${names.length === 0 ? "this command takes none" : hint}`);
}
