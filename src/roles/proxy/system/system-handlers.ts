import type { Component, ComponentState } from "../../../api/component.ts";
import { databaseNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { redkiteError } from "../../../errors/redkite-error.ts";
import { toRedkiteError } from "../../../errors/status.ts";
import { StateCode } from "../../../wire/enums.gen.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { systemInfo } from "./system-info.ts";

export const systemHandlers = {
  /** The identifier comes back as metadata of every later call of the client. */
  async Connect(call, request) {
    const databases = await call.deps.rootCoord.listDatabases(call.ctx, {});
    if (!databases.some(({ name }) => name === call.ctx.database)) {
      throw databaseNotFound(call.ctx.database);
    }
    const identifier = await call.deps.rootCoord.allocTimestamp(call.ctx, { count: 1, owner: undefined });
    const { clientInfo } = request;
    if (clientInfo !== undefined) {
      const info = { ...clientInfo, reserved: Object.fromEntries(clientInfo.reserved) };
      call.self.clients.register(identifier, info, call.deps.clock.nowMs());
    }
    const { build } = call.deps;
    return {
      identifier,
      serverInfo: {
        buildTags: build.milvusVersion,
        buildTime: build.builtAt,
        gitCommit: build.commit,
        goVersion: build.runtime,
        deployMode: build.deployMode,
        reserved: new Map([["redkite", build.version]]),
      },
    };
  },

  GetVersion(call) {
    return Promise.resolve({ version: call.deps.build.milvusVersion });
  },

  async CheckHealth(call) {
    const states = await Promise.all([
      ownState(call),
      ...coordinators(call).map((one) => stateOf(call, one)),
    ]);
    const reasons = states.filter(({ state }) => state !== "Healthy").map(unhealthy);
    return { isHealthy: reasons.length === 0, reasons };
  },

  async GetComponentStates(call) {
    const own = await ownState(call);
    const others = await Promise.all(coordinators(call).map((one) => stateOf(call, one)));
    return { state: toInfo(own), subcomponentStates: others.map(toInfo) };
  },

  async AllocTimestamp(call) {
    return { timestamp: await call.deps.rootCoord.allocTimestamp(call.ctx, { count: 1, owner: undefined }) };
  },

  async GetMetrics(call, request) {
    const type = metricType(request.request);
    if (type !== "system_info") throw redkiteError("metricNotFound", { fields: { metric: type } });
    const infos = await Promise.all(
      coordinators(call).map((one) => one.component.getMetrics(call.ctx, { type })),
    );
    return {
      response: JSON.stringify(systemInfo(call, infos)),
      componentName: `proxy${call.deps.nodeId}`,
    };
  },
} satisfies ServedHandlers;

interface NamedComponent {
  readonly role: string;
  readonly component: Component;
}

function coordinators({ deps }: ProxyCall): readonly NamedComponent[] {
  return [
    { role: "rootcoord", component: deps.rootCoord },
    { role: "datacoord", component: deps.dataCoord },
    { role: "querycoord", component: deps.queryCoord },
    { role: "indexcoord", component: deps.indexCoord },
  ];
}

function ownState(call: ProxyCall): Promise<ComponentState> {
  const { nodeId } = call.deps;
  return Promise.resolve({ nodeId, role: "proxy", state: call.self.state, reason: "" });
}

/** A coordinator that does not answer is one that is not healthy. */
async function stateOf(call: ProxyCall, { role, component }: NamedComponent): Promise<ComponentState> {
  try {
    return await component.getComponentStates(call.ctx, {});
  } catch (error) {
    const reason = toRedkiteError(error).message;
    return { nodeId: call.deps.nodeId, role, state: "Abnormal", reason };
  }
}

function unhealthy({ role, state, reason }: ComponentState): string {
  return `${role} is ${state}${reason === "" ? "" : `: ${reason}`}`;
}

function toInfo({ nodeId, role, state }: ComponentState): {
  readonly nodeID: bigint;
  readonly role: string;
  readonly stateCode: number;
} {
  return { nodeID: nodeId, role, stateCode: StateCode[state] };
}

/** The request holds JSON with a `metric_type`. */
function metricType(request: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(request);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw parameterInvalid(`the metrics request is not JSON: ${error.message}`);
  }
  const type =
    typeof parsed === "object" && parsed !== null
      ? (parsed as { readonly metric_type?: unknown }).metric_type
      : undefined;
  if (typeof type !== "string") throw parameterInvalid("metric_type not found in request");
  return type;
}
