import { FileWal } from "../../adapters/stream/file-wal/file-wal.ts";
import type { WalEvent } from "../../adapters/stream/file-wal/wal-events.ts";
import type { Checksum } from "../../base/crc32c.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { decodeLogRecord } from "../../format/log-record.ts";
import { decodeRowBatch } from "../../format/row-batch.ts";
import type { ChannelMeta } from "../../model/segment-meta.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Disk } from "../../ports/disk.ts";
import { POSITION_ZERO, type Position } from "../../ports/message-stream.ts";
import { collectionName, type Inventory } from "./check-metadata.ts";
import { problemOf, type Findings } from "./findings.ts";

export interface LogCounts {
  readonly topics: number;
  /** Behind the checkpoints: what a start replays. */
  readonly records: number;
  readonly rows: number;
}

const FOLDER = "log";
const RESTORE =
  "restore the folder from a backup; without one, what was written to these collections since their last flush is lost, and dropping them lets the others go on";

/**
 * Reads the whole log as a start would, without repairing it, and decodes what lies behind the checkpoints.
 *
 * @param disk changes to it are dropped
 */
export async function checkLog(
  { disk, clock, checksum }: { readonly disk: Disk; readonly clock: Clock; readonly checksum: Checksum },
  inventory: Inventory,
  findings: Findings,
): Promise<LogCounts> {
  let wal: FileWal;
  try {
    const report = (event: WalEvent): void => noteEvent(event, findings);
    wal = await FileWal.open({ disk, folder: FOLDER, clock, checksum, report });
  } catch (error) {
    const file = isRedkiteError(error) ? (error.fields["file"] ?? FOLDER) : FOLDER;
    findings.damage({ file, concerns: "all collections", problem: problemOf(error), remedy: RESTORE });
    return { topics: 0, records: 0, rows: 0 };
  }
  try {
    const names = new Set(wal.topicNames);
    const counts = { topics: names.size, records: 0, rows: 0 };
    for (const channel of inventory.channels) {
      if (channel.dropped) continue;
      const concerns = `${collectionName(inventory, channel.collectionId)}, channel ${channel.vchannel}`;
      if (names.delete(channel.vchannel)) {
        const { records, rows } = await checkTopic(wal, channel, { concerns, findings });
        counts.records += records;
        counts.rows += rows;
      } else {
        findings.damage({
          file: FOLDER,
          concerns,
          problem: "the log of this channel is missing",
          remedy: RESTORE,
        });
      }
    }
    for (const channel of inventory.channels) names.delete(channel.vchannel);
    for (const name of names) {
      findings.note({
        file: FOLDER,
        concerns: undefined,
        problem: `the topic ${name} belongs to no channel`,
        remedy:
          "nothing: its collection was being made or dropped when the server ended, and a start finishes that",
      });
    }
    return counts;
  } finally {
    await wal.close();
  }
}

/** Decodes every record behind the channel's checkpoint. */
async function checkTopic(
  wal: FileWal,
  { vchannel, checkpoint }: ChannelMeta,
  { concerns, findings }: { readonly concerns: string; readonly findings: Findings },
): Promise<{ readonly records: number; readonly rows: number }> {
  const counts = { records: 0, rows: 0 };
  const last = await wal.lastPosition(vchannel);
  if (last < checkpoint.position) {
    const problem = `the log ends at position ${last}, before the checkpoint ${checkpoint.position}: its end is missing`;
    findings.damage({ file: FOLDER, concerns, problem, remedy: RESTORE });
    return counts;
  }
  let at: Position = checkpoint.position === 0n ? POSITION_ZERO : checkpoint.position;
  const stop = new AbortController();
  try {
    if (at >= last) return counts;
    for await (const batch of wal.read(vchannel, at, stop.signal)) {
      for (const { position, payload } of batch) {
        at = position;
        const record = decodeLogRecord(payload);
        counts.records += 1;
        if (record.type !== "rows") continue;
        for (const insert of record.inserts) counts.rows += decodeRowBatch(insert.batch).rows;
      }
      if (at >= last) break;
    }
  } catch (error) {
    const file = isRedkiteError(error) ? (error.fields["file"] ?? FOLDER) : FOLDER;
    const problem = `behind position ${at}: ${problemOf(error)}`;
    findings.damage({ file, concerns, problem, remedy: RESTORE });
  } finally {
    stop.abort();
  }
  return counts;
}

function noteEvent(event: WalEvent, findings: Findings): void {
  // Damage of a topic is found again, and said with its collection, when the topic is read.
  if (event.event !== "tailMovedAside") return;
  findings.note({
    file: event.file,
    concerns: undefined,
    problem: `${event.bytes} bytes from ${event.offset} on are a write that a crash cut short; it was never acknowledged`,
    remedy: "nothing: the next start moves them to log/damaged",
  });
}
