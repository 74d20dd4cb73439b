// `node scripts/with-setup.mjs <file.ts> [args]`: runs a script of the repository the way `npm start` runs the server.
import { launch } from "./launch.mjs";

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) {
  process.stderr.write("usage: node scripts/with-setup.mjs <file.ts> [args]\n");
  process.exitCode = 2;
} else {
  await launch(entry, args);
}
