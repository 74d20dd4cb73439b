import type { FuzzTarget } from "../fuzz-target.ts";
import { ENGINE_TARGETS } from "./engine-files.ts";
import { FORMAT_TARGETS } from "./formats.ts";
import { PUBLIC_INPUT_TARGETS } from "./public-input.ts";
import { SERVER_TARGET } from "./server.ts";

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...PUBLIC_INPUT_TARGETS,
  ...FORMAT_TARGETS,
  ...ENGINE_TARGETS,
  SERVER_TARGET,
];
