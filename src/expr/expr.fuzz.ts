import { Prng } from "../base/prng.ts";
import { RedkiteError } from "../errors/redkite-error.ts";
import { compileFilter } from "./compile-filter.ts";
import { evaluate } from "./evaluate.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { printPredicate } from "./print.ts";
import { randomPredicate, randomRow, strictSchema, testSchema } from "./testing.ts";
import { templateConstants } from "./template-values.ts";

/** What a run of the fuzzer saw. */
export interface FuzzReport {
  readonly inputs: number;
  readonly accepted: number;
  /** Different messages, numbers and quoted parts left out: how many ways of failing were reached. */
  readonly refusals: number;
}

/**
 * Compiles `inputs` made-up filters from one seed and evaluates those that compile. Throws, naming the input, when one
 * makes anything but a filter or a RedkiteError. Bytes at random, tokens at random, and printed predicates with mutations.
 */
export function fuzzExpressions(seed: number | string, inputs: number): FuzzReport {
  const random = Prng.fromSeed(seed);
  const templates = templateConstants([
    { name: "n", value: 3n },
    { name: "list", value: [1n, "a", [true]] },
  ]);
  let accepted = 0;
  const refusals = new Set<string>();
  for (let i = 0; i < inputs; i++) {
    const text = makeInput(random);
    const schema = random.chance(0.5) ? testSchema : strictSchema;
    try {
      const { ast } = compileFilter(text, schema, { templates });
      evaluate(ast, randomRow(random));
      printPredicate(ast);
      accepted++;
    } catch (error) {
      if (!(error instanceof RedkiteError))
        throw new Error(`seed ${seed}, input ${i}: ${JSON.stringify(text)}`, { cause: error });
      if (refusals.size < 10_000) refusals.add(error.message.slice(-60).replace(/[0-9]+|'.*?'|".*?"/g, ""));
    }
  }
  return { inputs, accepted, refusals: refusals.size };
}

const fragments = [
  "id",
  "tenant",
  "flag",
  "i64",
  "f32",
  "text",
  "doc",
  "ints",
  "vector",
  "$meta",
  "unknown",
  "null",
  "doc['a']",
  'doc["a"]["b"][0]',
  "ints[0]",
  "k[1]",
  "s[0][a]",
  "$[a]",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "+",
  "-",
  "*",
  "/",
  "%",
  "**",
  "<<",
  ">>",
  "&",
  "|",
  "^",
  "~",
  "=~",
  "!~",
  "=",
  "and",
  "or",
  "not",
  "&&",
  "||",
  "!",
  "in",
  "not in",
  "like",
  "exists",
  "is null",
  "is not null",
  "IS NULL",
  "LIKE",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  "{n}",
  "{list}",
  "{gone}",
  "[]",
  "[1, 2]",
  "['a', 1]",
  "[[1], true]",
  "1",
  "0",
  "-1",
  "9223372036854775807",
  "9223372036854775808",
  "0x1F",
  "017",
  "0b1",
  "1.5",
  ".5",
  "1e400",
  "0x1p-3",
  "08",
  "true",
  "False",
  "=~ 'a+'",
  '!~ r"[\\d"',
  "'(a|b){2,}'",
  "'a'",
  '"b%"',
  "'\\'",
  '"\\u4e2d"',
  'r"\\d"',
  "'\\x41'",
  "'unclosed",
  "\u{1f600}",
  "\ud800",
  "json_contains(",
  "array_contains_any(",
  "ARRAY_LENGTH(",
  "text_match(",
  "random_sample(",
  "f(",
  "empty(",
  " ",
  "\n",
  "\t",
  "`",
  "#",
  ";",
  "--",
  "\u0000",
];

function makeInput(random: Prng): string {
  switch (random.int(5)) {
    case 0:
      return new TextDecoder().decode(random.bytes(random.int(40)));
    case 1: {
      const bytes = random.bytes(random.int(60)).map((byte) => 32 + (byte % 95));
      return new TextDecoder().decode(bytes);
    }
    case 2:
      return Array.from({ length: random.int(14) }, () => random.pick(fragments)).join(
        random.pick(["", " "]),
      );
    case 3:
      return repeated(random);
    default:
      return mutate(random, printPredicate(randomPredicate(random, 3)));
  }
}

/** One fragment many times: depth, length and chains. */
function repeated(random: Prng): string {
  const piece = random.pick([
    ...fragments,
    "not ",
    "(",
    "[",
    "1+",
    "i64>1 or ",
    "- ",
    "exists ",
    "1<i64<",
    "doc['a']",
    "[1,",
    "2**",
    "'%",
  ]);
  const count = random.pick([3, 100, DEFAULT_LIMITS.depthMax + 5, 2000]);
  return piece.repeat(count) + random.pick(["", "1", "i64 > 1", ")".repeat(count), "]".repeat(count)]);
}

function mutate(random: Prng, text: string): string {
  let result = text;
  for (let n = random.int(4); n > 0; n--) {
    const at = random.int(result.length + 1);
    const cut = random.int(4);
    const insertion = random.chance(0.6)
      ? random.pick(fragments)
      : result.slice(random.int(result.length + 1), at);
    result = result.slice(0, at) + insertion + result.slice(at + cut);
  }
  return result;
}
