import {
  connect,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { once } from "node:events";

/** A gRPC client of tests that can also say what no real client would: raw bodies, odd headers, early ends. */
export class TestGrpcClient {
  readonly session: ClientHttp2Session;

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1024 * 1024 } });
    this.session.on("error", () => {});
  }

  /** Sends `body` as it is and waits for the end of the stream. */
  async raw(path: string, body: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<RawAnswer> {
    const stream = this.open(path, headers);
    stream.end(body);
    return readAnswer(stream);
  }

  /** One framed message. */
  async unary(path: string, message: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<RawAnswer> {
    return this.raw(path, frame(message), headers);
  }

  open(path: string, headers: OutgoingHttpHeaders = {}): ReturnType<ClientHttp2Session["request"]> {
    return this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
  }

  async close(): Promise<void> {
    if (this.session.destroyed) return;
    this.session.destroy();
    await once(this.session, "close");
  }
}

export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** `grpc-status` of trailers or headers. */
  readonly status: number | undefined;
  readonly message: string;
  /** Of a stream that was reset instead of answered. */
  readonly rstCode: number;
}

export async function readAnswer(stream: ReturnType<ClientHttp2Session["request"]>): Promise<RawAnswer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on("response", (received) => (headers = received));
  stream.on("trailers", (received) => (trailers = received));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.on("close", resolve);
  await promise;
  const status = trailers["grpc-status"] ?? headers["grpc-status"];
  const message = trailers["grpc-message"] ?? headers["grpc-message"] ?? "";
  return {
    headers,
    trailers,
    body: Buffer.concat(chunks),
    status: status === undefined ? undefined : Number(status),
    message: decodeURIComponent(String(message)),
    rstCode: stream.rstCode,
  };
}

export function frame(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const framed = Buffer.alloc(5 + message.length);
  framed[0] = flag;
  framed.writeUInt32BE(length, 1);
  framed.set(message, 5);
  return framed;
}
