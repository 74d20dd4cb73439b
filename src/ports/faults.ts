/**
 * Named points in production code where a simulation may crash the node or fail the step. In production nothing fires.
 * The list of points is closed (core and roles declare theirs), so that a run can tell which never occurred.
 */
export interface Faults {
  /** Returns when execution goes on; throws or never returns when the simulation decides otherwise. */
  point(name: string): Promise<void>;
}

export const NO_FAULTS: Faults = { point: async () => undefined };
