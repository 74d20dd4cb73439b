/**
 * Power cuts: records every file call of a real server under load, below everything in the process, turns the record into images of
 * what a power cut at any moment may leave, starts a server on each, and checks that nothing acknowledged is lost.
 *
 *     npm run powercut -- --images 1000        how many images; 100 when not given
 *     npm run powercut -- --seed 7             another workload and other moments
 *     npm run powercut -- --no-sync            a server whose syncs do nothing: must fail
 *     npm run powercut -- --keep               keeps the folders of failed images
 *
 * Also checks itself: on a record without syncs it must find losses.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Prng } from "../src/base/prng.ts";
import { SOAK_SETTINGS } from "./load/soak-settings.ts";
import { checkImage } from "./powercut/check-image.ts";
import { DiskModel, type ImageFolder } from "./powercut/disk-model.ts";
import { Expectation, type WorkNote } from "./powercut/expectation.ts";
import { NEW_PROCESS } from "./powercut/read-record.ts";
import { recordWorkload, type RecordedWorkload } from "./powercut/record-workload.ts";
import { writeImage } from "./powercut/write-image.ts";

const IMAGES = 100;
const SELF_CHECK_IMAGES = 10;
const SECONDS_PER_PHASE = 5;
const ACKNOWLEDGED_PER_PHASE = 150;
/** Every so many images are started twice. */
const AGAIN_EVERY = 10;
const IMAGES_AT_ONCE = 2;
const FAILURES_SHOWN = 5;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      images: { type: "string", default: String(IMAGES) },
      seed: { type: "string", default: "1" },
      "no-sync": { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  process.on("unhandledRejection", ignoreLostConnections);
  const home = mkdtempSync(path.join(tmpdir(), "redkite-powercut-"));
  const seed = Number(values.seed);
  const images = Number(values.images);
  const kept = values.keep ? path.join(home, "kept") : undefined;
  try {
    const sync = values["no-sync"] ? "off" : "on";
    const result = await run({ home: path.join(home, sync), seed, images, sync, kept });
    if (result.failures > 0) {
      console.log(`${result.failures} of ${images} images lost something; seed ${seed}`);
      return 1;
    }
    if (sync === "on") {
      const check = await run({
        home: path.join(home, "off"),
        seed,
        images: SELF_CHECK_IMAGES,
        sync: "off",
        kept: undefined,
        // One is enough, and a server may take long to give such a folder up.
        untilLoss: true,
      });
      if (check.failures === 0) {
        console.log("the check of the check failed: without syncs nothing was found to be lost");
        return 1;
      }
    }
    console.log(`${images} images recovered, nothing acknowledged lost`);
    return 0;
  } finally {
    if (kept === undefined) rmSync(home, { recursive: true, force: true });
  }
}

interface RunOptions {
  readonly home: string;
  readonly seed: number;
  readonly images: number;
  readonly sync: "on" | "off";
  /** Ends with the first image that lost something. */
  readonly untilLoss?: boolean;
  /** Where images that lost something are copied. */
  readonly kept: string | undefined;
}

async function run(options: RunOptions): Promise<{ readonly failures: number }> {
  const { home, seed, images, sync, kept, untilLoss = false } = options;
  const recorded = await recordWorkload({
    home,
    seed,
    sync,
    secondsPerPhase: SECONDS_PER_PHASE,
    acknowledgedPerPhase: ACKNOWLEDGED_PER_PHASE,
    settings: SOAK_SETTINGS,
  });
  console.log(`recorded with syncs ${sync}: ${describe(recorded)}`);
  const cuts = powerCuts(recorded, images, Prng.fromSeed(seed).fork("cuts"));
  const total = { failures: 0, made: 0 };
  const worker = async (): Promise<void> => {
    for (let cut = cuts.next(); cut.done !== true; cut = cuts.next()) {
      if (untilLoss && total.failures > 0) return;
      const number = total.made++;
      const folder = path.join(home, `image-${number}`);
      writeImage(cut.value.image, folder);
      const again = number % AGAIN_EVERY === 0;
      const unharmed = kept === undefined ? undefined : path.join(kept, `${sync}-${number}`);
      if (unharmed !== undefined) cpSync(folder, unharmed, { recursive: true });
      const problems = await checkImage(path.join(folder, "data"), cut.value.expectation, { again });
      rmSync(folder, { recursive: true, force: true });
      if (problems.length === 0) {
        if (unharmed !== undefined) rmSync(unharmed, { recursive: true });
        continue;
      }
      if (total.failures++ >= FAILURES_SHOWN || sync === "off") continue;
      console.log(`image ${number}, cut after call ${cut.value.at}:`);
      for (const problem of problems.slice(0, FAILURES_SHOWN)) console.log(`  ${problem}`);
      if (unharmed !== undefined) console.log(`  kept as ${unharmed}`);
    }
  };
  await Promise.all(Array.from({ length: IMAGES_AT_ONCE }, worker));
  console.log(`${total.made} images with syncs ${sync}: ${total.failures} lost something`);
  return total;
}

interface PowerCut {
  readonly at: number;
  readonly image: ImageFolder;
  readonly expectation: Expectation;
}

/** Images in the order of their moments, each made when it is asked for. */
function* powerCuts(recorded: RecordedWorkload, images: number, rng: Prng): Generator<PowerCut> {
  const { calls, root } = recorded;
  const moments = Array.from({ length: images }, () => rng.int(calls.length + 1)).toSorted((a, b) => a - b);
  const model = new DiskModel(root);
  const notes: WorkNote[] = [];
  let at = 0;
  for (const moment of moments) {
    for (; at < moment; at++) {
      const call = calls[at];
      if (call === undefined) break;
      model.apply(call);
      if (call.call === "note" && call.text !== NEW_PROCESS) notes.push(JSON.parse(call.text) as WorkNote);
    }
    const expectation = new Expectation();
    for (const note of notes) expectation.apply(note);
    yield { at, image: model.survivor(rng), expectation };
  }
}

function describe({ calls }: RecordedWorkload): string {
  const count = (name: string) => calls.filter(({ call }) => call === name).length;
  const notes = calls.flatMap((call) =>
    call.call === "note" && call.text !== NEW_PROCESS ? [call.text] : [],
  );
  const acknowledged = notes.filter((text) => text.startsWith('{"acknowledged"')).length;
  return `${calls.length} calls, of them ${count("write") + count("zeros")} writes, ${count("synced")} syncs, ${count("rename")} renames, ${count("remove")} removals; ${acknowledged} requests acknowledged`;
}

/** The SDK lets go of promises of its own when a server is killed. */
function ignoreLostConnections(reason: unknown): void {
  const lost = reason instanceof Error && "code" in reason && GRPC_LOST.includes(Number(reason.code));
  if (!lost) throw reason;
}

/** CANCELLED, UNAVAILABLE, and DEADLINE_EXCEEDED where the machine is busy: the calls that we make fail by themselves. */
const GRPC_LOST: readonly number[] = [1, 4, 14];

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
