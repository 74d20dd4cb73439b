import type { Server } from "node:net";

export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Several threads or processes may listen on the same port; the system spreads the connections by chance. */
  readonly reusePort?: boolean;
}

/** Resolves with the port bound; rejects with the system's error, such as `EADDRINUSE`. */
export async function listenOn(server: Server, address: ListenAddress): Promise<number> {
  const { host, port, reusePort = false } = address;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  // With `exclusive` a port can be shared only by asking for it.
  server.listen({ host, port, reusePort, exclusive: true, backlog: LISTEN_BACKLOG }, resolve);
  await promise;
  server.removeListener("error", reject);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new TypeError(`not a TCP address: ${String(bound)}`);
  return bound.port;
}

/** Stops accepting. Resolves when the last connection has ended; at once when the server never listened. */
export async function closeListener(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
}

const LISTEN_BACKLOG = 1024;
