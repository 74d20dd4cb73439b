import type { Prng } from "../base/prng.ts";
import type { SimKey, SimRow } from "./rows.ts";

/** A filter as text for the product and as a predicate of its own for the model: three-valued, unknown is undefined. */
export interface SimFilter {
  readonly text: string;
  readonly matches: (row: SimRow) => boolean | undefined;
}

export const EVERYTHING: SimFilter = { text: "", matches: () => true };

/** Shallow on purpose: the expression language has its own oracle; here it only has to select. */
export function randomFilter(random: Prng, keys: () => SimKey, depth = 2): SimFilter {
  const leaf = depth === 0 || random.chance(0.6);
  if (leaf) return randomLeaf(random, keys);
  const a = randomFilter(random, keys, depth - 1);
  if (random.chance(0.2)) return { text: `not (${a.text})`, matches: (row) => negate(a.matches(row)) };
  const b = randomFilter(random, keys, depth - 1);
  return random.chance(0.5)
    ? { text: `(${a.text}) and (${b.text})`, matches: (row) => both(a.matches(row), b.matches(row)) }
    : { text: `(${a.text}) or (${b.text})`, matches: (row) => either(a.matches(row), b.matches(row)) };
}

function randomLeaf(random: Prng, keys: () => SimKey): SimFilter {
  const bound = BigInt(random.between(-2, AGE_MAX));
  switch (random.int(7)) {
    case 0:
      return {
        text: `age >= ${bound}`,
        matches: ({ age }) => (age === undefined ? undefined : age >= bound),
      };
    case 1:
      return { text: `age < ${bound}`, matches: ({ age }) => (age === undefined ? undefined : age < bound) };
    case 2:
      return { text: "age is null", matches: ({ age }) => age === undefined };
    case 3: {
      const tag = random.pick(TAGS);
      return { text: `tag == "${tag}"`, matches: (row) => row.tag === tag };
    }
    case 4: {
      const list = Array.from({ length: random.between(1, 5) }, keys);
      const text = list.map((key) => (typeof key === "string" ? `"${key}"` : String(key))).join(", ");
      return { text: `id in [${text}]`, matches: ({ key }) => list.includes(key) };
    }
    case 5: {
      const prefix = random.pick(TAGS).slice(0, 1);
      // One of the prefixes as what runs beside the engine.
      const text = prefix === "b" ? 'tag =~ "^b[a-z]+$"' : `tag like "${prefix}%"`;
      return { text, matches: ({ tag }) => tag.startsWith(prefix) };
    }
    default: {
      const low = bound - 10n;
      return {
        text: `${low} < age <= ${bound}`,
        matches: ({ age }) => (age === undefined ? undefined : age > low && age <= bound),
      };
    }
  }
}

export const AGE_MAX = 40;
export const TAGS = ["red", "rook", "blue", "black", "green"] as const;

type Truth = boolean | undefined;

const negate = (a: Truth): Truth => (a === undefined ? undefined : !a);
const both = (a: Truth, b: Truth): Truth =>
  a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;
const either = (a: Truth, b: Truth): Truth =>
  a === true || b === true ? true : a === undefined || b === undefined ? undefined : false;
