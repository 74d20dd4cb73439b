import { open, readFile } from "node:fs/promises";

/** Rows and columns of a two-dimensional .npy file. */
export async function npyShape(file: string): Promise<readonly [rows: number, columns: number]> {
  const handle = await open(file);
  try {
    const head = Buffer.alloc(128);
    await handle.read(head, 0, head.length, 0);
    return shapeIn(head);
  } finally {
    await handle.close();
  }
}

/** The numbers of an int32 .npy file. */
export async function readNpyInts(file: string): Promise<Int32Array> {
  const bytes = await readFile(file);
  const [rows, columns] = shapeIn(bytes);
  const start = bytes.length - rows * columns * 4;
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}

function shapeIn(bytes: Buffer): readonly [rows: number, columns: number] {
  const shape = /'shape': \((\d+), (\d+)\)/.exec(bytes.subarray(0, 128).toString("latin1"));
  if (shape === null) throw new Error("not a two-dimensional .npy file");
  return [Number(shape[1]), Number(shape[2])];
}
