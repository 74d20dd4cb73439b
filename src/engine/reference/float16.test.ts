import assert from "node:assert/strict";
import { test } from "node:test";
import { bfloat16ToNumber, float16ToNumber } from "./float16.ts";

test("every half and bfloat16 has the value that the platform gives it", () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const halves = new Float16Array(bits.buffer);
  const singles = new Float32Array(Uint32Array.from(bits, (value) => value * 65_536).buffer);
  for (let i = 0; i < bits.length; i++) {
    if (!Object.is(float16ToNumber(i), halves[i]))
      assert.fail(`half ${i}: ${float16ToNumber(i)}, not ${halves[i]}`);
    if (!Object.is(bfloat16ToNumber(i), singles[i])) assert.fail(`bfloat16 ${i}: ${bfloat16ToNumber(i)}`);
  }
});
