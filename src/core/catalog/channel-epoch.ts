import { fenced } from "../../errors/service-errors.ts";
import { defineMessage, field } from "../../format/message.ts";
import type { Epoch, VChannel } from "../../model/ids.ts";
import type { Compare } from "../../ports/meta-store.ts";
import type { Catalog, RecordKind } from "./catalog.ts";

/** Who may write to a vchannel: RootCoord raises it, DataCoord's commits compare it. */
export interface ChannelEpochRecord {
  readonly vchannel: string;
  readonly epoch: bigint;
  readonly owner: bigint;
}

export const CHANNEL_EPOCHS: RecordKind<ChannelEpochRecord> = {
  prefix: "root/epoch/",
  codec: defineMessage<ChannelEpochRecord>("ChannelEpoch", {
    vchannel: field(1, "string"),
    epoch: field(2, "uint64"),
    owner: field(3, "uint64"),
  }),
};

/** A comparison that fails once the channel has a newer epoch. Throws `fenced` when it has one already. */
export async function compareEpoch(catalog: Catalog, vchannel: VChannel, epoch: Epoch): Promise<Compare> {
  const key = CHANNEL_EPOCHS.prefix + vchannel;
  const entry = await catalog.entry(key);
  const current = entry === undefined ? 0n : CHANNEL_EPOCHS.codec.decode(entry.value).epoch;
  if (entry === undefined || current !== epoch)
    throw fenced({ of: `channel ${vchannel}`, held: epoch, current });
  return { key, target: "modRevision", equals: entry.modRevision };
}
