import { FuzzFinding, type FuzzTarget, describe } from "../fuzz-target.ts";
import { fuzzFileWal } from "../../../src/adapters/stream/file-wal/file-wal.fuzz.ts";
import { fuzzExpressions } from "../../../src/expr/expr.fuzz.ts";
import { fuzzGrpcFrames } from "../../../src/transport/grpc-frames.fuzz.ts";
import { fuzzMessages } from "../../../src/wire/messages.fuzz.ts";

/**
 * Fuzzers that live beside what they try. They make a run of inputs from one seed, so here a block of inputs has a seed of its own,
 * and a finding names the block and, in its message, the input in it.
 */
export const PUBLIC_INPUT_TARGETS: readonly FuzzTarget[] = [
  blocks("http2-frames", 20_000, 2_000, async (seed, count) => {
    const { answered, endedConnections } = await fuzzGrpcFrames({ seed, count });
    return { accepted: answered, refused: endedConnections };
  }),
  blocks("messages", 10_000, 20_000, async (seed, count) => fuzzMessages(seed, count)),
  blocks("expressions", 5_000, 20_000, async (seed, count) => {
    const { inputs, accepted } = fuzzExpressions(seed, count);
    return { accepted, refused: inputs - accepted };
  }),
  blocks("wal-folders", 2_000, 1_000, async (seed, count) => {
    const { opened, refused } = await fuzzFileWal({ seed, count });
    return { accepted: opened, refused };
  }),
];

type Block = (
  seed: number,
  count: number,
) => Promise<{ readonly accepted: number; readonly refused: number }>;

function blocks(name: string, blockInputs: number, shortInputs: number, run: Block): FuzzTarget {
  return {
    name,
    shortInputs,
    open: async (seed) => ({
      batchMax: blockInputs,
      async run(from, count, tally) {
        tally.begin(from);
        const started = performance.now();
        try {
          const { accepted, refused } = await run(blockSeed(seed, from), count);
          tally.accepted += accepted;
          tally.refused += refused;
        } catch (error) {
          throw new FuzzFinding(from, describe(error), { cause: error, inputs: count });
        }
        // These check the time of each input themselves, or run so many in a block that its mean says enough.
        tally.slowestMs = Math.max(tally.slowestMs, (performance.now() - started) / count);
        await new Promise((resolve) => setImmediate(resolve));
      },
    }),
  };
}

const blockSeed = (seed: number, from: number): number => seed * 1_000_003 + from;
