import type { Component, ComponentState } from "../api/component.ts";
import type { Config } from "../config/config.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import type { MetricsRegistry, MetricSnapshot } from "../obs/metrics.ts";
import {
  HttpRouter,
  jsonAnswer,
  textAnswer,
  type HttpAnswer,
  type HttpRequest,
} from "../transport/http-router.ts";
import { HttpServer } from "../transport/http-server.ts";
import type { ListenAddress } from "../transport/listen.ts";
import type { ServingThread } from "./serving-thread-contract.ts";

export interface MetricsServerDeps {
  /** Of the control thread. */
  readonly metrics: MetricsRegistry;
  readonly config: Config;
  /** For calls that a request causes; aborts with the request. */
  readonly context: (signal: AbortSignal) => CallContext;
}

/** What the process consists of once it serves. */
export interface ObservedProcess {
  readonly components: readonly Component[];
  readonly threads: readonly ServingThread[];
}

/**
 * The metrics port: health for people and orchestrators, metrics of all threads for Prometheus, the level of the logs. It answers from
 * early in the start to late in the stop: alive all the time, ready only while every component serves.
 */
export class MetricsServer {
  readonly #deps: MetricsServerDeps;
  readonly #server: HttpServer;
  #process: ObservedProcess | undefined;

  constructor(deps: MetricsServerDeps) {
    this.#deps = deps;
    const health = async (request: HttpRequest): Promise<HttpAnswer> => this.#health(request);
    const router = new HttpRouter([
      { method: "GET", path: "/healthz", handle: health },
      { method: "GET", path: "/readyz", handle: health },
      { method: "GET", path: "/livez", handle: () => textAnswer(200, "OK") },
      { method: "GET", path: "/metrics", handle: async (request) => this.#metrics(request) },
      { method: "GET", path: LOG_LEVEL_PATH, handle: () => this.#logLevel() },
      { method: "PUT", path: LOG_LEVEL_PATH, handle: async (request) => this.#setLogLevel(request) },
    ]);
    this.#server = new HttpServer({ handler: router.handle });
  }

  async listen(address: ListenAddress): Promise<number> {
    return this.#server.listen(address);
  }

  /** From now on health is that of these. */
  observe(process: ObservedProcess): void {
    this.#process = process;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async #health(request: HttpRequest): Promise<HttpAnswer> {
    const ctx = this.#deps.context(request.signal);
    const states =
      this.#process === undefined
        ? [{ role: "standalone", state: "Initializing" }]
        : await Promise.all(this.#process.components.map(async (component) => stateOf(component, ctx)));
    const unhealthy = states.filter(({ state }) => state !== "Healthy");
    if (unhealthy.length === 0) return textAnswer(200, "OK");
    return jsonAnswer(500, {
      state: "component not healthy",
      detail: unhealthy.map(({ role, state }) => ({ name: role, code: state })),
    });
  }

  async #metrics(request: HttpRequest): Promise<HttpAnswer> {
    const ctx = this.#deps.context(request.signal);
    const threads = this.#process?.threads ?? [];
    const asked = await Promise.allSettled(threads.map(async (thread) => thread.metrics(ctx, {})));
    // A thread that has ended while the process stops has nothing more to say.
    const others: (readonly MetricSnapshot[])[] = asked.flatMap((one) =>
      one.status === "fulfilled" ? [one.value] : [],
    );
    const text = this.#deps.metrics.expose(others);
    return textAnswer(200, text, "text/plain; version=0.0.4; charset=utf-8");
  }

  #logLevel(): HttpAnswer {
    return jsonAnswer(200, { level: this.#deps.config.get("log.level") });
  }

  /** As Milvus: `{"level": "debug"}`, or a form with `level`. On all threads when it answers. */
  async #setLogLevel(request: HttpRequest): Promise<HttpAnswer> {
    const level = levelOf(request);
    if (level === undefined) return jsonAnswer(400, { error: "must specify a logging level" });
    try {
      this.#deps.config.update("log.level", level);
    } catch (error) {
      if (!isRedkiteError(error, "configInvalid")) throw error;
      return jsonAnswer(400, { error: error.message });
    }
    const ctx = this.#deps.context(request.signal);
    const change = { key: "log.level", value: level };
    const threads = this.#process?.threads ?? [];
    await Promise.all(threads.map(async (thread) => thread.updateConfig(ctx, change)));
    return this.#logLevel();
  }
}

/** One that cannot even be asked has ended, or its thread has. */
async function stateOf(
  component: Component,
  ctx: CallContext,
): Promise<Pick<ComponentState, "role" | "state">> {
  try {
    return await component.getComponentStates(ctx, {});
  } catch {
    return { role: "standalone", state: "Stopping" };
  }
}

const LOG_LEVEL_PATH = "/log/level";

function levelOf({ headers, body }: HttpRequest): string | undefined {
  const text = new TextDecoder().decode(body);
  // curl calls everything a form unless it is told otherwise.
  if (headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true) {
    const level = new URLSearchParams(text).get("level");
    if (level !== null) return level.toLowerCase();
  }
  try {
    const value: unknown = JSON.parse(text);
    const level = typeof value === "object" && value !== null && "level" in value ? value.level : undefined;
    return typeof level === "string" ? level.toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}
