/**
 * Structured logging: a message is a constant text and what varies are fields, so that logs can be searched. Values that may be
 * secret (passwords, tokens) are never passed. The sink and the time come from outside.
 */
export interface Logger {
  /** Whether a message of this level would be written: for fields that are costly to compute. */
  enabled(level: LogLevel): boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose messages carry these fields, too. */
  with(fields: LogFields): Logger;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** An Error under any name is written with its code, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogRecord {
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly level: LogLevel;
  /** Which role speaks, for example `proxy`. */
  readonly role: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Takes finished records; must not throw. */
export type LogSink = (record: LogRecord) => void;

/** The level of a process, shared by all its loggers and changeable at run time. */
export class LogThreshold {
  #rank = 0;

  constructor(level: LogLevel) {
    this.set(level);
  }

  get level(): LogLevel {
    return LOG_LEVELS[this.#rank] ?? "error";
  }

  set(level: LogLevel): void {
    this.#rank = LOG_LEVELS.indexOf(level);
  }

  passes(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#rank;
  }
}

export interface LoggerOptions {
  readonly role: string;
  readonly threshold: LogThreshold;
  readonly sink: LogSink;
  readonly nowMs: () => number;
  readonly fields?: LogFields;
}

export class StructuredLogger implements Logger {
  readonly #options: LoggerOptions;

  constructor(options: LoggerOptions) {
    this.#options = options;
  }

  enabled(level: LogLevel): boolean {
    return this.#options.threshold.passes(level);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  with(fields: LogFields): Logger {
    return new StructuredLogger({ ...this.#options, fields: { ...this.#options.fields, ...fields } });
  }

  /** The same logger speaking for another role. */
  forRole(role: string): Logger {
    return new StructuredLogger({ ...this.#options, role });
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const { threshold, sink, nowMs, role, fields: own } = this.#options;
    if (!threshold.passes(level)) return;
    sink({ timeMs: nowMs(), level, role, message, fields: { ...own, ...fields } });
  }
}

/** Writes nothing: for tests and tools that do not care. */
export const SILENT_LOGGER: Logger = {
  enabled: () => false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => SILENT_LOGGER,
};
