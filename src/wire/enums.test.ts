import assert from "node:assert/strict";
import { test } from "node:test";
import { LegacyCode } from "../errors/legacy-code.ts";
import { DataType } from "../model/data-type.ts";
import { CONSISTENCY_LEVELS } from "../model/schema.ts";
import * as enums from "./enums.gen.ts";

test("numbers that other folders keep are those of the protocol", () => {
  for (const [name, value] of Object.entries(LegacyCode)) {
    assert.equal(enums.ErrorCode[name as keyof typeof enums.ErrorCode], value, name);
  }
  for (const [name, value] of Object.entries(DataType)) {
    assert.equal(enums.DataType[name as keyof typeof enums.DataType], value, name);
  }
  CONSISTENCY_LEVELS.forEach((name, value) => assert.equal(enums.ConsistencyLevel[name], value));
});
