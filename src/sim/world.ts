import { Heap } from "../base/heap.ts";
import { Prng } from "../base/prng.ts";

/**
 * The simulated world: one heap of events ordered by (virtual time, sequence). Between two events lies one turn of the real event
 * loop, which drains every promise; so whatever code does between two events happens at one moment, in an order that only the
 * program decides. Nothing in a simulation may wait for anything but events.
 *
 * The trace hash covers every event that ran: two runs of a seed are the same when their hashes are.
 */
export class World {
  readonly seed: number;
  readonly #prng: Prng;
  readonly #events = new Heap<Event>({
    capacity: EVENTS_MAX,
    compare: (a, b) => a.atMs - b.atMs || a.sequence - b.sequence,
  });
  readonly #listeners: ((line: string) => void)[] = [];
  #nowMs = 0;
  #sequence = 0;
  #count = 0;
  #hash = 0x811c_9dc5;

  constructor(seed: number) {
    this.seed = seed;
    this.#prng = Prng.fromSeed(seed);
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that ran. */
  get events(): number {
    return this.#count;
  }

  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** A stream of random numbers of its own: drawing from one never changes another. */
  random(name: string): Prng {
    return this.#prng.fork(name);
  }

  /** Runs `run` after `delayMs`; the label becomes part of the trace. */
  after(delayMs: number, label: string, run: () => void): Scheduled {
    const event: Event = { atMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, label, run };
    if (!this.#events.push(event)) throw new RangeError(`more than ${EVENTS_MAX} events wait`);
    return { cancel: () => (event.run = undefined) };
  }

  /** Resolves after `delayMs`. */
  pause(delayMs: number, label = "pause"): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, label, resolve));
  }

  /** Something worth hashing that is no event: an answer, a fault. */
  note(line: string): void {
    this.#mix(line);
    for (const listener of this.#listeners) listener(`${this.#nowMs.toFixed(3)} ${line}`);
  }

  /** Hears of every note and event; for finding out what happened. */
  listen(listener: (line: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Runs events until the promise settles. Fails when nothing is left to happen before that, or too much has. */
  async run<T>(
    main: Promise<T>,
    limits: { readonly eventsMax: number; readonly untilMs: number },
  ): Promise<T> {
    const settled = { now: false };
    const mark = (): void => void (settled.now = true);
    main.then(mark, mark);
    await turn();
    while (!settled.now) {
      const event = this.#events.pop();
      if (event === undefined)
        throw new Stuck("nothing is left to happen, and the run has not come to its end");
      if (event.run === undefined) continue;
      if (++this.#count > limits.eventsMax) throw new Stuck(`more than ${limits.eventsMax} events`);
      this.#nowMs = event.atMs;
      if (this.#nowMs > limits.untilMs) throw new Stuck(`more than ${limits.untilMs} ms of virtual time`);
      this.#mix(event.label);
      if (this.#listeners.length > 0 && event.label !== "")
        for (const listener of this.#listeners) listener(`${this.#nowMs.toFixed(3)} ${event.label}`);
      event.run();
      await turn();
    }
    return main;
  }

  #mix(text: string): void {
    let hash = this.#hash ^ ((this.#nowMs * 1000) | 0);
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    this.#hash = hash;
  }
}

/** The run cannot come to an end: itself a failure of liveness. */
export class Stuck extends Error {
  override readonly name = "Stuck";
}

export interface Scheduled {
  cancel(): void;
}

interface Event {
  readonly atMs: number;
  readonly sequence: number;
  readonly label: string;
  run: (() => void) | undefined;
}

const EVENTS_MAX = 1 << 20;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
