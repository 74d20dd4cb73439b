// `npm start`, `npm run redkite -- <command>`: the command line, after setting the clone up where needed.
import { launch } from "./launch.mjs";

await launch("src/cli/main.ts", process.argv.slice(2));
