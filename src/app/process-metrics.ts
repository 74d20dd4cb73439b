import { readdirSync, readFileSync } from "node:fs";
import { performance, type EventLoopUtilization } from "node:perf_hooks";
import type { MetricsRegistry } from "../obs/metrics.ts";
import type { Engine } from "../ports/engine.ts";

/** What the process uses, under Prometheus's conventional names. Everything is asked for at a scrape; nothing ticks between two. */
export function registerProcessMetrics(registry: MetricsRegistry, engine: Engine): void {
  const gauge = (name: string, help: string) => registry.gauge({ name, help });
  const cpu = registry.counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of all threads, user and system",
  });
  const resident = gauge("process_resident_memory_bytes", "Resident memory, file mappings included");
  const virtual = gauge("process_virtual_memory_bytes", "Virtual memory");
  const descriptors = gauge("process_open_fds", "Open file descriptors");
  const descriptorsMax = gauge("process_max_fds", "File descriptors that may be open");
  const threads = gauge("process_threads", "Threads of the operating system");
  const started = gauge("process_start_time_seconds", "Start of the process, seconds since the epoch");
  const native = gauge("milvus_engine_memory_bytes", "Native memory of the engine, without file mappings");
  started.set((Date.now() - performance.now()) / 1000);
  let countedSeconds = 0;
  registry.onScrape(() => {
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    cpu.inc({}, Math.max(0, seconds - countedSeconds));
    countedSeconds = Math.max(seconds, countedSeconds);
    resident.set(process.memoryUsage.rss());
    native.set(engine.memoryBytes());
    const status = procFile("status");
    if (status === undefined) return;
    virtual.set(kilobytes(status, "VmSize"));
    threads.set(Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    descriptors.set(openDescriptors());
    descriptorsMax.set(Number(/^Max open files\s+(\d+)/m.exec(procFile("limits") ?? "")?.[1] ?? 0));
  });
}

/** What one thread of JavaScript uses. */
export function registerThreadMetrics(registry: MetricsRegistry, thread: string): void {
  const gauge = (name: string, help: string) => registry.gauge({ name, help, labels: ["thread"] });
  const heap = gauge("nodejs_heap_size_used_bytes", "Used JavaScript heap");
  const external = gauge("nodejs_external_memory_bytes", "Memory outside the heap that objects in it hold");
  const busy = gauge(
    "nodejs_eventloop_utilization",
    "Share of the time since the last scrape that the thread was busy",
  );
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  registry.onScrape(() => {
    const { heapUsed, external: outside } = process.memoryUsage();
    heap.set(heapUsed, { thread });
    external.set(outside, { thread });
    const now = performance.eventLoopUtilization();
    busy.set(performance.eventLoopUtilization(now, before).utilization, { thread });
    before = now;
  });
}

/** Undefined where the system has no /proc. */
function procFile(name: string): string | undefined {
  try {
    return readFileSync(`/proc/self/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

function openDescriptors(): number {
  try {
    // One of them is that of the listing itself.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return 0;
  }
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
}
