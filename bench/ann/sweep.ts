/** One setting of a contestant and the recall it gave. */
export interface Point {
  readonly width: number;
  readonly recall: number;
}

export interface SweepBounds {
  readonly start: number;
  readonly most: number;
}

/** Recalls that a curve is drawn between, and how many points it takes. */
export const RECALL_FROM = 0.9;
export const RECALL_TO = 0.999;
export const POINTS_MIN = 8;

/**
 * The widths (ef, nprobe) at which a contestant is measured: at least eight whose recall is from 0.90 to 0.999, where it gets there, and
 * one on either side of them. Ascending.
 */
export async function chooseWidths(
  { start, most }: SweepBounds,
  recallAt: (width: number) => Promise<number>,
): Promise<readonly Point[]> {
  const points: Point[] = [];
  const add = async (width: number): Promise<Point> => {
    const point = { width, recall: await recallAt(width) };
    points.push(point);
    points.sort((a, b) => a.width - b.width);
    return point;
  };
  let flat = 0;
  let last = -1;
  for (let width = start; ; width = Math.min(most, Math.ceil(width * 1.35))) {
    const { recall } = await add(width);
    flat = recall - last < 2e-4 && recall > RECALL_FROM ? flat + 1 : 0;
    last = recall;
    // Three steps that brought nothing: it ends here.
    if (recall >= RECALL_TO || width >= most || flat === 3) break;
  }
  const between = () => points.filter(({ recall }) => recall >= RECALL_FROM && recall <= RECALL_TO);
  while (between().length < POINTS_MIN) {
    const gap = widestGap(points);
    if (gap === undefined) break;
    await add(gap);
  }
  const inside = between();
  const [first] = inside;
  const end = inside.at(-1);
  if (first === undefined || end === undefined) return points.slice(-1);
  return points.slice(Math.max(0, points.indexOf(first) - 1), points.indexOf(end) + 2);
}

/** The width between the two neighbours whose recalls are furthest apart, of those that reach into the wanted range. */
function widestGap(points: readonly Point[]): number | undefined {
  let widest = 0;
  let width: number | undefined;
  for (const [i, b] of points.entries()) {
    const a = points[i - 1];
    if (a === undefined || b.width - a.width < 2 || b.recall < RECALL_FROM || a.recall > RECALL_TO) continue;
    if (b.recall - a.recall <= widest) continue;
    widest = b.recall - a.recall;
    width = (a.width + b.width) >> 1;
  }
  return width;
}

/** Share of the true nearest rows that are among the ids; ids of -1 are none. Both are k a query. */
export function recallOf(ids: Int32Array, truth: Int32Array, k: number): number {
  let found = 0;
  for (let begin = 0; begin < truth.length; begin += k) {
    const wanted = new Set(truth.subarray(begin, begin + k));
    for (const id of ids.subarray(begin, begin + k)) found += wanted.delete(id) ? 1 : 0;
  }
  return found / truth.length;
}

/** Speed at a recall: between its two neighbours, the logarithm of speed over the logarithm of what is missed; undefined beyond the ends. */
export function speedAt(
  curve: readonly { readonly recall: number; readonly speed: number }[],
  recall: number,
): number | undefined {
  const sorted = curve.toSorted((a, b) => a.recall - b.recall || a.speed - b.speed);
  for (const [i, b] of sorted.entries()) {
    if (b.recall < recall) continue;
    if (b.recall === recall) return b.speed;
    const a = sorted[i - 1];
    if (a === undefined) return undefined;
    const missed = (value: number) => Math.log(1 - Math.min(value, 1 - 1e-6));
    const share = (missed(recall) - missed(a.recall)) / (missed(b.recall) - missed(a.recall));
    return Math.exp(Math.log(a.speed) + share * (Math.log(b.speed) - Math.log(a.speed)));
  }
  return undefined;
}
