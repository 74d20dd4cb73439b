import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGrpcTimeout } from "./grpc-timeout.ts";

test("timeouts are read in all units and refused otherwise", () => {
  const valid = { "2H": 7_200_000, "3M": 180_000, "4S": 4000, "5m": 5, "6000u": 6, "7000000n": 7, "0n": 0 };
  for (const [header, ms] of Object.entries(valid)) assert.equal(parseGrpcTimeout(header), ms, header);
  for (const header of ["", "5", "m", "-1S", "1.5S", "123456789S", "1x", " 1S"]) {
    assert.equal(parseGrpcTimeout(header), undefined, header);
  }
});
