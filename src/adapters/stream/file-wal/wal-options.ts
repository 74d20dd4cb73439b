/** Sizes and bounds of a FileWal. */
export interface WalOptions {
  /** Size of a log file, unless one record needs more. */
  readonly segmentBytes: number;
  /** Frames written and synced together, about. */
  readonly batchBytesMax: number;
  /** One record. */
  readonly recordBytesMax: number;
  /** Payload bytes that wait for the disk; appends beyond it are refused. */
  readonly waitingBytesMax: number;
  /** Records, creations, drops and truncations that wait. */
  readonly waitingMax: number;
  /** A batch for a reader, about. */
  readonly readBytes: number;
  /** Pause between attempts to write to a full or failed disk. */
  readonly retryMs: number;
  readonly topicsMax: number;
}

export const WAL_OPTIONS: WalOptions = {
  segmentBytes: 16 << 20,
  batchBytesMax: 8 << 20,
  recordBytesMax: 64 << 20,
  waitingBytesMax: 256 << 20,
  waitingMax: 65_536,
  readBytes: 1 << 20,
  retryMs: 1_000,
  topicsMax: 65_536,
};
