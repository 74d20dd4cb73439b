import { assert, AssertionError } from "../base/assert.ts";

/**
 * Counters, gauges and histograms in the Prometheus text format, under Milvus's names. Each metric has a fixed list of
 * labels and a bound on their combinations: when it is reached, further ones are counted together under `other`, so that a
 * client cannot fill the memory with collection names.
 */
export class MetricsRegistry {
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors: (() => void)[] = [];
  readonly #children = new Set<MetricsRegistry>();
  #parent: MetricsRegistry | undefined;

  /** A registry whose metrics are shown with this one's until it is closed: for what ends earlier than the process. */
  child(): MetricsRegistry {
    const child = new MetricsRegistry();
    child.#parent = this;
    this.#children.add(child);
    return child;
  }

  /** Shows nothing any more. What it has counted is gone, as after a restart. */
  close(): void {
    if (this.#parent !== undefined) this.#parent.#children.delete(this);
  }

  counter(spec: MetricSpec): Counter {
    return this.#add(spec, new Counter(spec));
  }

  gauge(spec: MetricSpec): Gauge {
    return this.#add(spec, new Gauge(spec));
  }

  histogram(spec: HistogramSpec): Histogram {
    return this.#add(spec, new Histogram(spec));
  }

  /** Calls `collect` before every scrape: for gauges whose value is cheap to ask and changes all the time. */
  onScrape(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** Current values as plain data, for another thread to merge. */
  snapshot(): MetricSnapshot[] {
    for (const collect of this.#collectors) collect();
    const own = [...this.#metrics.values()].flatMap((metric) => metric.snapshots());
    return [...own, ...[...this.#children].flatMap((child) => child.snapshot())];
  }

  /** The text exposition format, version 0.0.4, of this registry and of what other threads took with `snapshot`. */
  expose(others: readonly (readonly MetricSnapshot[])[] = []): string {
    return formatSnapshots([this.snapshot(), ...others]);
  }

  #add<M extends Metric>(spec: MetricSpec, metric: M): M {
    assert(/^[a-z_][a-z0-9_]*$/.test(spec.name), `"${spec.name}" is not a metric name`);
    assert(!this.#metrics.has(spec.name), `metric ${spec.name} exists already`);
    this.#metrics.set(spec.name, metric);
    return metric;
  }
}

export interface MetricSpec {
  /** For example `milvus_proxy_req_count`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** A second name under which the same numbers are shown, where dashboards know both. */
  readonly alias?: string;
  /** Combinations of label values that are kept apart; 1,000 when not given. */
  readonly seriesMax?: number;
}

export interface HistogramSpec extends MetricSpec {
  /** Upper bounds, ascending, without infinity; `LATENCY_BUCKETS_MS` when not given. */
  readonly buckets?: readonly number[];
}

/** Values by label name; every label of the metric has one. */
export type LabelValues = Readonly<Record<string, string | number | bigint>>;

/** Milvus's latency buckets: powers of two from 1 ms to 131 s. */
export const LATENCY_BUCKETS_MS: readonly number[] = Array.from({ length: 18 }, (_, i) => 2 ** i);

export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly buckets: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

/** For a histogram `values` are the counts per bucket (not cumulated, infinity last) and then the sum. */
export interface SeriesSnapshot {
  readonly labelValues: readonly string[];
  readonly values: readonly number[];
}

const noLabels: LabelValues = {};
/** Stands for the combinations of labels that there is no room for. */
const OTHER = "other";

abstract class Metric {
  abstract readonly kind: MetricSnapshot["kind"];
  readonly name: string;
  readonly #help: string;
  readonly #alias: string | undefined;
  readonly #labels: readonly string[];
  readonly #seriesMax: number;
  readonly #series = new Set<Series>();
  /** `#series` by label values, a map for each label. */
  #byLabel: SeriesNode = { next: new Map(), series: undefined };

  constructor({ name, help, alias, labels = [], seriesMax = 1000 }: MetricSpec) {
    this.name = name;
    this.#alias = alias;
    this.#help = help;
    this.#labels = labels;
    this.#seriesMax = seriesMax;
  }

  /** Forgets all combinations: before they are set anew from what is there now. */
  clear(): void {
    this.#series.clear();
    this.#byLabel = { next: new Map(), series: undefined };
  }

  snapshots(): MetricSnapshot[] {
    const snapshot = this.#snapshot();
    return this.#alias === undefined ? [snapshot] : [snapshot, { ...snapshot, name: this.#alias }];
  }

  #snapshot(): MetricSnapshot {
    const series = [...this.#series].map(({ labelValues, values }) => ({
      labelValues,
      values: [...values],
    }));
    return {
      name: this.name,
      help: this.#help,
      kind: this.kind,
      labels: this.#labels,
      buckets: this.buckets(),
      series,
    };
  }

  protected buckets(): readonly number[] {
    return [];
  }

  /** The numbers of one combination of labels, made on first use. */
  protected values(labels: LabelValues, width: number): Float64Array {
    const node = this.#node(labels);
    if (node.series !== undefined) return node.series.values;
    if (this.#series.size >= this.#seriesMax && Object.values(labels).some((value) => value !== OTHER))
      return this.values(Object.fromEntries(this.#labels.map((label) => [label, OTHER])), width);
    const labelValues = this.#labels.map((label) => String(labels[label]));
    node.series = { labelValues, values: new Float64Array(width) };
    this.#series.add(node.series);
    return node.series.values;
  }

  /** Every call of an RPC comes here some ten times: to join the labels to one key would cost more than all the counting. */
  #node(labels: LabelValues): SeriesNode {
    let node = this.#byLabel;
    for (const label of this.#labels) {
      const value = labels[label];
      if (value === undefined) throw new AssertionError(`metric ${this.name} needs the label ${label}`);
      const text = typeof value === "string" ? value : String(value);
      let next = node.next.get(text);
      if (next === undefined) {
        next = { next: new Map(), series: undefined };
        // Combinations that are counted as `other` leave nothing behind.
        if (this.#series.size < this.#seriesMax || text === OTHER) node.next.set(text, next);
      }
      node = next;
    }
    return node;
  }
}

/** It appears in a scrape when it is counted in first. */
export interface CounterSeries {
  inc(by?: number): void;
}

export interface HistogramSeries {
  observe(value: number): void;
}

interface Series {
  readonly labelValues: readonly string[];
  readonly values: Float64Array;
}

interface SeriesNode {
  readonly next: Map<string, SeriesNode>;
  series: Series | undefined;
}

/** Only grows. */
export class Counter extends Metric {
  override readonly kind = "counter";

  /** The counter of one combination of labels, for those who count in it often. */
  of(labels: LabelValues): CounterSeries {
    let values: Float64Array | undefined;
    return { inc: (by = 1) => this.#add((values ??= this.values(labels, 1)), by) };
  }

  inc(labels: LabelValues = noLabels, by = 1): void {
    this.#add(this.values(labels, 1), by);
  }

  #add(values: Float64Array, by: number): void {
    assert(by >= 0, () => `counter ${this.name} cannot go down by ${by}`);
    values[0] = (values[0] ?? 0) + by;
  }

  value(labels: LabelValues = noLabels): number {
    return this.values(labels, 1)[0] ?? 0;
  }
}

export class Gauge extends Metric {
  override readonly kind = "gauge";

  set(value: number, labels: LabelValues = noLabels): void {
    this.values(labels, 1)[0] = value;
  }

  add(by: number, labels: LabelValues = noLabels): void {
    const values = this.values(labels, 1);
    values[0] = (values[0] ?? 0) + by;
  }

  value(labels: LabelValues = noLabels): number {
    return this.values(labels, 1)[0] ?? 0;
  }
}

export class Histogram extends Metric {
  override readonly kind = "histogram";
  readonly #buckets: readonly number[];

  constructor(spec: HistogramSpec) {
    super(spec);
    this.#buckets = spec.buckets ?? LATENCY_BUCKETS_MS;
    assert(
      this.#buckets.every((bound, i) => i === 0 || bound > (this.#buckets[i - 1] ?? 0)),
      `buckets of ${this.name} must ascend`,
    );
  }

  /** The histogram of one combination of labels, for those who observe in it often. */
  of(labels: LabelValues): HistogramSeries {
    let values: Float64Array | undefined;
    return {
      observe: (value) => this.#observe((values ??= this.values(labels, this.#buckets.length + 2)), value),
    };
  }

  observe(value: number, labels: LabelValues = noLabels): void {
    this.#observe(this.values(labels, this.#buckets.length + 2), value);
  }

  #observe(values: Float64Array, value: number): void {
    let bucket = 0;
    while (bucket < this.#buckets.length && value > (this.#buckets[bucket] ?? Infinity)) bucket++;
    values[bucket] = (values[bucket] ?? 0) + 1;
    const sum = this.#buckets.length + 1;
    values[sum] = (values[sum] ?? 0) + value;
  }

  /** How often `observe` was called with these labels. */
  count(labels: LabelValues = noLabels): number {
    return this.values(labels, this.#buckets.length + 2)
      .subarray(0, -1)
      .reduce((total, n) => total + n, 0);
  }

  protected override buckets(): readonly number[] {
    return this.#buckets;
  }
}

/** Adds up what several threads counted; gauges of threads add up, too. */
function formatSnapshots(threads: readonly (readonly MetricSnapshot[])[]): string {
  const merged = new Map<string, { readonly head: MetricSnapshot; readonly series: Map<string, Summed> }>();
  for (const metric of threads.flat()) {
    let known = merged.get(metric.name);
    if (known === undefined) merged.set(metric.name, (known = { head: metric, series: new Map() }));
    for (const { labelValues, values } of metric.series) {
      const key = labelValues.join("\0");
      const summed = known.series.get(key);
      if (summed === undefined) known.series.set(key, { labelValues, values: [...values] });
      else values.forEach((value, i) => (summed.values[i] = (summed.values[i] ?? 0) + value));
    }
  }
  const lines: string[] = [];
  for (const { head, series } of merged.values()) {
    lines.push(`# HELP ${head.name} ${escapeHelp(head.help)}`, `# TYPE ${head.name} ${head.kind}`);
    for (const one of series.values()) lines.push(...formatSeries(head, one));
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

interface Summed {
  readonly labelValues: readonly string[];
  readonly values: number[];
}

function formatSeries(
  { name, kind, labels, buckets }: MetricSnapshot,
  { labelValues, values }: Summed,
): string[] {
  const pairs = labels.map((label, i) => `${label}="${escapeLabel(labelValues[i] ?? "")}"`);
  const braces = (list: readonly string[]) => (list.length === 0 ? "" : `{${list.join(",")}}`);
  if (kind !== "histogram") return [`${name}${braces(pairs)} ${formatNumber(values[0] ?? 0)}`];
  let count = 0;
  const lines = [...buckets, Infinity].map((bound, i) => {
    count += values[i] ?? 0;
    return `${name}_bucket${braces([...pairs, `le="${formatNumber(bound)}"`])} ${count}`;
  });
  const sum = values[buckets.length + 1] ?? 0;
  return [
    ...lines,
    `${name}_sum${braces(pairs)} ${formatNumber(sum)}`,
    `${name}_count${braces(pairs)} ${count}`,
  ];
}

function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
