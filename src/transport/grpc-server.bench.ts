import { fork } from "node:child_process";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import { cpus } from "node:os";
import { frame } from "./grpc-client.testing.ts";
import { withHeadroom } from "./grpc-frames.ts";
import type { UnaryMethod } from "./grpc-method.ts";
import { GrpcServer } from "./grpc-server.ts";

/**
 * CPU time of the server per unary call: 64 calls in flight on one connection, request 1.7 KB, answer 0.9 KB, raw
 * bytes. The server runs in its own process, so that only its own CPU time counts; the smallest of the rounds is the
 * one least disturbed. The peer is the barest handler that `node:http2` allows, measured in turns with ours.
 */
async function main(): Promise<void> {
  console.log(`${cpus()[0]?.model ?? "unknown"} x ${cpus().length}, node ${process.version}`);
  const best = { ours: Infinity, bare: Infinity };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const kind of ["ours", "bare"] as const) best[kind] = Math.min(best[kind], await measure(kind));
  }
  const ratio = best.ours / best.bare;
  console.log(
    `server CPU per call: ${best.ours.toFixed(1)} us, bare node:http2 ${best.bare.toFixed(1)} us, ratio ${ratio.toFixed(2)}`,
  );
}

async function measure(kind: "ours" | "bare"): Promise<number> {
  const server = fork(import.meta.filename, [`--serve=${kind}`]);
  const ask = async (): Promise<number> => {
    server.send("next");
    return new Promise((resolve) => server.once("message", (value) => resolve(Number(value))));
  };
  const session = connect(`http://127.0.0.1:${await ask()}`);
  const body = frame(Buffer.alloc(REQUEST_BYTES, 1));
  const call = async (): Promise<void> => {
    const stream = session.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "10S",
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let status: unknown;
    stream.resume();
    stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    stream.on("error", reject);
    stream.on("close", () => (status === "0" ? resolve() : reject(new Error(`status ${String(status)}`))));
    stream.end(body);
    await promise;
  };
  const round = async (): Promise<void> => {
    let left = CALLS;
    const caller = async (): Promise<void> => {
      while (left-- > 0) await call();
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  };
  await round();
  let best = Infinity;
  for (let i = 0; i < ROUNDS; i++) {
    const before = await ask();
    await round();
    best = Math.min(best, ((await ask()) - before) / CALLS);
  }
  session.destroy();
  server.kill();
  return best;
}

/** Answers the first question with the port and later ones with the CPU time used so far, in microseconds. */
async function serve(kind: string): Promise<void> {
  const port = kind === "ours" ? await serveOurs() : await serveBare();
  let asked = 0;
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.(asked++ === 0 ? port : user + system);
  });
}

async function serveOurs(): Promise<number> {
  const answer = Buffer.alloc(ANSWER_BYTES, 7);
  const method: UnaryMethod<Uint8Array, Uint8Array> = {
    decode: (bytes) => bytes,
    encode: withHeadroom,
    handle: async () => answer,
  };
  return new GrpcServer({ services: new Map([[PATH, method]]) }).listen({ host: "127.0.0.1", port: 0 });
}

async function serveBare(): Promise<number> {
  const answer = frame(Buffer.alloc(ANSWER_BYTES, 7));
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("data", () => {});
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end(answer);
    });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const PATH = "/bench.Bench/Call";
const REQUEST_BYTES = 1700;
const ANSWER_BYTES = 900;
const IN_FLIGHT = 64;
const CALLS = 20_000;
const ROUNDS = 5;
const TURNS = 3;

if (import.meta.main) {
  const kind = process.argv[2]?.match(/^--serve=(.*)$/)?.[1];
  if (kind === undefined) await main();
  else await serve(kind);
}
