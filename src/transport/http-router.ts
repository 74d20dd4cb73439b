import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { HttpHandler } from "./http-server.ts";

/**
 * A table of paths and methods, with JSON errors `{ code, message }` for everything else. HEAD is answered wherever GET
 * is, 405 names the methods that a path has, and a body above its limit is refused before it is read.
 */
export class HttpRouter {
  readonly #routes = new Map<string, Map<string, HttpRoute>>();
  readonly #options: HttpRouterOptions;

  constructor(routes: readonly HttpRoute[], options: HttpRouterOptions = {}) {
    this.#options = options;
    for (const route of routes) {
      const methods = this.#routes.get(route.path) ?? new Map<string, HttpRoute>();
      if (methods.has(route.method)) throw new TypeError(`two routes for ${route.method} ${route.path}`);
      methods.set(route.method, route);
      this.#routes.set(route.path, methods);
    }
  }

  /** For `HttpServer`; ends every response and never throws. */
  readonly handle: HttpHandler = (incoming, response) => {
    response.on("error", () => {});
    void this.#answer(incoming, response).then(
      (answer) => send(incoming, response, answer),
      (error: unknown) => {
        if (!(error instanceof HttpError)) this.#options.onError?.(error);
        send(incoming, response, errorAnswer(error));
      },
    );
  };

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<HttpAnswer> {
    const url = parseUrl(incoming.url ?? "/");
    const method = incoming.method ?? "GET";
    const methods = this.#routes.get(url.pathname);
    const route = methods?.get(method) ?? (method === "HEAD" ? methods?.get("GET") : undefined);
    if (route === undefined && methods !== undefined) {
      const allow = [...methods.keys(), ...(methods.has("GET") ? ["HEAD"] : [])].join(", ");
      return {
        ...jsonError(405, `${method} is not allowed on ${url.pathname}; allowed: ${allow}`),
        headers: { allow },
      };
    }
    const { fallback } = this.#options;
    if (route === undefined && fallback === undefined) {
      return jsonError(404, `no such path: ${url.pathname}`);
    }
    const controller = new AbortController();
    response.on("close", () => {
      if (!response.writableFinished) controller.abort(new Error("the client closed the connection"));
    });
    const body = await readBody(incoming, route?.bodyBytesMax ?? DEFAULT_BODY_BYTES_MAX);
    const { headers } = incoming;
    const request = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers,
      body,
      signal: controller.signal,
    };
    if (route !== undefined) return route.handle(request);
    return fallback?.(request) ?? jsonError(404, `no such path: ${url.pathname}`);
  }
}

export interface HttpRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH";
  /** Compared as a whole, without the query. */
  readonly path: string;
  /** Default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** An `HttpError` becomes its answer, any other error 500. */
  handle(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
}

export interface HttpRouterOptions {
  /** Answers paths that no route has; default 404. */
  readonly fallback?: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;
  /** Told of errors that are not `HttpError`. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** A failure with an HTTP status, for handlers to throw. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function jsonAnswer(status: number, value: unknown): HttpAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

export function jsonError(status: number, message: string): HttpAnswer {
  return jsonAnswer(status, { code: status, message });
}

export function textAnswer(
  status: number,
  body: string,
  contentType = "text/plain; charset=utf-8",
): HttpAnswer {
  return { status, contentType, body };
}

function errorAnswer(error: unknown): HttpAnswer {
  if (error instanceof HttpError) return jsonError(error.status, error.message);
  return jsonError(500, error instanceof Error ? error.message : String(error));
}

function parseUrl(url: string): URL {
  try {
    // A path with two slashes at its start is no host.
    return new URL(`http://localhost${url.startsWith("/") ? url : `/${url}`}`);
  } catch {
    throw new HttpError(400, `not a valid request path: ${JSON.stringify(url.slice(0, SHOWN_URL_CHARS))}`);
  }
}

async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const declared = Number(incoming.headers["content-length"] ?? 0);
  if (declared > bytesMax) throw tooLarge(declared, bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // Not `for await`: leaving that early would destroy the connection before the error is answered.
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) {
      chunks.push(chunk);
      return;
    }
    incoming.pause();
    reject(tooLarge(bytes, bytesMax));
  });
  incoming.on("end", () => resolve(Buffer.concat(chunks)));
  incoming.on("error", reject);
  return promise;
}

function tooLarge(bytes: number, bytesMax: number): HttpError {
  return new HttpError(413, `the request body has ${bytes} bytes or more, the limit is ${bytesMax}`);
}

function send(incoming: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  if (response.destroyed || response.headersSent) return;
  const { status, headers, contentType, body } = answer;
  // What was not read of the request would be taken for the next one.
  const unread: OutgoingHttpHeaders = incoming.complete ? {} : { connection: "close" };
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, {
    ...headers,
    ...unread,
    "content-type": contentType,
    "content-length": length,
  });
  response.end(incoming.method === "HEAD" ? undefined : body);
}

const DEFAULT_BODY_BYTES_MAX = 1024 * 1024;
const SHOWN_URL_CHARS = 200;
