import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type { CompactionPlan } from "../../api/data-coord.ts";
import type { CompactionResult, DataNode } from "../../api/data-node.ts";
import type { DdlIntent } from "../../api/root-coord.ts";
import { Mutex } from "../../base/mutex.ts";
import { channelMisrouted } from "../../errors/meta-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { Epoch, FieldId, SegmentId, VChannel } from "../../model/ids.ts";
import type { Timestamp } from "../../model/timestamp.ts";
import type { WriteBatch, WriteResult } from "../../model/write-batch.ts";
import type { DataNodeDeps } from "./data-node-deps.ts";
import { DataNodeMetrics } from "./data-node-metrics.ts";
import { OwnedChannel } from "./owned-channel.ts";

/**
 * Hosts the owners of vchannels. Owns nothing durable: what it acknowledged is in the log, what it flushed in metadata. At a crash its
 * channels are taken over by another node (or its own next run) under a higher epoch.
 */
export class DataNodeRole implements DataNode {
  readonly #deps: DataNodeDeps;
  readonly #metrics: DataNodeMetrics;
  readonly #channels = new Map<VChannel, OwnedChannel>();
  readonly #opening = new Map<VChannel, Mutex>();
  #state: ComponentStateCode = "Initializing";

  constructor(deps: DataNodeDeps) {
    this.#deps = deps;
    this.#metrics = new DataNodeMetrics(deps.metrics, deps.nodeId, () => this.#channels.size);
  }

  start(): void {
    this.#state = "Healthy";
  }

  async stop(): Promise<void> {
    this.#state = "Stopping";
    await Promise.all([...this.#channels.values()].map(async (channel) => channel.close()));
    this.#channels.clear();
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "datanode", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return {
      name: "datanode",
      nodeId: this.#deps.nodeId,
      infos: { channels: this.#channels.size, nativeMemoryBytes: this.#deps.engine.memoryBytes() },
    };
  }

  async openChannel(
    ctx: CallContext,
    { vchannel }: { readonly vchannel: VChannel },
  ): Promise<{ readonly epoch: Epoch }> {
    const mutex = this.#opening.get(vchannel) ?? new Mutex();
    this.#opening.set(vchannel, mutex);
    return mutex.run(async () => {
      const open = this.#channels.get(vchannel);
      if (open !== undefined && open.serves) return { epoch: open.epoch };
      if (open !== undefined) await open.close();
      const channel = await OwnedChannel.open(this.#deps, this.#metrics, ctx, vchannel);
      this.#channels.set(vchannel, channel);
      return { epoch: channel.epoch };
    }, ctx.signal);
  }

  async closeChannel(_ctx: CallContext, { vchannel }: { readonly vchannel: VChannel }): Promise<void> {
    const mutex = this.#opening.get(vchannel);
    if (mutex === undefined) return;
    await mutex.run(async () => {
      const channel = this.#channels.get(vchannel);
      this.#channels.delete(vchannel);
      this.#opening.delete(vchannel);
      await channel?.close();
    });
  }

  async write(_ctx: CallContext, batch: WriteBatch): Promise<WriteResult> {
    return this.#channel(batch.vchannel).write(batch);
  }

  async closeTimestamp(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly at: Timestamp },
  ): Promise<{ readonly position: bigint }> {
    return { position: await this.#channel(request.vchannel).closeTimestamp(request.at) };
  }

  async pauseForDdl(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly intent: DdlIntent },
  ): Promise<void> {
    await this.#channel(request.vchannel).pause(request.intent);
  }

  async appendDdl(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly intent: DdlIntent },
  ): Promise<{ readonly position: bigint }> {
    return { position: await this.#channel(request.vchannel).appendDdl(request.intent) };
  }

  async cancelDdl(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly intentId: bigint },
  ): Promise<void> {
    this.#channels.get(request.vchannel)?.cancelDdl(request.intentId);
  }

  async sealSegments(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly segmentIds: readonly SegmentId[] },
  ): Promise<{ readonly sealed: readonly SegmentId[]; readonly at: Timestamp }> {
    return this.#channel(request.vchannel).sealSegments(request.segmentIds, ctx.signal);
  }

  async syncTarget(ctx: CallContext, { vchannel }: { readonly vchannel: VChannel }): Promise<void> {
    await this.#channel(vchannel).advance(ctx.signal);
  }

  async unseenRows(
    _ctx: CallContext,
    {
      vchannel,
      ...expiry
    }: { readonly vchannel: VChannel; readonly expiryField: FieldId; readonly at: Timestamp },
  ): Promise<readonly { readonly id: SegmentId; readonly rows: number }[]> {
    return this.#channel(vchannel).unseenRows(expiry);
  }

  async compact(ctx: CallContext, plan: CompactionPlan): Promise<CompactionResult> {
    return { planId: plan.id, output: await this.#channel(plan.vchannel).compact(plan, ctx.signal) };
  }

  #channel(vchannel: VChannel): OwnedChannel {
    const channel = this.#channels.get(vchannel);
    if (channel === undefined || !channel.serves)
      throw channelMisrouted(vchannel, "this node does not own it");
    return channel;
  }
}
