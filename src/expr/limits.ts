/** Bounds on one filter expression. Each has its own message that names the bound and what the filter had. */
export interface ExpressionLimits {
  /** UTF-16 code units of the text. */
  readonly lengthMax: number;
  /** Nested operators, functions, lists and parentheses. */
  readonly depthMax: number;
  /** Operators, operands and functions; the elements of lists are counted by `listItemsMax` alone. */
  readonly nodesMax: number;
  /** Elements of all lists together, template values included. */
  readonly listItemsMax: number;
}

/** 16 MiB hold a delete of 700,000 int64 keys. */
export const EXPRESSION_LENGTH_MAX = 16 * 1024 * 1024;
export const EXPRESSION_DEPTH_MAX = 250;
/** A program has at most one operation for each node and one for each connective: within FILTER_OPS_MAX. */
export const EXPRESSION_NODES_MAX = 30_000;
export const EXPRESSION_LIST_ITEMS_MAX = 1_000_000;

export const DEFAULT_LIMITS: ExpressionLimits = {
  lengthMax: EXPRESSION_LENGTH_MAX,
  depthMax: EXPRESSION_DEPTH_MAX,
  nodesMax: EXPRESSION_NODES_MAX,
  listItemsMax: EXPRESSION_LIST_ITEMS_MAX,
};
