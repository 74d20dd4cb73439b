// Tells whether the built addon belongs to the engine's sources, fast: by `stat` first, by content after a checkout.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

/** What the addon is made of; a change of any of these files makes it stale. */
const sourceFolders = ["engine/include", "engine/src", "engine/binding"];
const recipeFiles = ["scripts/build-engine.mjs", "scripts/engine-flags.mjs"];

export const addonPath = (root) => path.join(root, "engine", "build", "redkite.node");

const stampPath = (root) => path.join(root, "engine", "build", "stamp.json");

/** True also where there is no engine to build (nothing under engine/binding). */
export async function engineIsCurrent(root) {
  if (filesUnder(root, "engine/binding").length === 0) return true;
  if (!existsSync(addonPath(root))) return false;
  const stamp = readStamp(root);
  if (stamp === undefined) return false;
  const files = engineSources(root);
  const stats = statKey(root, files);
  if (stamp.stats === stats) return true;
  if (stamp.contents !== (await contentKey(root, files))) return false;
  writeFileSync(stampPath(root), JSON.stringify({ contents: stamp.contents, stats }));
  return true;
}

/** @returns {Promise<{ contents: string, stats: string }>} taken before a build, so that an edit during it leaves the addon stale */
export async function currentStamp(root) {
  const files = engineSources(root);
  return { contents: await contentKey(root, files), stats: statKey(root, files) };
}

export function writeStamp(root, stamp) {
  writeFileSync(stampPath(root), JSON.stringify(stamp));
}

function engineSources(root) {
  const files = recipeFiles.filter((file) => existsSync(path.join(root, file)));
  for (const folder of sourceFolders) {
    files.push(...filesUnder(root, folder).filter((file) => /\.(cc|h|hpp|inc)$/.test(file)));
  }
  return files.sort();
}

function statKey(root, files) {
  const parts = files.map((file) => {
    const { size, mtimeMs } = statSync(path.join(root, file));
    return `${file}:${size}:${mtimeMs}`;
  });
  return `${process.platform}-${process.arch} ${parts.join(" ")}`;
}

/** Loads node:crypto only here: that takes 5 ms, which every start would pay. */
async function contentKey(root, files) {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`);
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(path.join(root, file)));
  return hash.digest("hex");
}

function readStamp(root) {
  try {
    return JSON.parse(readFileSync(stampPath(root), "utf8"));
  } catch {
    return undefined;
  }
}

/** Paths relative to the repository, sorted; none where the folder does not exist. (`recursive` needs Node 18.17.) */
export function filesUnder(root, folder) {
  const absolute = path.join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesUnder(root, name) : [name];
    })
    .sort();
}
