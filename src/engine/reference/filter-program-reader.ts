import { corrupted } from "../../errors/service-errors.ts";
import {
  FILTER_HEADER_BYTES,
  FILTER_MAGIC,
  FILTER_OP_BYTES,
  FILTER_OPS_MAX,
  FILTER_REGISTERS_MAX,
  FILTER_VERSION,
  FilterOp,
} from "../../model/filter-program.ts";

/** One operation of a program, its constant cut out of the pool. */
export interface FilterOperation {
  readonly opcode: FilterOp;
  readonly comparison: number;
  readonly arithmetic: number;
  readonly flags: number;
  readonly target: number;
  readonly a: number;
  readonly b: number;
  readonly constantKind: number;
  readonly field: number;
  readonly secondField: number;
  readonly constant: Uint8Array;
}

const opcodes = new Set<number>(Object.values(FilterOp));

/** Reads docs/internals/filter-program.md. Throws corrupted for anything outside of its layout. */
export function readFilterProgram(bytes: Uint8Array): readonly FilterOperation[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < FILTER_HEADER_BYTES) badProgram(`${bytes.length} bytes are less than a header`);
  if (view.getUint32(0, true) !== FILTER_MAGIC) badProgram("the magic is not RKFP");
  if (view.getUint16(4, true) !== FILTER_VERSION)
    badProgram(`version ${view.getUint16(4, true)} is not known`);
  const registers = view.getUint16(6, true);
  const count = view.getUint32(8, true);
  const poolBytes = view.getUint32(12, true);
  if (registers < 1 || registers > FILTER_REGISTERS_MAX) badProgram(`${registers} registers`);
  if (count < 1 || count > FILTER_OPS_MAX) badProgram(`${count} operations`);
  const poolStart = FILTER_HEADER_BYTES + count * FILTER_OP_BYTES;
  if (poolStart + poolBytes !== bytes.length) {
    badProgram(`${count} operations and ${poolBytes} bytes of constants are not ${bytes.length} bytes`);
  }
  const pool = bytes.subarray(poolStart);
  const written = new Set<number>();
  const operations: FilterOperation[] = [];
  for (let i = 0; i < count; i++) {
    const at = FILTER_HEADER_BYTES + i * FILTER_OP_BYTES;
    const opcode = view.getUint8(at);
    if (!opcodes.has(opcode)) badProgram(`operation ${i} has opcode ${opcode}`);
    const offset = view.getUint32(at + 20, true);
    const length = view.getUint32(at + 24, true);
    if (offset + length > poolBytes) badProgram(`operation ${i} has a constant behind the pool's end`);
    const operation: FilterOperation = {
      opcode: opcode as FilterOp,
      comparison: view.getUint8(at + 1),
      arithmetic: view.getUint8(at + 2),
      flags: view.getUint8(at + 3),
      target: view.getUint16(at + 4, true),
      a: view.getUint16(at + 6, true),
      b: view.getUint16(at + 8, true),
      constantKind: view.getUint16(at + 10, true),
      field: view.getUint32(at + 12, true),
      secondField: view.getUint32(at + 16, true),
      constant: pool.subarray(offset, offset + length),
    };
    checkRegisters(operation, i, registers, written);
    written.add(operation.target);
    operations.push(operation);
  }
  if (!written.has(0)) badProgram("register 0, the result, is never written");
  return operations;
}

/** A program that was not lowered from any expression: our bug or damaged memory, never a user's mistake. */
export function badProgram(problem: string): never {
  throw corrupted({ file: "filter program", problem });
}

function checkRegisters(
  operation: FilterOperation,
  index: number,
  registers: number,
  written: Set<number>,
): void {
  const { opcode, target, a, b } = operation;
  if (target >= registers) badProgram(`operation ${index} writes register ${target} of ${registers}`);
  const reads =
    opcode === FilterOp.And || opcode === FilterOp.Or ? [a, b] : opcode === FilterOp.Not ? [a] : [];
  for (const register of reads) {
    if (!written.has(register))
      badProgram(`operation ${index} reads register ${register} before it is written`);
  }
}
