/** Milliseconds of a `grpc-timeout` header (up to eight digits and a unit), or undefined when it is malformed. */
export function parseGrpcTimeout(header: string): number | undefined {
  const digits = header.length - 1;
  const unitMs = UNIT_MS[header[digits] ?? ""];
  if (unitMs === undefined || digits < 1 || digits > DIGITS_MAX) return undefined;
  let value = 0;
  for (let at = 0; at < digits; at++) {
    const digit = header.charCodeAt(at) - CODE_OF_0;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value * unitMs;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const DIGITS_MAX = 8;
const CODE_OF_0 = 48;
