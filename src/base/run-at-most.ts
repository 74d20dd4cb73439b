/**
 * Runs a task for each item, at most `atOnce` at a time, and gives the results in the items' order. When one fails, no further one is
 * begun, and the first failure is thrown once all that run have ended: nothing goes on behind the caller's back.
 */
export async function runAtMost<T, R>(
  atOnce: number,
  items: readonly T[],
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await task(items[index] as T);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
