import { privilegeNotAuthenticated } from "../../errors/parameter-errors.ts";
import { serviceNotReady } from "../../errors/service-errors.ts";
import type { MessageName } from "../../wire/codec.ts";
import type { MessageTypes } from "../../wire/messages.gen.ts";
import type { ActiveCall } from "./active-call.ts";
import type { ProxyMetrics } from "./proxy-metrics.ts";
import type { RpcName } from "./rpc-specs.ts";
import type { TaskQueue } from "./task-queue.ts";

export type AnyRequest = MessageTypes[MessageName];
/** Answers, throws, or lets the rest of the way answer. */
export type Interceptor = (call: ActiveCall, request: AnyRequest, next: Next) => Promise<unknown>;
export type Next = () => Promise<unknown>;

/** RPCs that a proxy answers in every state, because they ask for it. */
const answeredWhileUnhealthy: ReadonlySet<RpcName> = new Set<RpcName>([
  "GetComponentStates",
  "CheckHealth",
  "GetVersion",
]);

/** First of all (R111): an unhealthy proxy says so at once, and nothing waits for it. */
export const checkHealth: Interceptor = (call, _, next) => {
  const { state } = call.self;
  if (state !== "Healthy" && !answeredWhileUnhealthy.has(call.row.name)) {
    return Promise.reject(serviceNotReady({ role: "proxy", nodeId: call.deps.nodeId, state }));
  }
  return next();
};

/** RPCs whose `db_name` is the database that they are about, not the one that they work in. */
const aboutDatabases: ReadonlySet<RpcName> = new Set<RpcName>([
  "CreateDatabase",
  "DropDatabase",
  "AlterDatabase",
  "DescribeDatabase",
]);

/** The request's database, else the connection's (metadata `dbname`), else `default` (R112). */
export const resolveDatabase: Interceptor = (call, _, next) => {
  const own = aboutDatabases.has(call.row.name) ? "" : call.target.database;
  const database = own !== "" ? own : (call.incoming.metadata.get("dbname") ?? "");
  if (database !== "") call.enter({ database });
  return next();
};

/** Connect carries no credentials of a user yet in some clients, but Milvus asks for them all the same. */
export const authenticate: Interceptor = async (call, _, next) => {
  const { authenticator } = call.deps;
  const principal = await authenticator.authenticate(
    credentials(call.incoming.metadata.get("authorization")),
  );
  call.enter({ principal });
  const { privilege, objectType } = call.row.access;
  if (privilege !== undefined) {
    const { database } = call.ctx;
    const objectNames = objectType === "Global" ? ["*"] : call.target.objects(objectType);
    await authenticator.authorize({ principal, rpc: call.rpc, privilege, objectType, database, objectNames });
  }
  return next();
};

export function limitRate(metrics: ProxyMetrics): Interceptor {
  return (call, request, next) => {
    const { row, deps } = call;
    if (row.quota === "none") return next();
    metrics.limited(call.rpc, "total");
    try {
      deps.limiter.check({
        rpc: call.rpc,
        quota: row.quota,
        database: call.ctx.database,
        collection: call.target.collection,
        cost: row.cost(request, call.requestBytes),
      });
    } catch (error) {
      metrics.limited(call.rpc, "fail");
      return Promise.reject(error);
    }
    metrics.limited(call.rpc, "success");
    return next();
  };
}

/** The queues of R122; lookups have one of their own, so that a flood of them is refused, too. */
export type TaskQueues = Readonly<Record<"ddl" | "dml" | "dql" | "lookup", TaskQueue>>;

export function enqueue(queues: TaskQueues): Interceptor {
  return (call, _, next) => {
    const { queue } = call.row;
    const signal = (): AbortSignal => call.ctx.signal;
    if (queue === "schema") return queues.ddl.run(next, signal, call.ctx.database);
    return queues[queue].run(next, signal);
  };
}

/** What `authorization` holds: base64 of `user:password`, or an API key as it is. */
function credentials(header: string | undefined): string | undefined {
  if (header === undefined || header === "") return undefined;
  const token = header.startsWith("Bearer ") ? header.slice("Bearer ".length) : header;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(atob(token), (character) => character.charCodeAt(0)),
    );
  } catch (error) {
    if (error instanceof DOMException || error instanceof TypeError) {
      throw privilegeNotAuthenticated("the authorization metadata is not base64 of user:password");
    }
    throw error;
  }
}
