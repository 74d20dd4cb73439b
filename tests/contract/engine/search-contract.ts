import type { MakeEngine } from "../engine-contract.ts";
export function searchContract(_makeEngine: MakeEngine): void {}
