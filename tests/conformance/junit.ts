import type { Outcome } from "./tally.ts";

/**
 * The tests of a JUnit report as pytest writes it: `testcase` elements with `classname` and `name`, and in them a `failure`, `error` or
 * `skipped` element. A test that fails and then has an error in its teardown is listed twice; the worse verdict counts.
 */
export function parseJunit(xml: string): readonly Outcome[] {
  const outcomes = new Map<string, Outcome>();
  for (const [, head = "", selfClosed, body = ""] of xml.matchAll(
    /<testcase\b([^>]*?)(?:(\/)>|>(.*?)<\/testcase>)/gs,
  )) {
    const id = `${attribute(head, "classname").replaceAll(".", "/")} :: ${attribute(head, "name")}`;
    const outcome = selfClosed === "/" ? passed(id) : fromBody(id, body);
    const known = outcomes.get(id);
    if (known === undefined || rank(outcome) > rank(known)) outcomes.set(id, outcome);
  }
  return [...outcomes.values()];
}

const passed = (id: string): Outcome => ({ id, verdict: "passed", reason: "" });

function fromBody(id: string, body: string): Outcome {
  const [, kind = "", head = ""] = /<(failure|error|skipped)\b([^>]*)>/.exec(body) ?? [];
  if (kind === "") return passed(id);
  const said = attribute(head, "message").split("\n")[0] ?? "";
  const reason = [said, serverError(body)].filter((part) => part !== "").join(" | ");
  return {
    id,
    verdict: kind === "skipped" ? "skipped" : "failed",
    reason: kind === "skipped" ? said : reason,
  };
}

/** The last error of the server in what the test printed: the assertion itself mostly says no more than that a call failed. */
function serverError(body: string): string {
  const errors = [...unescape(body).matchAll(/\(code=\d+, message=(.*?)\)>/gs)];
  return errors.at(-1)?.[1]?.split("\n")[0] ?? "";
}

function rank({ verdict }: Outcome): number {
  return { passed: 0, skipped: 1, failed: 2 }[verdict];
}

function attribute(head: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1] ?? "";
  return unescape(value);
}

function unescape(text: string): string {
  return text
    .replaceAll(/&#(\d+);|&#x([0-9A-Fa-f]+);/g, (_, decimal: string | undefined, hex: string | undefined) =>
      String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? "20", 16) : Number(decimal)),
    )
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
