import { SegmentFiles } from "../core/shard/segment-files.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { objectNotFound } from "../errors/storage-errors.ts";
import { decodeManifest } from "../format/manifest.ts";
import type { SegmentMeta } from "../model/segment-meta.ts";
import type { CollectionSchema } from "../model/schema.ts";
import type { Engine } from "../ports/engine.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { MetaChecker } from "./meta-check.ts";
import type { RunState } from "./run-state.ts";

/** Lets one bit of a stored file decay: the product's own verification must find it, and name the file. */
export async function checkRot(run: RunState, checker: MetaChecker, engine: Engine): Promise<void> {
  const random = run.world.random("rot");
  const objects = run.deployment.storedObjects();
  const segments = [...checker.segments.values()].filter((meta) => meta.state === "Flushed");
  for (let count = 0; count < ROTTEN_FILES && segments.length > 0; count++) {
    const meta = random.pick(segments);
    const schema = run.handles.find(({ info }) => info.id === meta.collectionId)?.info.schema;
    if (schema === undefined) continue;
    const file = random.pick(filesOf(meta, objects));
    const bytes = objects.get(file);
    if (bytes === undefined || bytes.length === 0) continue;
    const at = random.int(bytes.length);
    const mask = 1 << random.int(8);
    const whole = bytes[at] ?? 0;
    bytes[at] = whole ^ mask;
    run.coverage.fault("bit rot");
    const found = await verify(meta, schema, engine, storeOf(objects, engine));
    bytes[at] = whole;
    if (!isRedkiteError(found, "corrupted") || found.fields["file"] !== file)
      run.violation(`a flipped bit at byte ${at} of ${file} was answered with ${String(found)}`, found);
  }
}

async function verify(
  meta: SegmentMeta,
  schema: CollectionSchema,
  engine: Engine,
  objects: ObjectStore,
): Promise<unknown> {
  const files = new SegmentFiles(engine, objects);
  try {
    if (meta.manifest === undefined) return "no manifest";
    const segment = await files.open(await files.readManifest(meta.manifest), schema, "all");
    segment.close();
    return "success";
  } catch (error) {
    return error;
  }
}

function filesOf(meta: SegmentMeta, objects: ReadonlyMap<string, Uint8Array>): readonly string[] {
  const key = meta.manifest?.key ?? "";
  const bytes = objects.get(key);
  if (bytes === undefined) return [key];
  const { groups, keyIndex, ends } = decodeManifest(bytes);
  return [key, ...groups.map((group) => group.key), keyIndex.key, ...(ends === undefined ? [] : [ends.key])];
}

/** What is stored, read without any process or delay. */
function storeOf(objects: ReadonlyMap<string, Uint8Array>, engine: Engine): ObjectStore {
  const find = (key: string): Uint8Array => {
    const bytes = objects.get(key);
    if (bytes === undefined) throw objectNotFound(key);
    return bytes;
  };
  const refuse = async (): Promise<never> => {
    throw new TypeError("these objects are only read");
  };
  return {
    put: refuse,
    remove: refuse,
    list: refuse,
    get: async (key) => find(key).slice(),
    stat: async (key) => ({ bytes: find(key).length }),
    open: async (key) => {
      const bytes = find(key);
      const buffer = engine.allocate(bytes.length);
      buffer.bytes.set(bytes);
      return buffer;
    },
  };
}

const ROTTEN_FILES = 3;
