/** How many rows or vectors a call moves: what Milvus counts beside calls. */
export interface MovedRows {
  readonly kind: "search" | "query" | "insert" | "upsert" | "delete";
  /** Of the request; 1 for a query. */
  readonly asked: number;
  /** Of the answer: the same for reads, the rows that are in for writes. */
  readonly moved: number;
}

/** Undefined for calls that move none. `answer` is undefined for a call that threw. */
export function movedRows(rpc: string, request: unknown, answer: unknown): MovedRows | undefined {
  // The service table says which request and answer an RPC has; here only numbers are read, where they are there.
  switch (rpc) {
    case "Search":
    case "HybridSearch": {
      const nq = Math.max(1, numberAt(request, "nq"));
      return { kind: "search", asked: nq, moved: nq };
    }
    case "Query":
      return { kind: "query", asked: 1, moved: 1 };
    case "Insert":
      return { kind: "insert", asked: numberAt(request, "numRows"), moved: numberAt(answer, "insertCnt") };
    case "Upsert":
      return { kind: "upsert", asked: numberAt(request, "numRows"), moved: numberAt(answer, "upsertCnt") };
    case "Delete":
      return { kind: "delete", asked: 0, moved: numberAt(answer, "deleteCnt") };
    default:
      return undefined;
  }
}

function numberAt(message: unknown, name: string): number {
  if (typeof message !== "object" || message === null) return 0;
  const value = (message as Readonly<Record<string, unknown>>)[name];
  const count = typeof value === "bigint" || typeof value === "number" ? Number(value) : 0;
  // What a client writes into a request is not yet checked.
  return count > 0 && count < 1e9 ? count : 0;
}
