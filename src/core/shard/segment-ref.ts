import { assert } from "../../base/assert.ts";
import type { Segment } from "../../ports/engine.ts";

/** A segment that several views use; closed when the last of them lets go. Starts with one holder. */
export class SegmentRef<S extends Segment = Segment> {
  readonly segment: S;
  #holders = 1;

  constructor(segment: S) {
    this.segment = segment;
  }

  retain(): void {
    assert(this.#holders > 0, "a closed segment cannot be retained");
    this.#holders += 1;
  }

  release(): void {
    assert(this.#holders > 0, "a segment was released more often than retained");
    this.#holders -= 1;
    if (this.#holders === 0) this.segment.close();
  }
}
