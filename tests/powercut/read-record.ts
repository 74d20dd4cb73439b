import { readFileSync } from "node:fs";

/** One call that changed a file, or a note of the test, in the order in which they took effect (recorder.c). */
export type FileCall =
  | { readonly call: "create" | "mkdir"; readonly inode: number; readonly path: string }
  | { readonly call: "write"; readonly inode: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly call: "zeros"; readonly inode: number; readonly offset: number; readonly length: number }
  | { readonly call: "truncate"; readonly inode: number; readonly size: number }
  | { readonly call: "syncing" | "synced"; readonly inode: number; readonly token: string }
  | { readonly call: "rename"; readonly from: string; readonly to: string }
  | { readonly call: "remove"; readonly path: string }
  | { readonly call: "note"; readonly text: string }
  | { readonly call: "violation"; readonly text: string };

/** Reads a whole record. Syncs of several processes keep their tokens apart by the notes between them: `process` counts those. */
export function readRecord(file: string): FileCall[] {
  const bytes = readFileSync(file);
  const calls: FileCall[] = [];
  let process = 0;
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    const call = decode(bytes.subarray(at + 4, at + length), process);
    if (call.call === "note" && call.text === NEW_PROCESS) process += 1;
    calls.push(call);
    at += length;
  }
  return calls;
}

/** The note before each start of a recorded process. */
export const NEW_PROCESS = "process";

/** A note as it lies in the record: appended by the test itself, in one write. */
export function encodeNote(text: string): Uint8Array {
  const body = Buffer.from(text);
  const record = Buffer.alloc(5 + body.length);
  record.writeUInt32LE(record.length, 0);
  record[4] = NOTE;
  body.copy(record, 5);
  return record;
}

const NOTE = 10;

function decode(record: Buffer, process: number): FileCall {
  const rest = record.subarray(1);
  const number = (at: number) => Number(rest.readBigUInt64LE(at));
  const text = (from: number) => rest.toString("utf8", from);
  switch (record[0]) {
    case 1:
      return { call: "create", inode: number(0), path: text(8) };
    case 2:
      return { call: "mkdir", inode: number(0), path: text(8) };
    case 3:
      return { call: "write", inode: number(0), offset: number(8), bytes: rest.subarray(16) };
    case 4:
      return { call: "zeros", inode: number(0), offset: number(8), length: number(16) };
    case 5:
      return { call: "truncate", inode: number(0), size: number(8) };
    case 6:
      return { call: "syncing", inode: number(0), token: `${process}-${number(8)}` };
    case 7:
      return { call: "synced", inode: number(0), token: `${process}-${number(8)}` };
    case 8: {
      const length = rest.readUInt32LE(0);
      return { call: "rename", from: rest.toString("utf8", 4, 4 + length), to: text(4 + length) };
    }
    case 9:
      return { call: "remove", path: text(0) };
    case NOTE:
      return { call: "note", text: text(0) };
    case 11:
      return { call: "violation", text: text(0) };
    default:
      throw new Error(`record of type ${record[0]}`);
  }
}
