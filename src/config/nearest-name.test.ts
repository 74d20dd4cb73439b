import test from "node:test";
import { equal } from "node:assert/strict";
import { editDistance, nearestName } from "./nearest-name.ts";

test("edit distance counts insertions, deletions and replacements", () => {
  equal(editDistance("kitten", "sitting"), 3);
  equal(editDistance("", "abc"), 3);
  equal(editDistance("abc", ""), 3);
  equal(editDistance("same", "same"), 0);
  equal(editDistance("abcdefgh", "zzzzzzzz", 3), 3, "stops at the limit");
});

test("a typo finds its key, nonsense finds nothing", () => {
  const known = ["proxy.port", "proxy.ip", "common.gracefulTime"];
  equal(nearestName("proxy.prot", known), "proxy.port");
  equal(nearestName("proxy.Ports", known), "proxy.port");
  equal(nearestName("common.gracefullTime", known), "common.gracefulTime");
  equal(nearestName("xyzzy", known), undefined);
  equal(nearestName("proxy.ip", []), undefined);
});
