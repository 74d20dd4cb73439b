/** Randomness. Streams with different names are independent. */
export interface Rng {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer in [0, below). */
  int(below: number): number;
  fork(name: string): Rng;
}
