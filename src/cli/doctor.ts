import { examineFolder, type Examination } from "../app/doctor/examine-folder.ts";
import type { Finding } from "../app/doctor/findings.ts";
import { ExitCode, UsageError, type Command, type Print } from "./command.ts";
import { parseOptions } from "./parse-options.ts";

/** `redkite doctor DIR`: exit code 0 when nothing is damaged, 1 otherwise. */
export const doctor: Command = async (args, print) => {
  const { rest } = parseOptions(args, []);
  const [folder, extra] = rest;
  if (folder === undefined) throw new UsageError("doctor of which folder? redkite doctor DIR");
  if (extra !== undefined) throw new UsageError(`doctor takes one folder, but got ${extra} too`);
  const examination = await examineFolder(folder);
  printCounts(examination, print);
  const notes = examination.findings.filter(({ severity }) => severity === "note");
  const damage = examination.findings.filter(({ severity }) => severity === "damage");
  for (const finding of notes.slice(0, NOTES_SHOWN)) printFinding(finding, print);
  if (notes.length > NOTES_SHOWN) print.line(`... and ${notes.length - NOTES_SHOWN} notes more`);
  for (const finding of damage) printFinding(finding, print);
  print.line(damage.length === 0 ? "healthy: nothing is damaged" : `${damage.length} damaged`);
  return damage.length === 0 ? ExitCode.ok : ExitCode.failed;
};

/** A crash may leave very many files that nothing names; damage is always shown in full. */
const NOTES_SHOWN = 20;

function printCounts({ createdBy, metadataEntries, log, objects }: Examination, print: Print): void {
  if (createdBy !== undefined) print.line(`data folder made by release ${createdBy}`);
  print.line(`metadata: ${metadataEntries} entries`);
  if (log !== undefined) {
    print.line(
      `log: ${log.topics} topics; ${log.records} records with ${log.rows} rows behind the checkpoints`,
    );
  }
  if (objects !== undefined) {
    const { segments, indexes, deltaLogs, bytes } = objects;
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    print.line(`objects: ${segments} segments, ${indexes} indexes, ${deltaLogs} delta logs; ${size} read`);
  }
}

function printFinding({ severity, file, concerns, problem, remedy }: Finding, print: Print): void {
  print.line(
    `${severity === "damage" ? "DAMAGED" : "note"} ${file}${concerns === undefined ? "" : ` (${concerns})`}`,
  );
  print.line(`  ${problem}`);
  print.line(`  what can be done: ${remedy}`);
}
