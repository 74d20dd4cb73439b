import { readFile } from "node:fs/promises";
import { startServer, sleep, type TestServer } from "../../e2e/support/server.ts";
import {
  ANSWER_MS_MAX,
  FuzzFinding,
  type FuzzTally,
  type FuzzTarget,
  type OpenFuzzTarget,
} from "../fuzz-target.ts";
import { mutate } from "../mutate.ts";
import { rpcSamples, sampleOf, TARGET, type RpcSample } from "./server-samples.ts";
import { Prng } from "../../../src/base/prng.ts";
import { TestGrpcClient, type RawAnswer } from "../../../src/transport/grpc-client.testing.ts";
import { decode, encode } from "../../../src/wire/codec.ts";
import { randomMessage } from "../../../src/wire/oracle.testing.ts";

/**
 * A whole server in a process of its own, started as users start it, that gets damaged copies of valid requests of every RPC, several at a
 * time. Each must be answered with a gRPC status, and with a decodable answer where that is OK, in time; the server must live.
 */
export const SERVER_TARGET: FuzzTarget = {
  name: "server",
  shortInputs: 2_000,
  share: 0.02,
  noiseBytes: 96 << 20,
  open,
};

const AT_ONCE = 8;
/** On a fresh clone the first start builds the engine. */
const READY_MS = 600_000;
/** Inputs after which the collection is put back and what requests have made is dropped. */
const RESTORE_INPUTS = 500;

async function open(seed: number): Promise<OpenFuzzTarget> {
  const server = await startServer({ settings: ["log.level=error"], readyTimeoutMs: READY_MS });
  const client = new TestGrpcClient(server.port);
  const samples = rpcSamples();
  const isolated = Prng.fromSeed(`server ${seed}`);
  const open = new Map<number, string>();
  await restore(client);
  return {
    batchMax: RESTORE_INPUTS,
    async run(from, count, tally) {
      let next = from;
      const worker = async (): Promise<void> => {
        while (next < from + count) {
          const input = next++;
          tally.begin(input);
          const request = damaged(isolated.fork(input), samples);
          open.set(input, request.rpc.name);
          try {
            await attempt(server, client, request, input, tally);
            open.delete(input);
          } catch (error) {
            if (error instanceof FuzzFinding) throw withOthers(error, open);
            throw error;
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      await restore(client);
    },
    otherBytes: async () => {
      await sleep(2_000);
      return residentBytes(server.pid);
    },
    close: async () => {
      await client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A request with damaged bytes, one with fields that fit their types and nothing else, or one as it should be. */
export function damaged(random: Prng, samples: readonly RpcSample[]): RpcSample {
  const { rpc, bytes } = random.pick(samples);
  const kind = random.int(10);
  if (kind === 0) return { rpc, bytes };
  if (kind < 7) return { rpc, bytes: mutate(random, bytes, { other: random.pick(samples).bytes }) };
  const fields = randomMessage(random, `milvus.proto.${rpc.request}`, 3);
  const valid = decode(rpc.request, bytes) as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(valid)) if (random.chance(0.75)) fields[name] = value;
  return { rpc, bytes: encode(rpc.request, fields as never) };
}

/** Requests act on each other: what had no answer yet belongs to the finding. */
function withOthers(finding: FuzzFinding, open: ReadonlyMap<number, string>): FuzzFinding {
  const others = [...open].filter(([input]) => input !== finding.input);
  const text = others.map(([input, name]) => `${name} (${input})`).join(", ");
  return new FuzzFinding(finding.input, `${finding.message}\nat the same time: ${text}`, { cause: finding });
}

async function attempt(
  server: TestServer,
  client: TestGrpcClient,
  { rpc, bytes }: RpcSample,
  input: number,
  tally: FuzzTally,
): Promise<void> {
  const started = performance.now();
  const shown = `${rpc.name} ${Buffer.from(bytes.subarray(0, 2000)).toString("hex")}`;
  const answer = await Promise.race([client.unary(rpc.path, bytes), sleep(10 * ANSWER_MS_MAX)]);
  const tookMs = performance.now() - started;
  if (answer === undefined) throw new FuzzFinding(input, `no answer in ${10 * ANSWER_MS_MAX} ms: ${shown}`);
  if (tookMs > tally.slowestMs) tally.slowestMs = tookMs;
  const problem =
    problemOf(rpc, answer) ?? (tookMs > ANSWER_MS_MAX ? `answered after ${tookMs.toFixed(0)} ms` : undefined);
  if (problem !== undefined)
    throw new FuzzFinding(input, `${problem}: ${shown}\n${server.output().slice(-3000)}`);
  tally[answer.status === 0 ? "accepted" : "refused"] += 1;
}

function problemOf(rpc: RpcSample["rpc"], answer: RawAnswer): string | undefined {
  if (answer.status === undefined) return `no status (stream reset with ${answer.rstCode})`;
  // What a server of Google's library answers to bytes that are no such message.
  if (answer.status === INTERNAL && answer.message.startsWith("grpc: error unmarshalling")) return undefined;
  // Where an answer has no place for a status, the error is gRPC's.
  if (answer.status === UNKNOWN && rpc.status === "none" && !OUR_FAULT.test(answer.message)) return undefined;
  if (answer.status === INTERNAL || answer.status === UNKNOWN)
    return `gRPC status ${answer.status}: ${answer.message}`;
  if (answer.status !== 0) return undefined;
  const message = decode(rpc.response, answer.body.subarray(5)) as unknown as Record<string, unknown>;
  const status = rpc.status === "self" ? message : rpc.status === "status" ? message["status"] : undefined;
  const { code, reason } = (status ?? {}) as { readonly code?: number; readonly reason?: string };
  return code === UNEXPECTED || OUR_FAULT.test(reason ?? "") ? `code ${code}: ${reason}` : undefined;
}

/** The words of errors that JavaScript makes itself, and of those that nobody foresaw. */
const OUR_FAULT = /unexpected error|is not (a function|iterable)|Cannot (read|convert|mix)|undefined/;
const INTERNAL = 13;
const UNKNOWN = 2;
const UNEXPECTED = 65535;

/** Drops what is not ours and brings back what is. */
export async function restore(client: TestGrpcClient): Promise<void> {
  const call = async (name: string, request?: object): Promise<Record<string, unknown>> => {
    const { rpc, bytes } = sampleOf(name);
    const { body } = await client.unary(
      rpc.path,
      request === undefined ? bytes : encode(rpc.request, request as never),
    );
    return decode(rpc.response, body.subarray(5)) as unknown as Record<string, unknown>;
  };
  const { dbNames } = await call("ListDatabases", {});
  for (const dbName of dbNames as readonly string[]) {
    const { collectionNames } = await call("ShowCollections", { dbName });
    for (const collectionName of collectionNames as readonly string[]) {
      const { aliases } = await call("ListAliases", { dbName, collectionName });
      for (const alias of aliases as readonly string[]) await call("DropAlias", { dbName, alias });
      await call("ReleaseCollection", { dbName, collectionName });
      await call("DropCollection", { dbName, collectionName });
    }
    if (dbName !== "default") await call("DropDatabase", { dbName });
  }
  await call("CreateCollection");
  await call("CreatePartition", { collectionName: TARGET, partitionName: "part" });
  await call("CreateIndex");
  await call("LoadCollection");
  await call("Insert");
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
