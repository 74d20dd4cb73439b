import { connect } from "node:net";
import { startServer, type ServerOptions } from "../e2e/support/server.ts";

/**
 * Runs `work` with a server on the port: the one that is there, else a fresh one that is stopped afterwards. Rejects when the server is
 * gone at the end: what failed then says nothing about it.
 */
export async function withServer(
  { port, ...options }: ServerOptions & { readonly port: number },
  work: () => Promise<void>,
): Promise<void> {
  if (await answers(port)) {
    console.log(`using the server on port ${port}`);
    await work();
    if (!(await answers(port))) throw new Error(`the server on port ${port} ended during the run`);
    return;
  }
  await using server = await startServer({ port, ...options });
  console.log(`started a server on ${server.address}, ready after ${server.readyMs.toFixed(0)} ms`);
  await work();
  if (!(await answers(port)))
    throw new Error(`the server ended during the run, and said last:\n${server.output().slice(-3000)}`);
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
