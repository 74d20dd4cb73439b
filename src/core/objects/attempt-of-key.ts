/**
 * The id of the attempt that wrote an object: files of segments lie in a folder `<attempt>-<epoch>`, a delta log is called
 * `<attempt>-<epoch>-<id>`. Undefined when the key has no such part: nobody who is about to name it has written it.
 */
export function attemptOfKey(key: string): bigint | undefined {
  const part = key.startsWith("deltas/") ? key.split("/").at(-1) : key.split("/").at(-2);
  const id = /^(\d+)-\d+/.exec(part ?? "")?.[1];
  return id === undefined ? undefined : BigInt(id);
}
