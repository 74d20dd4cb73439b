/** A call as a transport hands it over: gRPC's server calls fit as they are. */
export interface IncomingCall {
  readonly metadata: { get(name: string): string | undefined };
  /** Milliseconds since the Unix epoch; undefined when the client set none. */
  readonly deadlineMs: number | undefined;
  /** Aborts when the client cancels, its deadline passes or the server drains. May be made on first use. */
  readonly signal: AbortSignal;
  /** `address:port` of the client. */
  readonly peer: string;
  readonly requestBytes: number;
}
