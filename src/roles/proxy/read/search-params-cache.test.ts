import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import { fieldId } from "../../../model/ids.ts";
import { plainField, type CollectionInfo } from "../../../model/schema.ts";
import { collectionSample } from "../../../../tests/fuzz/samples.ts";
import { pair } from "../requests.testing.ts";
import { SearchParamsCache } from "./search-params-cache.ts";

const vector = { ...plainField(fieldId(101), "vec", DataType.FloatVector), dim: 8 };
const info: CollectionInfo = {
  ...collectionSample,
  schema: { ...collectionSample.schema, fields: [...collectionSample.schema.fields, vector] },
};
const pairs = (topk: string, more = "ef") => [
  pair("anns_field", "vec"),
  pair("topk", topk),
  pair("params", `{"${more}": 64}`),
];

test("parameters that were parsed before are not parsed again", () => {
  const cache = new SearchParamsCache({ topKMax: 100 });
  const first = cache.parse(pairs("10"), info);
  assert.deepEqual([first.params.limit, first.params.indexParams["ef"]], [10, "64"]);
  assert.equal(cache.parse(pairs("10"), info), first);
});

test("other parameters, and a collection that changed, are parsed afresh", () => {
  const cache = new SearchParamsCache({ topKMax: 100 });
  const first = cache.parse(pairs("10"), info);
  assert.equal(cache.parse(pairs("11"), info).params.limit, 11);
  assert.notEqual(cache.parse(pairs("10"), { ...info }), first);
  // Where one text ends and the next begins makes a difference.
  const cut = cache.parse([pair("anns_field", "vec"), pair("topk", "1"), pair("0", "x")], info);
  assert.equal(cut.params.limit, 1);
});

test("what is wrong is said each time, and pages of iterators are not kept", () => {
  const cache = new SearchParamsCache({ topKMax: 100 });
  for (let i = 0; i < 2; i++) assert.throws(() => cache.parse(pairs("101"), info), /topk \[101\] is invalid/);
  const page = [...pairs("10"), pair("iterator", "True")];
  assert.notEqual(cache.parse(page, info), cache.parse(page, info));
});
