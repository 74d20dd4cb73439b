// A reporter beside the runner's own, which does not say how the process of a test file ended.
// The runner takes a reporter from the default export.

/** One line for each file whose process ended with a signal or an exit code of its own. */
export default async function* endedFiles(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail" || data.nesting !== 0) continue;
    const { exitCode, signal } = data.details.error;
    const how = signal ?? exitCode ?? undefined;
    if (how !== undefined) yield `\n✖ ${data.name} ended with ${how === signal ? how : `exit code ${how}`}\n`;
  }
}
