/** `npm run check`: formatting, lint, types, layers and unit tests, in less than a minute. */
import { main as runSteps } from "./test.ts";

export function main(): Promise<number> {
  return runSteps(["--quick"]);
}

if (import.meta.main) process.exitCode = await main();
