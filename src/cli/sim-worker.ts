import { runSeedTask, type SeedTask } from "./sim-seed.ts";

/** The program of a worker process of `SeedPool`: one task after the other, until its parent is gone. */
function serve(): void {
  process.on("message", (task) => void answer(task as SeedTask));
  process.on("disconnect", () => process.exit());
}

async function answer(task: SeedTask): Promise<void> {
  const report = await runSeedTask(task);
  process.send?.(report);
}

if (import.meta.main) serve();
