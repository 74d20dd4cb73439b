import test from "node:test";
import assert, { equal, ok, throws } from "node:assert/strict";
import { MetricsRegistry } from "./metrics.ts";

test("counters and gauges are exposed with help, type and labels", () => {
  const registry = new MetricsRegistry();
  const requests = registry.counter({
    name: "milvus_proxy_req_count",
    help: "Requests.",
    labels: ["function", "status"],
  });
  const connections = registry.gauge({ name: "milvus_proxy_connection_num", help: "Connected clients." });
  requests.inc({ function: "Insert", status: "success" });
  requests.inc({ function: "Insert", status: "success" }, 2);
  requests.inc({ function: "Search", status: "fail" });
  connections.set(5);
  connections.add(-2);
  equal(requests.value({ function: "Insert", status: "success" }), 3);
  equal(
    registry.expose(),
    `# HELP milvus_proxy_req_count Requests.
# TYPE milvus_proxy_req_count counter
milvus_proxy_req_count{function="Insert",status="success"} 3
milvus_proxy_req_count{function="Search",status="fail"} 1
# HELP milvus_proxy_connection_num Connected clients.
# TYPE milvus_proxy_connection_num gauge
milvus_proxy_connection_num 3
`,
  );
});

test("a histogram counts into cumulated buckets, a value on a bound belongs below it", () => {
  const registry = new MetricsRegistry();
  const latency = registry.histogram({
    name: "milvus_latency",
    help: "ms",
    labels: ["node"],
    buckets: [1, 10],
  });
  for (const value of [0.5, 1, 2, 100]) latency.observe(value, { node: 1n });
  equal(latency.count({ node: 1 }), 4);
  equal(
    registry.expose(),
    `# HELP milvus_latency ms
# TYPE milvus_latency histogram
milvus_latency_bucket{node="1",le="1"} 2
milvus_latency_bucket{node="1",le="10"} 3
milvus_latency_bucket{node="1",le="+Inf"} 4
milvus_latency_sum{node="1"} 103.5
milvus_latency_count{node="1"} 4
`,
  );
});

test("label values are escaped", () => {
  const registry = new MetricsRegistry();
  registry.counter({ name: "m", help: "a\nb", labels: ["l"] }).inc({ l: 'x"y\\z\n' });
  equal(registry.expose(), '# HELP m a\\nb\n# TYPE m counter\nm{l="x\\"y\\\\z\\n"} 1\n');
});

test("label combinations beyond the bound are counted together", () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: "m", help: "h", labels: ["collection"], seriesMax: 2 });
  for (let i = 0; i < 50; i++) counter.inc({ collection: `c${i}` });
  counter.inc({ collection: "c1" });
  const text = registry.expose();
  ok(text.includes('m{collection="c0"} 1\n') && text.includes('m{collection="c1"} 2\n'));
  ok(text.includes('m{collection="other"} 48\n'));
  equal(text.trim().split("\n").length, 5);
});

test("one combination of labels can be held and counted in", () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: "held_total", help: "h", labels: ["c"] });
  const histogram = registry.histogram({ name: "held_ms", help: "h", labels: ["c"], buckets: [1, 10] });
  const calls = counter.of({ c: "a" });
  const times = histogram.of({ c: "a" });
  assert.doesNotMatch(registry.expose(), /held_total{/);
  calls.inc();
  calls.inc(4);
  throws(() => calls.inc(-1), /cannot go down/);
  times.observe(5);
  assert.equal(counter.value({ c: "a" }), 5);
  assert.equal(histogram.count({ c: "a" }), 1);
  histogram.observe(7, { c: "a" });
  assert.equal(histogram.count({ c: "a" }), 2);
});

test("what several threads counted adds up", () => {
  const threads = [1, 2].map((n) => {
    const registry = new MetricsRegistry();
    registry.counter({ name: "requests", help: "h", labels: ["t"] }).inc({ t: "x" }, n);
    registry.histogram({ name: "ms", help: "h", buckets: [10] }).observe(n * 7);
    return registry;
  });
  const [first, second] = threads;
  ok(first && second);
  const text = first.expose([structuredClone(second.snapshot())]);
  ok(text.includes('requests{t="x"} 3\n'));
  ok(text.includes('ms_bucket{le="10"} 1\nms_bucket{le="+Inf"} 2\nms_sum 21\nms_count 2\n'));
});

test("collectors run before each scrape", () => {
  const registry = new MetricsRegistry();
  const gauge = registry.gauge({ name: "scrapes", help: "h" });
  registry.onScrape(() => gauge.add(1));
  registry.expose();
  ok(registry.expose().includes("scrapes 2\n"));
});

test("mistakes are caught: missing labels, doubled names, bad names, falling counters, unordered buckets", () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: "m", help: "h", labels: ["a"] });
  throws(() => counter.inc(), /metric m needs the label a/);
  throws(() => counter.inc({ a: 1 }, -1), /cannot go down/);
  throws(() => registry.gauge({ name: "m", help: "h" }), /exists already/);
  throws(() => registry.gauge({ name: "Bad-Name", help: "h" }), /not a metric name/);
  throws(() => registry.histogram({ name: "h", help: "h", buckets: [2, 1] }), /must ascend/);
});

test("a child's metrics are shown with its parent's until it is closed, and its names are free again then", () => {
  const registry = new MetricsRegistry();
  registry.counter({ name: "own_total", help: "own" }).inc();
  for (let round = 1; round <= 2; round++) {
    const child = registry.child();
    child.counter({ name: "child_total", help: "child" }).inc({}, round);
    const gauge = child.child().gauge({ name: "grandchild", help: "grandchild" });
    child.onScrape(() => gauge.add(1));
    const text = registry.expose();
    assert.match(text, /^own_total 1$/m);
    assert.match(text, new RegExp(`^child_total ${round}$`, "m"));
    assert.match(text, /^grandchild 1$/m);
    child.close();
    child.close();
    assert.doesNotMatch(registry.expose(), /child/);
  }
});

test("a second name shows the same numbers", () => {
  const registry = new MetricsRegistry();
  const spec = { name: "new_name", alias: "old_name", help: "h", buckets: [1], labels: ["a"] };
  registry.histogram(spec).observe(0.5, { a: "x" });
  const text = registry.expose([registry.snapshot()]);
  for (const name of ["new_name", "old_name"]) {
    assert.match(text, new RegExp(`^# TYPE ${name} histogram$`, "m"));
    assert.match(text, new RegExp(`^${name}_count{a="x"} 2$`, "m"));
  }
});

test("a cleared gauge forgets what is gone", () => {
  const registry = new MetricsRegistry();
  const gauge = registry.gauge({ name: "things", help: "h", labels: ["id"] });
  gauge.set(1, { id: 1 });
  gauge.clear();
  gauge.set(2, { id: 2 });
  assert.match(registry.expose(), /^things{id="2"} 2$/m);
  assert.doesNotMatch(registry.expose(), /id="1"/);
});
