/**
 * Writes the golden index files that are not there yet: `node scripts/with-setup.mjs tests/golden/make-index-files.ts`. One that is there is
 * what a release wrote, and stays as it is.
 */
import { access, writeFile } from "node:fs/promises";
import path from "node:path";
import { NativeEngine } from "../../src/engine/native-engine.ts";
import { buildSample, INDEX_SAMPLES, sampleSegment } from "./index-samples.ts";

export async function main(): Promise<number> {
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  for (const sample of INDEX_SAMPLES) {
    const target = path.join(import.meta.dirname, "format", sample.file);
    const isThere = await access(target).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    const segment = await sampleSegment(engine, sample.field);
    const built = await buildSample(engine, segment, sample);
    await writeFile(target, built.bytes);
    built.close();
    segment.close();
    console.log(`wrote ${path.relative(process.cwd(), target)}`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = await main();
