/**
 * At most about how many instructions a pattern compiles to: its characters, times the counts of the repetitions around them.
 * Nine kilobytes of `a{1000}` would take seconds to compile. A pattern that is not valid has any size; it is refused anyway.
 */
export function regexSizeBound(pattern: string): number {
  const open: number[] = [];
  /** Of the group that is read, and of what in it the next repetition is about. */
  let size = 0;
  let last = 0;
  const add = (more: number): void => {
    size += more;
    last = more;
  };
  for (let at = 0; at < pattern.length;) {
    const character = pattern[at];
    if (character === "(") {
      open.push(size);
      size = 0;
      last = 0;
      at++;
    } else if (character === ")") {
      const inside = size + 2;
      size = open.pop() ?? 0;
      add(inside);
      at++;
    } else if (character === "[") {
      add(1);
      at = classEnd(pattern, at);
    } else if (character === "\\") {
      add(1);
      at = escapeEnd(pattern, at);
    } else {
      const count = character === "{" ? repetition(pattern, at) : undefined;
      if (count === undefined) {
        add(1);
        at++;
      } else {
        // Once is counted already; {0} leaves nothing, and that is no reason to count less.
        size += last * Math.max(count.most - 1, 0);
        last *= Math.max(count.most, 1);
        at = count.end;
      }
    }
  }
  return open.reduce((sum, outside) => sum + outside, size);
}

const REPETITION = /\{([0-9]{1,4})(?:,([0-9]{0,4}))?\}/y;

function repetition(
  pattern: string,
  at: number,
): { readonly most: number; readonly end: number } | undefined {
  REPETITION.lastIndex = at;
  const found = REPETITION.exec(pattern);
  if (found === null) return undefined;
  return { most: Math.max(Number(found[1]), Number(found[2] ?? 0)), end: REPETITION.lastIndex };
}

/** `\x{1F600}` and `\p{Greek}` are one character. */
function escapeEnd(pattern: string, start: number): number {
  const named = "xpP".includes(pattern[start + 1] ?? " ") && pattern[start + 2] === "{";
  const end = named ? pattern.indexOf("}", start) : -1;
  return end === -1 ? start + 2 : end + 1;
}

/** Behind the bracket that closes a class; one that comes first, and those of `[:alpha:]`, belong to it. */
function classEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === "^") at++;
  if (pattern[at] === "]") at++;
  while (at < pattern.length && pattern[at] !== "]") {
    if (pattern[at] === "\\") at += 2;
    else if (pattern.startsWith("[:", at)) {
      const end = pattern.indexOf(":]", at + 2);
      at = end === -1 ? at + 1 : end + 2;
    } else at++;
  }
  return at + 1;
}
