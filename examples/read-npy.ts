import { readFileSync } from "node:fs";

/** A matrix in row order; a file of float16 is widened. */
export interface Matrix<Data extends Float32Array | Int32Array> {
  readonly rows: number;
  readonly columns: number;
  readonly data: Data;
}

/** Reads NumPy's file format: two-dimensional, little-endian, float16 or float32. */
export function readVectors(file: string): Matrix<Float32Array> {
  const { type, body, ...shape } = parse(file);
  if (type === "<f2") return { ...shape, data: new Float32Array(new Float16Array(body)) };
  if (type === "<f4") return { ...shape, data: new Float32Array(body) };
  throw new Error(`${file} holds ${type}, not float16 or float32`);
}

/** The same for int32, the type of the files with the true neighbours. */
export function readIds(file: string): Matrix<Int32Array> {
  const { type, body, ...shape } = parse(file);
  if (type !== "<i4") throw new Error(`${file} holds ${type}, not int32`);
  return { ...shape, data: new Int32Array(body) };
}

function parse(file: string): { type: string; rows: number; columns: number; body: ArrayBuffer } {
  const bytes = readFileSync(file);
  if (bytes.toString("latin1", 0, 6) !== "\x93NUMPY") throw new Error(`${file} is not a .npy file`);
  const [lengthSize, lengthEnd] = bytes[6] === 1 ? ([2, 10] as const) : ([4, 12] as const);
  const start = lengthEnd + bytes.readUIntLE(8, lengthSize);
  const header = bytes.toString("latin1", lengthEnd, start);
  const [, type = ""] = /'descr': '([^']+)'/.exec(header) ?? [];
  const [, rows = "", columns = ""] = /'shape': \((\d+), (\d+)\)/.exec(header) ?? [];
  if (rows === "" || header.includes("'fortran_order': True")) {
    throw new Error(`${file} is not a matrix in row order`);
  }
  const body = new Uint8Array(bytes.subarray(start)).buffer;
  return { type, rows: Number(rows), columns: Number(columns), body };
}
