import type { ObjectStore } from "../../ports/object-store.ts";

/** All keys below the prefix in order, asked for a page at a time. Objects may come and go meanwhile. */
export async function* objectKeys(objects: ObjectStore, prefix: string): AsyncIterable<string> {
  let after = "";
  for (;;) {
    const keys = await objects.list(prefix, { limit: PAGE_KEYS, after });
    yield* keys;
    const last = keys.at(-1);
    if (last === undefined || keys.length < PAGE_KEYS) return;
    after = last;
  }
}

const PAGE_KEYS = 1000;
