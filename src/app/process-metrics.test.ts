import assert from "node:assert/strict";
import { test } from "node:test";
import { ReferenceEngine } from "../engine/reference-engine.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { registerProcessMetrics, registerThreadMetrics } from "./process-metrics.ts";

function values(registry: MetricsRegistry): ReadonlyMap<string, number> {
  return new Map(registry.snapshot().map(({ name, series }) => [name, series[0]?.values[0] ?? Number.NaN]));
}

test("the process shows what it uses, and CPU time only grows", () => {
  const registry = new MetricsRegistry();
  registerProcessMetrics(registry, new ReferenceEngine());
  const first = values(registry);
  assert.ok((first.get("process_resident_memory_bytes") ?? 0) > 10_000_000);
  const started = first.get("process_start_time_seconds") ?? 0;
  assert.ok(started < Date.now() / 1000 && started > Date.now() / 1000 - 3600);
  for (let i = 0, x = 0; i < 3e7; i++) x += i % 7;
  const second = values(registry);
  assert.ok((second.get("process_cpu_seconds_total") ?? 0) > (first.get("process_cpu_seconds_total") ?? 0));
  if (process.platform !== "linux") return;
  assert.ok((first.get("process_open_fds") ?? 0) >= 3);
  assert.ok((first.get("process_max_fds") ?? 0) >= (first.get("process_open_fds") ?? 0));
  assert.ok((first.get("process_threads") ?? 0) >= 2);
  assert.ok(
    (first.get("process_virtual_memory_bytes") ?? 0) > (first.get("process_resident_memory_bytes") ?? 0),
  );
});

test("a thread shows its heap and how busy it was since the last scrape", () => {
  const registry = new MetricsRegistry();
  registerThreadMetrics(registry, "control");
  const shown = values(registry);
  assert.ok((shown.get("nodejs_heap_size_used_bytes") ?? 0) > 1_000_000);
  const busy = shown.get("nodejs_eventloop_utilization") ?? -1;
  assert.ok(busy >= 0 && busy <= 1, String(busy));
  assert.match(registry.expose(), /nodejs_heap_size_used_bytes\{thread="control"\}/);
});

test("nothing of it keeps the process running or ticks", () => {
  const before = process.getActiveResourcesInfo().length;
  const registry = new MetricsRegistry();
  registerProcessMetrics(registry, new ReferenceEngine());
  registerThreadMetrics(registry, "control");
  registry.snapshot();
  assert.equal(process.getActiveResourcesInfo().length, before);
});
