import { describe } from "node:test";
import type { Engine } from "../../src/ports/engine.ts";
import { bm25Contract } from "./engine/bm25-contract.ts";
import { filterContract } from "./engine/filter-contract.ts";
import { graphCodesContract } from "./engine/graph-codes-contract.ts";
import { hostileContract } from "./engine/hostile-contract.ts";
import { indexContract, sparseIndexContract } from "./engine/index-contract.ts";
import { listIndexContract } from "./engine/list-index-contract.ts";
import { minHashContract } from "./engine/minhash-contract.ts";
import { searchContract } from "./engine/search-contract.ts";
import { storageContract } from "./engine/storage-contract.ts";
import { versionContract } from "./engine/version-contract.ts";

/**
 * Defines the port src/ports/engine.ts: every engine passes all of it. Answers are compared with small models in the
 * tests themselves, data comes from fixed seeds. Scores may differ by rounding, hits may not differ by more than that.
 */
export function engineContract(name: string, makeEngine: MakeEngine): void {
  describe(`${name}: what is stored comes back`, () => storageContract(makeEngine));
  describe(`${name}: versions of rows`, () => versionContract(makeEngine));
  describe(`${name}: filters`, () => filterContract(makeEngine));
  describe(`${name}: search`, () => searchContract(makeEngine));
  describe(`${name}: indexes`, () => indexContract(makeEngine));
  describe(`${name}: indexes of lists`, () => listIndexContract(makeEngine));
  describe(`${name}: signatures`, () => minHashContract(makeEngine));
  describe(`${name}: graphs over codes`, () => graphCodesContract(makeEngine));
  describe(`${name}: sparse indexes`, () => sparseIndexContract(makeEngine));
  describe(`${name}: BM25`, () => bm25Contract(makeEngine));
  describe(`${name}: bad input and closed handles`, () => hostileContract(makeEngine));
}

/** A new engine, or the only one; nothing that an earlier test opened may still be open. */
export type MakeEngine = () => Engine;
