import type { ServiceTable } from "../api/service-table.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import type { NodeId } from "../model/ids.ts";
import { directChannel } from "../transport/direct-channel.ts";
import type { Links } from "./process-ports.ts";

/** The roles of one process: those of this thread by direct calls, those of its other threads by the stubs given. */
export class LocalLinks implements Links {
  readonly #freeze: boolean;
  readonly #roles = new Map<string, object>();

  constructor(options: { readonly freeze: boolean }) {
    this.#freeze = options.freeze;
  }

  /** Makes a role of this thread reachable; its stub is made once. */
  serve<C extends object>(table: ServiceTable<C>, implementation: C): void {
    this.#roles.set(table.name, directChannel(table, implementation, { freeze: this.#freeze }));
  }

  /** Makes a role of another thread reachable under its node id; undefined forgets it. */
  attach<C extends object>(table: ServiceTable<C>, nodeId: NodeId, stub: C | undefined): void {
    const key = `${table.name}/${nodeId}`;
    if (stub === undefined) this.#roles.delete(key);
    else this.#roles.set(key, stub);
  }

  connect<C extends object>(table: ServiceTable<C>, node: { readonly nodeId: NodeId }): C {
    const stub = this.#roles.get(`${table.name}/${node.nodeId}`) ?? this.#roles.get(table.name);
    if (stub === undefined)
      throw serviceUnavailable(`${table.name} ${node.nodeId} does not run in this process`);
    return stub as C;
  }
}
