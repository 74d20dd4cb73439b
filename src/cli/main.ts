import { nearestName } from "../config/nearest-name.ts";
import { ExitCode, UsageError, type Command, type Print } from "./command.ts";
import { startErrorSentence } from "./start-error.ts";

/** The command line: `redkite <command> [arguments]`. Returns the exit code; every failure is one sentence on standard error. */
export async function main(args: readonly string[], print: Print = toTerminal): Promise<number> {
  const [name = "help", ...rest] = args;
  if (print === toTerminal) noticeClosedOutput(name);
  try {
    if (isHelp(name)) return await help(rest[0], print);
    const entry = COMMANDS[name];
    if (entry === undefined) throw unknownCommand(name);
    if (rest.some((arg) => arg === "--help" || arg === "-h")) return await help(name, print);
    return await (
      await entry.load()
    )(rest, print);
  } catch (error) {
    if (error instanceof UsageError) {
      print.error(`redkite: ${error.message}`);
      print.error('"redkite help" lists commands and options.');
      return ExitCode.usage;
    }
    print.error(`redkite: ${startErrorSentence(error)}`);
    return ExitCode.failed;
  }
}

interface CommandEntry {
  readonly usage: string;
  readonly about: string;
  /** A start loads only what its command needs. */
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry | undefined>> = {
  run: {
    usage: "run standalone [options]",
    about: "Serves the Milvus protocol from one process; a folder is the database.",
    load: async () => (await import("./run.ts")).run,
  },
  version: {
    usage: "version",
    about: "Prints the release and what it runs on.",
    load: async () => (await import("./version.ts")).version,
  },
  config: {
    usage: "config [options of run]",
    about: "Lists every configuration key with its default, its value and where that came from.",
    load: async () => (await import("./config.ts")).config,
  },
  doctor: {
    usage: "doctor DIR",
    about: "Verifies everything in the data folder of a stopped server, and names what is wrong.",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  inspect: {
    usage: "inspect FILE",
    about: "Prints any stored file as text.",
    load: async () => (await import("./inspect.ts")).inspect,
  },
  sim: {
    usage: "sim --seeds N --from S",
    about: "Runs whole deployments in a simulated world that loses, tears, delays and kills.",
    load: async () => (await import("./sim.ts")).sim,
  },
};

async function help(of: string | undefined, print: Print): Promise<number> {
  const { SERVER_OPTIONS } = await import("./server-options.ts");
  const named = of === undefined ? undefined : COMMANDS[of];
  if (of !== undefined && named === undefined && !isHelp(of)) throw unknownCommand(of);
  const entries = Object.values(COMMANDS).filter((entry) => entry !== undefined);
  print.line("usage: redkite <command>");
  print.line("");
  for (const { usage, about } of named === undefined ? entries : [named]) {
    print.line(`  ${usage.padEnd(USAGE_WIDTH)}${about}`);
  }
  if (named !== undefined && named !== COMMANDS["run"] && named !== COMMANDS["config"]) return ExitCode.ok;
  print.line("");
  print.line("options of run and config:");
  print.line("");
  for (const { name, value, about } of SERVER_OPTIONS) {
    print.line(`  ${`${name} ${value ?? ""}`.padEnd(USAGE_WIDTH)}${about}`);
  }
  return ExitCode.ok;
}

function isHelp(name: string): boolean {
  return name === "help" || name === "--help" || name === "-h";
}

function unknownCommand(name: string): UsageError {
  const names = [...Object.keys(COMMANDS), "help"];
  if (name === "--version")
    return new UsageError('unknown option --version; did you mean "redkite version"?');
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `known are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return new UsageError(`unknown command ${name}; ${hint}`);
}

const USAGE_WIDTH = 28;

const toTerminal: Print = {
  line: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
};

/** A server goes on when whoever read its output has gone; any other command has nobody to work for then. */
function noticeClosedOutput(command: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {
      if (command !== "run") process.exit(ExitCode.failed);
    });
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
