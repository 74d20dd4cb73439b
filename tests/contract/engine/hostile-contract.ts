import type { MakeEngine } from "../engine-contract.ts";
export function hostileContract(_makeEngine: MakeEngine): void {}
