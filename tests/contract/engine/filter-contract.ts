import type { MakeEngine } from "../engine-contract.ts";
export function filterContract(_makeEngine: MakeEngine): void {}
