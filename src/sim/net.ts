import type { ServiceTable } from "../api/service-table.ts";
import type { Links } from "../app/process-ports.ts";
import type { Prng } from "../base/prng.ts";
import { decodeError, encodeError } from "../errors/error-codec.ts";
import { abortReason, deadlineExceeded, serviceUnavailable } from "../errors/service-errors.ts";
import type { CallContext } from "../model/call-context.ts";
import type { NodeId } from "../model/ids.ts";
import type { Clock } from "../ports/clock.ts";
import { directChannel } from "../transport/direct-channel.ts";
import type { Life } from "./life.ts";
import { copyPlain } from "./plain-copy.ts";
import type { World } from "./world.ts";

/** How the network behaves now; faults change it. */
export interface NetConditions {
  delayMsMin: number;
  delayMsMax: number;
  /** Share of messages that never arrive. */
  loss: number;
  /** Share of requests of idempotent methods that arrive twice. */
  repeat: number;
  /** Share of messages that take much longer, and are overtaken. */
  late: number;
}

/** A process that can be called. */
export interface NetProcess {
  readonly machine: string;
  readonly nodeId: NodeId;
  readonly life: Life;
  readonly clock: Clock;
}

/**
 * The network between machines, and from machines to the shared services. Every message has its own delay, so messages overtake each
 * other; a cut lies between two machines in one direction. A caller whose request or answer was lost learns it as
 * a broken connection after a while, not knowing whether the call took effect.
 */
export class SimNet {
  readonly conditions: NetConditions = { delayMsMin: 0.05, delayMsMax: 0.6, loss: 0, repeat: 0, late: 0 };
  readonly #world: World;
  readonly #random: Prng;
  readonly #cuts = new Set<string>();
  /** Milliseconds that a message may take longer on a way. */
  readonly #slow = new Map<string, number>();
  /** Share of the answers on a way that what is told on it later overtakes; one at a time, so that those who ask get on. */
  readonly #overtakes = new Map<string, number>();
  /** How to send on the answer that waits, by way. */
  readonly #overtaken = new Map<string, () => void>();
  readonly #processes = new Map<NodeId, Registered>();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random("net");
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  slow(from: string, to: string, byMsMax: number): void {
    this.#slow.set(`${from}>${to}`, byMsMax);
  }

  /** Until it is set anew: nothing else heals it. */
  overtakeAnswers(from: string, to: string, share: number): void {
    this.#overtakes.set(`${from}>${to}`, share);
  }

  /** Runs it when something is told on the way, or after a while. */
  #overtake(way: string, run: () => void): void {
    const end = (): void => {
      timer.cancel();
      this.#overtaken.delete(way);
      run();
    };
    this.#overtaken.set(way, end);
    const timer = this.#world.after(OVERTAKEN_MS_MAX * this.#random.float(), "not overtaken", end);
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  healAll(): void {
    this.#cuts.clear();
    this.#slow.clear();
    Object.assign(this.conditions, { loss: 0, repeat: 0, late: 0 });
  }

  /** Milliseconds that a message takes, or undefined when it is lost. */
  trip(from: string, to: string): number | undefined {
    if (this.isCut(from, to) || this.#random.chance(this.conditions.loss)) return undefined;
    const { delayMsMin, delayMsMax, late } = this.conditions;
    const slowMs = this.#slow.get(`${from}>${to}`) ?? 0;
    const delayMs = delayMsMin + this.#random.float() * (delayMsMax - delayMsMin + slowMs);
    return this.#random.chance(late) ? delayMs + this.#random.float() * LATE_MS : delayMs;
  }

  /** How long it takes to notice a lost message. */
  noticeMs(): number {
    return NOTICE_MS_MIN + this.#random.float() * (NOTICE_MS_MAX - NOTICE_MS_MIN);
  }

  /** Makes a process reachable, as far as it serves something. */
  join(process: NetProcess): void {
    this.#processes.set(process.nodeId, { process, services: new Map() });
  }

  serve<C extends object>(process: NetProcess, table: ServiceTable<C>, implementation: C): void {
    this.#processes.get(process.nodeId)?.services.set(table.name, {
      implementation: implementation as Implementation,
      local: directChannel(table, implementation, { freeze: true }),
    });
  }

  withdraw(process: NetProcess, table: ServiceTable<never>): void {
    this.#processes.get(process.nodeId)?.services.delete(table.name);
  }

  /** What a process uses to reach others, and itself by direct calls. */
  links(caller: NetProcess): Links {
    const stubs = new Map<string, object>();
    return {
      connect: <C extends object>(table: ServiceTable<C>, node: { readonly nodeId: NodeId }): C => {
        if (node.nodeId === caller.nodeId) {
          const local = this.#processes.get(node.nodeId)?.services.get(table.name)?.local;
          if (local === undefined) throw serviceUnavailable(`${table.name} does not run in this process`);
          return local as C;
        }
        const key = `${table.name}/${node.nodeId}`;
        const known = stubs.get(key);
        if (known !== undefined) return known as C;
        const methods = table.methods as Readonly<Record<string, { readonly idempotent: boolean }>>;
        const stub = Object.fromEntries(
          Object.entries(methods).map(([method, { idempotent }]) => [
            method,
            (ctx: CallContext, request: unknown): Promise<unknown> =>
              this.#call(caller, { to: node.nodeId, service: table.name, method, idempotent }, ctx, request),
          ]),
        ) as C;
        stubs.set(key, stub);
        return stub;
      },
    };
  }

  #call(caller: NetProcess, call: Call, ctx: CallContext, request: unknown): Promise<unknown> {
    if (ctx.signal.aborted) return Promise.reject(abortReason(ctx.signal));
    const name = `${call.service}.${call.method}`;
    const sent = copyPlain(request, name);
    const remainingMs = ctx.deadlineMs === undefined ? undefined : ctx.deadlineMs - caller.clock.nowMs();
    const server = new AbortController();
    return new Promise((resolve, reject) => {
      let open = true;
      const settle = (act: () => void): void => {
        caller.life.wake(() => {
          if (!open) return;
          open = false;
          ctx.signal.removeEventListener("abort", onAbort);
          act();
        });
      };
      const broken = (why: string): void => {
        const noticed = this.noticeMs();
        this.#world.after(noticed, "net broken", () => settle(() => reject(serviceUnavailable(why))));
      };
      const onAbort = (): void => {
        const reason = abortReason(ctx.signal);
        const trip = this.trip(caller.machine, this.#machineOf(call.to));
        if (trip !== undefined) this.#world.after(trip, "net cancel", () => server.abort(reason));
        settle(() => reject(reason));
      };
      ctx.signal.addEventListener("abort", onAbort, { once: true });
      const deliver = (): void =>
        this.#deliver(caller, call, {
          ctx,
          request: sent,
          remainingMs,
          server,
          settle,
          resolve,
          reject,
          broken,
        });
      const target = this.#machineOf(call.to);
      const trip = this.trip(caller.machine, target);
      if (trip === undefined) broken(`no answer of ${call.service} on ${target}`);
      else this.#world.after(trip, name, deliver);
      if (call.idempotent && this.#random.chance(this.conditions.repeat)) {
        const again = this.trip(caller.machine, target);
        if (again !== undefined) {
          const silent = {
            ctx,
            request: copyPlain(sent, name),
            remainingMs,
            server,
            settle: () => undefined,
            resolve,
            reject,
            broken: () => undefined,
          };
          this.#world.after(again + LATE_MS * this.#random.float(), `again ${name}`, () =>
            this.#deliver(caller, call, silent),
          );
        }
      }
    });
  }

  #deliver(caller: NetProcess, call: Call, message: Message): void {
    const registered = this.#processes.get(call.to);
    const service = registered?.services.get(call.service);
    const method = service?.implementation[call.method];
    const back = (label: string, act: () => void): void => {
      const server = this.#machineOf(call.to);
      const trip = this.trip(server, caller.machine);
      const way = `${server}>${caller.machine}`;
      const share = this.#overtakes.get(way) ?? 0;
      const arrive = (): void => void this.#world.after(trip ?? 0, label, () => message.settle(act));
      if (trip === undefined) message.broken(`no answer of ${call.service}`);
      else if (share > 0 && !this.#overtaken.has(way) && this.#random.chance(share))
        this.#overtake(way, arrive);
      else arrive();
    };
    if (
      registered === undefined ||
      !registered.process.life.alive ||
      service === undefined ||
      method === undefined
    ) {
      back("net refused", () =>
        message.reject(serviceUnavailable(`${call.service} is not served by node ${call.to}`)),
      );
      return;
    }
    this.#overtaken.get(`${caller.machine}>${this.#machineOf(call.to)}`)?.();
    const { process } = registered;
    const forget = process.life.onDeath(() => message.broken(`node ${call.to} has gone away`));
    process.life.wake(() =>
      this.#serve(call, message, process, method.bind(service.implementation), (label, act) => {
        forget();
        back(label, act);
      }),
    );
  }

  #serve(
    call: Call,
    message: Message,
    process: NetProcess,
    method: (ctx: CallContext, request: unknown) => Promise<unknown>,
    back: (label: string, act: () => void) => void,
  ): void {
    const { principal, database, trace, clientRequestId } = message.ctx;
    const deadlineMs =
      message.remainingMs === undefined ? undefined : process.clock.nowMs() + message.remainingMs;
    const ctx: CallContext = {
      principal,
      database,
      trace,
      clientRequestId,
      deadlineMs,
      signal: message.server.signal,
    };
    const timer =
      message.remainingMs === undefined
        ? undefined
        : this.#world.after(message.remainingMs, "deadline", () =>
            message.server.abort(deadlineExceeded(call.method)),
          );
    const run = async (): Promise<unknown> => method(ctx, message.request);
    run().then(
      (answer) => {
        timer?.cancel();
        if (!process.life.alive) return;
        const sent = copyPlain(answer, `the answer of ${call.service}.${call.method}`);
        back("answer", () => message.resolve(sent));
      },
      (error: unknown) => {
        timer?.cancel();
        if (!process.life.alive) return;
        const encoded = encodeError(error);
        this.#world.note(`${call.service}.${call.method} on ${process.machine}: ${encoded.message}`);
        back("error", () => message.reject(decodeError(encoded)));
      },
    );
  }

  #machineOf(id: NodeId): string {
    return this.#processes.get(id)?.process.machine ?? "nowhere";
  }
}

type Implementation = Readonly<Record<string, (ctx: CallContext, request: unknown) => Promise<unknown>>>;

interface Registered {
  readonly process: NetProcess;
  readonly services: Map<string, { readonly implementation: Implementation; readonly local: object }>;
}

interface Call {
  readonly to: NodeId;
  readonly service: string;
  readonly method: string;
  readonly idempotent: boolean;
}

interface Message {
  readonly ctx: CallContext;
  /** Nobody else has it. */
  readonly request: unknown;
  readonly remainingMs: number | undefined;
  readonly server: AbortController;
  readonly settle: (act: () => void) => void;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly broken: (why: string) => void;
}

const LATE_MS = 40;
/** Some changes of definitions come within it. */
const OVERTAKEN_MS_MAX = 600;
const NOTICE_MS_MIN = 20;
const NOTICE_MS_MAX = 250;
