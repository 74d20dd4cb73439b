import type { CallContext } from "../model/call-context.ts";
import type { NodeId } from "../model/ids.ts";

export type ComponentStateCode = "Initializing" | "Healthy" | "Abnormal" | "StandBy" | "Stopping";

export interface ComponentState {
  readonly nodeId: NodeId;
  readonly role: string;
  readonly state: ComponentStateCode;
  readonly reason: string;
}

/** Every role serves it (R71, R270). */
export interface Component {
  getComponentStates(ctx: CallContext, request: Record<string, never>): Promise<ComponentState>;
  /** system_info of one component: hardware, versions, configuration, counts; JSON-ready. */
  getMetrics(ctx: CallContext, request: { readonly type: string }): Promise<ComponentMetrics>;
}

export interface ComponentMetrics {
  readonly name: string;
  readonly nodeId: NodeId;
  readonly infos: Readonly<Record<string, string | number | boolean>>;
}

export const componentMethods = {
  getComponentStates: { idempotent: true },
  getMetrics: { idempotent: true },
} as const;
