import { ByteFormatError, ByteReader, ByteWriter } from "../base/bytes.ts";

/**
 * Geometries travel as well-known text (OGC 06-103r4, section 7) and are stored as well-known binary (section 8), little-endian and
 * with the type numbers of ISO 13249-3: thousands for Z, M and ZM.
 */

/** The text is no geometry; `message` says where. */
export class GeometryTextError extends Error {
  override readonly name = "GeometryTextError";
}

/** Throws GeometryTextError. */
export function geometryFromText(text: string): Uint8Array {
  const reader = new TextReader(text);
  const writer = new ByteWriter();
  geometry(reader, writer, 0);
  reader.end();
  return writer.finish();
}

/** `POINT (1 2)`: the canonical text. Throws ByteFormatError where the bytes are no geometry. */
export function geometryText(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  const text = textOf(reader, 0);
  reader.end();
  return text;
}

const shapes = [
  "POINT",
  "LINESTRING",
  "POLYGON",
  "MULTIPOINT",
  "MULTILINESTRING",
  "MULTIPOLYGON",
  "GEOMETRYCOLLECTION",
] as const;
type Shape = (typeof shapes)[number];

/** What the members of a shape are that has a list of geometries. */
const members: Readonly<Partial<Record<Shape, Shape>>> = {
  MULTIPOINT: "POINT",
  MULTILINESTRING: "LINESTRING",
  MULTIPOLYGON: "POLYGON",
};

const dimensions = ["", "Z", "M", "ZM"] as const;
type Dimensions = (typeof dimensions)[number];

const NESTING_MAX = 32;
const LITTLE_ENDIAN = 1;

/** Reads one geometry with its name. */
function geometry(reader: TextReader, writer: ByteWriter, nesting: number): void {
  if (nesting > NESTING_MAX) throw reader.wrong(`geometries nested deeper than ${NESTING_MAX}`);
  const { shape, dimensions: named } = reader.name();
  const header = startGeometry(writer, shape, named ?? "");
  if (reader.word("EMPTY")) {
    empty(writer, shape, named ?? "");
    return;
  }
  const layout = new Layout(named);
  if (shape === "GEOMETRYCOLLECTION") {
    list(reader, writer, () => geometry(reader, writer, nesting + 1));
    return;
  }
  const member = members[shape];
  if (member === undefined) body(reader, writer, shape, layout);
  else list(reader, writer, () => memberOf(reader, writer, member, layout));
  writer.patchU32(header, typeNumber(shape, layout.dimensions ?? ""));
}

/** A member of a list of one shape, which has no name in the text; points need no parentheses either. */
function memberOf(reader: TextReader, writer: ByteWriter, shape: Shape, layout: Layout): void {
  const header = startGeometry(writer, shape, layout.dimensions ?? "");
  if (reader.word("EMPTY")) {
    empty(writer, shape, layout.dimensions ?? "");
    return;
  }
  if (shape === "POINT" && !reader.is("(")) layout.coordinates(reader, writer);
  else body(reader, writer, shape, layout);
  writer.patchU32(header, typeNumber(shape, layout.dimensions ?? ""));
}

function body(reader: TextReader, writer: ByteWriter, shape: Shape, layout: Layout): void {
  if (shape === "POINT") {
    reader.expect("(");
    layout.coordinates(reader, writer);
    reader.expect(")");
  } else if (shape === "LINESTRING") {
    const { count } = line(reader, writer, layout);
    if (count < 2) throw reader.wrong("a line needs two points");
  } else {
    list(reader, writer, () => ring(reader, writer, layout));
  }
}

function ring(reader: TextReader, writer: ByteWriter, layout: Layout): void {
  const { count, closed } = line(reader, writer, layout);
  if (count < 4) throw reader.wrong("a ring of a polygon needs four points");
  if (!closed) throw reader.wrong("a ring of a polygon must end where it begins");
}

function line(
  reader: TextReader,
  writer: ByteWriter,
  layout: Layout,
): { readonly count: number; readonly closed: boolean } {
  const points: (readonly number[])[] = [];
  list(reader, writer, () => {
    points.push(layout.coordinates(reader, writer));
  });
  const first = points[0];
  const last = points.at(-1);
  return { count: points.length, closed: first?.every((value, i) => value === last?.[i]) ?? true };
}

/** `(one, one, ...)`, with the count before the members. */
function list(reader: TextReader, writer: ByteWriter, one: () => void): void {
  const at = writer.length;
  writer.u32(0);
  reader.expect("(");
  let count = 0;
  do {
    one();
    count++;
  } while (reader.take(","));
  reader.expect(")");
  writer.patchU32(at, count);
}

/** Numbers of a point: as many as the name says, else as many as the first point has. */
class Layout {
  dimensions: Dimensions | undefined;

  constructor(dimensions: Dimensions | undefined) {
    this.dimensions = dimensions;
  }

  coordinates(reader: TextReader, writer: ByteWriter): readonly number[] {
    const numbers: number[] = [];
    while (!reader.is(",") && !reader.is(")")) {
      numbers.push(reader.number());
      if (numbers.length > 4) break;
    }
    this.dimensions ??= numbers.length === 3 ? "Z" : numbers.length === 4 ? "ZM" : "";
    const wanted = 2 + this.dimensions.length;
    if (numbers.length !== wanted) {
      throw reader.wrong(`a point has ${numbers.length} numbers where ${wanted} are needed`);
    }
    for (const value of numbers) writer.f64(value);
    return numbers;
  }
}

/** Where the number of the type stands: it is known once the first point is. */
function startGeometry(writer: ByteWriter, shape: Shape, named: Dimensions): number {
  writer.u8(LITTLE_ENDIAN);
  const header = writer.length;
  writer.u32(typeNumber(shape, named));
  return header;
}

function typeNumber(shape: Shape, named: Dimensions): number {
  return shapes.indexOf(shape) + 1 + 1000 * dimensions.indexOf(named);
}

/** A point without numbers has NaN for each, anything else no members. */
function empty(writer: ByteWriter, shape: Shape, named: Dimensions): void {
  if (shape !== "POINT") writer.u32(0);
  else for (let i = 0; i < 2 + named.length; i++) writer.f64(NaN);
}

class TextReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** `POINT`, `POINT Z`, `POINTZ`, in any case. */
  name(): { readonly shape: Shape; readonly dimensions: Dimensions | undefined } {
    const found = this.#match(/[A-Za-z]+/y)?.toUpperCase();
    const match = /^(.*?)(ZM|Z|M)?$/.exec(found ?? "");
    const shape = shapes.find((one) => one === match?.[1]);
    if (shape === undefined) throw this.wrong("expected the name of a geometry");
    const attached = dimensions.find((one) => one === match?.[2]);
    const separate = (["ZM", "Z", "M"] as const).find((one) => this.word(one));
    return { shape, dimensions: attached ?? separate };
  }

  /** Takes the word if it comes next. */
  word(word: string): boolean {
    const before = this.#at;
    if (this.#match(/[A-Za-z]+/y)?.toUpperCase() === word) return true;
    this.#at = before;
    return false;
  }

  number(): number {
    const found = this.#match(/[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y);
    const value = Number(found);
    if (found === undefined || !Number.isFinite(value)) throw this.wrong("expected a number");
    return value;
  }

  is(symbol: string): boolean {
    this.#blanks();
    return this.#text[this.#at] === symbol;
  }

  take(symbol: string): boolean {
    if (!this.is(symbol)) return false;
    this.#at++;
    return true;
  }

  expect(symbol: string): void {
    if (!this.take(symbol)) throw this.wrong(`expected ${symbol}`);
  }

  end(): void {
    this.#blanks();
    if (this.#at < this.#text.length) throw this.wrong("expected the end");
  }

  wrong(problem: string): GeometryTextError {
    const found = this.#text.slice(this.#at, this.#at + 20);
    return new GeometryTextError(
      `syntax error at position ${this.#at}: ${problem}${found === "" ? "" : `, at '${found}'`}`,
    );
  }

  #blanks(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #match(sticky: RegExp): string | undefined {
    this.#blanks();
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}

function textOf(reader: ByteReader, nesting: number): string {
  const { shape, named } = readHeader(reader, nesting);
  const content = contentOf(reader, shape, named, nesting);
  return `${shape}${named === "" ? "" : ` ${named}`} ${content}`;
}

function contentOf(reader: ByteReader, shape: Shape, named: Dimensions, nesting: number): string {
  switch (shape) {
    case "POINT": {
      const numbers = pointText(reader, named);
      return numbers === undefined ? "EMPTY" : `(${numbers})`;
    }
    case "LINESTRING":
      return listText(reader, () => pointText(reader, named) ?? "EMPTY");
    case "POLYGON":
      return listText(reader, () => listText(reader, () => pointText(reader, named) ?? "EMPTY"));
    case "GEOMETRYCOLLECTION":
      return listText(reader, () => textOf(reader, nesting + 1));
    default:
      return listText(reader, () => {
        const member = readHeader(reader, nesting);
        return contentOf(reader, member.shape, member.named, nesting + 1);
      });
  }
}

function readHeader(
  reader: ByteReader,
  nesting: number,
): { readonly shape: Shape; readonly named: Dimensions } {
  const at = reader.offset;
  const order = reader.u8();
  const type = reader.u32();
  const shape = shapes[(type % 1000) - 1];
  const named = dimensions[Math.floor(type / 1000)];
  if (order !== LITTLE_ENDIAN || shape === undefined || named === undefined || nesting > NESTING_MAX + 1) {
    throw new ByteFormatError(`no geometry of type ${type}, byte order ${order}`, at);
  }
  return { shape, named };
}

function listText(reader: ByteReader, one: () => string): string {
  const count = reader.u32();
  if (count === 0) return "EMPTY";
  if (count > reader.remaining)
    throw new ByteFormatError(`${count} members do not fit the geometry`, reader.offset);
  return `(${Array.from({ length: count }, one).join(", ")})`;
}

function pointText(reader: ByteReader, named: Dimensions): string | undefined {
  const numbers = Array.from({ length: 2 + named.length }, () => reader.f64());
  return numbers.every(Number.isNaN) ? undefined : numbers.map(plainNumber).join(" ");
}

/** Shortest digits that give the number again, never with an exponent. */
function plainNumber(value: number): string {
  const text = String(value);
  const [mantissa = "", exponent] = text.split("e");
  if (exponent === undefined) return text;
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, "0")}`;
}
