import type { MakeEngine } from "../engine-contract.ts";
export function indexContract(_makeEngine: MakeEngine): void {}
