import type { RedkiteError } from "../../../errors/redkite-error.ts";

/** What an operator should hear of. The composition root logs it. */
export type WalEvent =
  /** A torn end of the log, from a crash during a write; nothing acknowledged was in it. */
  | {
      readonly event: "tailMovedAside";
      readonly file: string;
      readonly offset: number;
      readonly copy: string;
      readonly bytes: number;
    }
  /** A topic cannot be read behind `position`. */
  | {
      readonly event: "topicDamaged";
      readonly topic: string;
      readonly position: bigint;
      readonly error: RedkiteError;
    }
  /** A write or sync failed; the log goes on in a new file. */
  | { readonly event: "fileFailed"; readonly file: string; readonly error: unknown }
  | { readonly event: "diskFull"; readonly error: RedkiteError }
  | { readonly event: "roomAgain" }
  /** Old files could not be removed, or new ones not be made ahead; tried again later. */
  | { readonly event: "housekeepingFailed"; readonly error: unknown };

export type WalReport = (event: WalEvent) => void;
