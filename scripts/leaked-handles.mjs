// Preloaded into every test file: fails it when its tests are over and a timer, socket, thread or child is still open.
// Without this such a file would hang until the runner's timeout, or hide the leak by being killed.

import { after } from "node:test";

/**
 * Open when the process starts, and not the tests' doing. Writes are results that a busy runner has not read yet; a test's own
 * unfinished write has its socket beside it, which is reported.
 */
const ours = new Set([
  ...["PipeWrap", "TTYWrap", "FSReqCallback", "FSReqPromise", "TickObject", "CloseReq"],
  ...["SimpleWriteWrap", "WriteWrap"],
]);

/** What was closed may take until the system says so; what is still open then was not closed. */
const closingMsMax = Number(process.env.LEAK_CHECK_CLOSING_MS ?? 5000);
/** The runner hears the last results through a stream: it has them when nothing waited to be written for so long. */
const reportingMs = 500;

/** Of before the tests: they may put the clock on mocked time. */
const { setImmediate, setTimeout } = globalThis;
const now = performance.now.bind(performance);

/** Threads are not among the active resources. */
const threads = new Set();

if (process.env.NODE_TEST_CONTEXT !== undefined) {
  process.on("worker", (worker) => {
    threads.add(worker);
    worker.once("exit", () => threads.delete(worker));
  });
  after(async () => {
    // At least one turn: a thread that a test has just started is announced behind it.
    await new Promise((done) => setImmediate(done));
    const since = now();
    while (leaked().length > 0 && now() - since < closingMsMax)
      await new Promise((done) => setTimeout(done, 10));
    const left = leaked();
    if (left.length === 0) return;
    const problem = `the tests of ${process.argv[1]} left open: ${left.join(", ")}`;
    // The handles would keep the process alive; the failure has to be reported first.
    void exitWhenReported();
    console.error(problem);
    throw new Error(problem);
  });
}

/** Ending a process drops what it has not written, results of tests and the reason of the failure included. */
async function exitWhenReported() {
  let since = now();
  while (now() - since < reportingMs) {
    await new Promise((done) => setTimeout(done, 10));
    if (process.stdout.writableLength > 0) since = now();
  }
  process.exit(1);
}

function leaked() {
  const handles = process.getActiveResourcesInfo().filter((kind) => !ours.has(kind) && kind !== "Immediate");
  return [...handles, ...Array.from(threads, () => "Worker")];
}
