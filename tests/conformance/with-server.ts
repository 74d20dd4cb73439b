import { connect } from "node:net";
import { startServer, type ServerOptions } from "../e2e/support/server.ts";

/** Runs `work` with a server on the port: the one that is there, else a fresh one that is stopped afterwards. */
export async function withServer(
  { port, ...options }: ServerOptions & { readonly port: number },
  work: () => Promise<void>,
): Promise<void> {
  if (await answers(port)) {
    console.log(`using the server on port ${port}`);
    await work();
    return;
  }
  await using server = await startServer({ port, ...options });
  console.log(`started a server on ${server.address}, ready after ${server.readyMs.toFixed(0)} ms`);
  await work();
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
