import { runSeed } from "../sim/run-seed.ts";
const from = Number(process.argv[2] ?? 0),
  count = Number(process.argv[3] ?? 1);
for (let seed = from; seed < from + count; seed++) {
  const started = performance.now();
  const r = await runSeed({
    seed,
    ...(process.env.LOG ? { log: (l: string) => console.log(l) } : {}),
    ...(process.env.FAULTS !== undefined ? { faults: Number(process.env.FAULTS) } : {}),
    ...(process.env.OPS !== undefined ? { operations: Number(process.env.OPS) } : {}),
  });
  console.log(
    `seed ${seed} ${r.topology} ${r.engine} ops ${r.operations} events ${r.events} virtual ${Math.round(r.virtualMs)} ms, ${Math.round(performance.now() - started)} ms, ${r.traceHash} faults ${r.coverage.faultCount}`,
  );
  for (const v of r.violations.slice(0, 2))
    console.log("  ", Math.round(v.atMs), v.detail.split("\n").slice(0, 6).join("\n     "));
  if (process.env.COVER) for (const l of r.coverage.report()) console.log(l);
}
process.exit(0);
