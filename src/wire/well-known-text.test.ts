import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFormatError } from "../base/bytes.ts";
import { geometryFromText, geometryText, GeometryTextError } from "./well-known-text.ts";

const canonical = (text: string): string => geometryText(geometryFromText(text));

test("each shape survives text, bytes, text", () => {
  for (const text of [
    "POINT (1 2)",
    "POINT (-73.985428 40.748817)",
    "POINT Z (1 2 3)",
    "POINT M (1 2 3)",
    "POINT ZM (1 2 3 4)",
    "POINT EMPTY",
    "LINESTRING (0 0, 1 1, 2 1)",
    "LINESTRING EMPTY",
    "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 3 2, 3 3, 2 2))",
    "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1))",
    "MULTIPOINT ((1 2), (3 4), EMPTY)",
    "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    "MULTIPOLYGON EMPTY",
    "GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1)))",
    "GEOMETRYCOLLECTION EMPTY",
  ]) {
    assert.equal(canonical(text), text);
  }
});

test("text is read in any case and spacing, and shown in one", () => {
  assert.equal(canonical("  point(1 2)\n"), "POINT (1 2)");
  assert.equal(canonical("Polygon((0 0,1 0 , 1 1,0 0))"), "POLYGON ((0 0, 1 0, 1 1, 0 0))");
  assert.equal(canonical("MULTIPOINT (1 2, 3 4)"), "MULTIPOINT ((1 2), (3 4))");
  assert.equal(canonical("POINTZ(1 2 3)"), "POINT Z (1 2 3)");
  assert.equal(canonical("POINT (1 2 3)"), "POINT Z (1 2 3)");
  assert.equal(canonical("POINT (+1.50 .25)"), "POINT (1.5 0.25)");
});

test("numbers have no exponent, however large or small", () => {
  assert.equal(canonical("POINT (1e21 -2.5e-7)"), "POINT (1000000000000000000000 -0.00000025)");
  assert.equal(canonical("POINT (-1.25e22 0.1)"), "POINT (-12500000000000000000000 0.1)");
});

test("a point is 21 bytes of well-known binary", () => {
  const bytes = geometryFromText("POINT (1 2)");
  assert.equal(Buffer.from(bytes).toString("hex"), "0101000000000000000000f03f0000000000000040");
});

test("what is no geometry is refused with its place", () => {
  for (const [text, says] of [
    ["", /position 0: expected the name of a geometry/],
    ["CIRCLE (1 2)", /expected the name of a geometry/],
    ["POINT", /expected \(/],
    ["POINT (1)", /1 numbers where 2 are needed/],
    ["POINT (1 2", /expected a number/],
    ["POINT (1 x)", /expected a number, at 'x\)'/],
    ["POINT (1 2) and more", /expected the end, at 'and more'/],
    ["POINT Z (1 2)", /2 numbers where 3 are needed/],
    ["POINT (1 1e999)", /expected a number/],
    ["LINESTRING (1 2)", /a line needs two points/],
    ["LINESTRING (1 2, 3 4 5)", /3 numbers where 2 are needed/],
    ["POLYGON ((0 0, 1 0, 0 0))", /needs four points/],
    ["POLYGON ((0 0, 1 0, 1 1, 0 1))", /must end where it begins/],
    ["GEOMETRYCOLLECTION (".repeat(100), /nested deeper than 32/],
  ] as const) {
    assert.throws(
      () => geometryFromText(text),
      (error) => error instanceof GeometryTextError && says.test(error.message),
      text,
    );
  }
});

test("bytes that are no geometry are refused", () => {
  const point = geometryFromText("POINT (1 2)");
  const damaged = [point.subarray(0, 20), Uint8Array.of(...point, 0), Uint8Array.of(1, 99, 0, 0, 0)];
  const huge = geometryFromText("LINESTRING EMPTY");
  huge.fill(255, 5);
  for (const bytes of [...damaged, huge]) assert.throws(() => geometryText(bytes), ByteFormatError);
});
