import type { Component } from "../api/component.ts";
import type { CallContext } from "../model/call-context.ts";
import type { MetricsRegistry } from "../obs/metrics.ts";
import {
  HttpRouter,
  jsonAnswer,
  textAnswer,
  type HttpAnswer,
  type HttpRequest,
} from "../transport/http-router.ts";
import { HttpServer } from "../transport/http-server.ts";
import type { ListenAddress } from "../transport/listen.ts";
import type { MixCoord } from "./mixcoord.ts";
import type { ProcessSettings } from "./process-ports.ts";
import type { ServingThreadHandle } from "./serving-threads.ts";

/** The metrics port: health for people and orchestrators, metrics of all threads for Prometheus. */
export class MetricsServer {
  readonly #server: HttpServer;

  constructor(
    metrics: MetricsRegistry,
    threads: readonly ServingThreadHandle[],
    coords: Omit<MixCoord, "stop">,
    settings: ProcessSettings,
  ) {
    const health = async (request: HttpRequest): Promise<HttpAnswer> => {
      const components: readonly Component[] = [
        ...Object.values(coords).filter(isComponent),
        ...threads.map(({ proxy }) => proxy),
      ];
      const states = await Promise.all(
        components.map(async (component) =>
          component.getComponentStates(contextOf(settings, request.signal), {}),
        ),
      );
      const unhealthy = states.filter(({ state }) => state !== "Healthy");
      if (unhealthy.length === 0) return textAnswer(200, "OK");
      return jsonAnswer(500, {
        state: "component not healthy",
        detail: unhealthy.map(({ role, state }) => ({ name: role, code: state })),
      });
    };
    const router = new HttpRouter([
      { method: "GET", path: "/healthz", handle: health },
      { method: "GET", path: "/readyz", handle: health },
      { method: "GET", path: "/livez", handle: () => textAnswer(200, "OK") },
      {
        method: "GET",
        path: "/metrics",
        handle: async (request) => {
          const others = await Promise.all(
            threads.map(async ({ thread }) => thread.metrics(contextOf(settings, request.signal), {})),
          );
          return textAnswer(200, metrics.expose(others), "text/plain; version=0.0.4; charset=utf-8");
        },
      },
    ]);
    this.#server = new HttpServer({ handler: router.handle });
  }

  async listen(address: ListenAddress): Promise<number> {
    return this.#server.listen(address);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

function contextOf(settings: ProcessSettings, signal: AbortSignal): CallContext {
  return settings.context(signal);
}

function isComponent(value: unknown): value is Component {
  return typeof value === "object" && value !== null && "getComponentStates" in value;
}
