import { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { decode, encode, type MessageName } from "./codec.ts";
import { randomMessage } from "./oracle.testing.ts";
import { milvusRpcs } from "./service.ts";

export interface FuzzResult {
  /** Inputs that decoded. */
  accepted: number;
  /** Inputs that were refused with a parameterInvalid. */
  refused: number;
}

/**
 * Decodes damaged copies of valid messages. Throws when decoding does anything but return a message, which must then
 * encode and decode to the same bytes again, or refuse with parameterInvalid.
 */
export function fuzzMessages(seed: number, inputs: number): FuzzResult {
  const random = Prng.fromSeed(`messages ${seed}`);
  const names = milvusRpcs().flatMap((rpc) => [rpc.request, rpc.response]);
  const result: FuzzResult = { accepted: 0, refused: 0 };
  for (let i = 0; i < inputs; i++) {
    const name = names[random.int(names.length)] as MessageName;
    const valid = encode(name, randomMessage(random, `milvus.proto.${name}`, 3) as never);
    tryDecode(name, damage(random, valid), result);
  }
  return result;
}

function tryDecode(name: MessageName, bytes: Uint8Array, result: FuzzResult): void {
  let message;
  try {
    message = decode(name, bytes);
  } catch (error) {
    if (!isRedkiteError(error, "parameterInvalid")) throw withInput(name, bytes, error);
    result.refused += 1;
    return;
  }
  result.accepted += 1;
  const once = encode(name, message as never);
  const twice = encode(name, decode(name, once) as never);
  if (once.length !== twice.length || once.some((byte, at) => byte !== twice[at])) {
    throw withInput(name, bytes, new Error("encoding is not stable"));
  }
}

function withInput(name: string, bytes: Uint8Array, cause: unknown): Error {
  return new Error(`${name} ${bytes.toHex()}`, { cause });
}

function damage(random: Prng, valid: Uint8Array): Uint8Array {
  const bytes = valid.slice();
  for (let hits = random.int(4); hits > 0 && bytes.length > 0; hits--) {
    const at = random.int(bytes.length);
    switch (random.int(5)) {
      case 0:
        bytes[at] = random.int(256);
        break;
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << random.int(8));
        break;
      case 2:
        return bytes.subarray(0, at);
      case 3:
        bytes.copyWithin(at, random.int(bytes.length), random.int(bytes.length) + 1);
        break;
      default:
        bytes.fill(0xff, at, at + random.int(12));
    }
  }
  return bytes;
}
