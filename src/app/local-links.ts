import type { ServiceTable } from "../api/service-table.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import { directChannel } from "../transport/direct-channel.ts";
import type { Links } from "./process-ports.ts";

/** Roles of one thread, reached by direct calls. */
export class LocalLinks implements Links {
  readonly #freeze: boolean;
  readonly #roles = new Map<string, object>();

  constructor(options: { readonly freeze: boolean }) {
    this.#freeze = options.freeze;
  }

  /** Makes a role reachable; its stub is made once. */
  serve<C extends object>(table: ServiceTable<C>, implementation: C): void {
    this.#roles.set(table.name, directChannel(table, implementation, { freeze: this.#freeze }));
  }

  connect<C extends object>(table: ServiceTable<C>): C {
    const stub = this.#roles.get(table.name);
    if (stub === undefined) throw serviceUnavailable(`${table.name} does not run in this process`);
    return stub as C;
  }
}
