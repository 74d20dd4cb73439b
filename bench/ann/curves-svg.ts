/** Curves of recall (what is missed, logarithmic) against speed (logarithmic) as one SVG picture. */
export function curvesSvg(title: string, curves: readonly Curve[]): string {
  const shown = curves.map((curve) => ({
    ...curve,
    points: curve.points.filter(({ recall }) => recall >= RECALL_LOW && recall <= RECALL_HIGH),
  }));
  const speeds = shown.flatMap(({ points }) => points.map(({ speed }) => speed));
  const low = 10 ** Math.floor(Math.log10(Math.min(...speeds, 1e9)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...speeds, low * 10)));
  const x = (recall: number): number =>
    LEFT +
    (PLOT_WIDTH * Math.log(miss(RECALL_LOW) / miss(recall))) / Math.log(miss(RECALL_LOW) / miss(RECALL_HIGH));
  const y = (speed: number): number => TOP + PLOT_HEIGHT * (1 - Math.log(speed / low) / Math.log(high / low));
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escaped(title)}</text>`,
    `<text x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">recall</text>`,
    `<text x="14" y="${TOP + PLOT_HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 ${TOP + PLOT_HEIGHT / 2})">queries per CPU second</text>`,
  ];
  for (const recall of [0.9, 0.95, 0.98, 0.99, 0.995, 0.999]) {
    parts.push(line(x(recall), TOP, x(recall), TOP + PLOT_HEIGHT));
    parts.push(`<text x="${x(recall)}" y="${TOP + PLOT_HEIGHT + 16}" text-anchor="middle">${recall}</text>`);
  }
  for (let decade = low; decade <= high; decade *= 10) {
    for (const factor of decade === high ? [1] : [1, 2, 5]) {
      parts.push(line(LEFT, y(decade * factor), LEFT + PLOT_WIDTH, y(decade * factor)));
      parts.push(
        `<text x="${LEFT - 6}" y="${y(decade * factor) + 4}" text-anchor="end">${decade * factor}</text>`,
      );
    }
  }
  for (const [i, { name, points }] of shown.entries()) {
    const color = COLORS[i % COLORS.length] ?? "black";
    const places = points.map(({ recall, speed }) => `${x(recall).toFixed(1)},${y(speed).toFixed(1)}`);
    parts.push(`<polyline points="${places.join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const place of places) {
      const [cx, cy] = place.split(",");
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`);
    }
    const at = TOP + 14 + i * 18;
    parts.push(`<rect x="${LEFT + PLOT_WIDTH + 14}" y="${at - 9}" width="10" height="10" fill="${color}"/>`);
    parts.push(`<text x="${LEFT + PLOT_WIDTH + 30}" y="${at}">${escaped(name)}</text>`);
  }
  return `${parts.join("\n")}\n</svg>\n`;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly recall: number; readonly speed: number }[];
}

const RECALL_LOW = 0.85;
const RECALL_HIGH = 0.9995;
const WIDTH = 960;
const HEIGHT = 560;
const LEFT = 80;
const TOP = 40;
const PLOT_WIDTH = 660;
const PLOT_HEIGHT = 460;
const COLORS: readonly string[] = [
  "#d62728",
  "#1f77b4",
  "#2ca02c",
  "#ff7f0e",
  "#9467bd",
  "#8c564b",
  "#e377c2",
  "#17becf",
  "#7f7f7f",
  "#bcbd22",
];

const miss = (recall: number): number => 1 - recall;

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
