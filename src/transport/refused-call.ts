import type { OutgoingHttpHeaders } from "node:http2";
import { GrpcCall, type OpenedStream } from "./grpc-call.ts";
import type { GrpcServerCore } from "./grpc-server-core.ts";
import { GrpcError } from "./grpc-status.ts";

/** A stream that reaches no method: it is answered at once, with a gRPC status or, when it is not gRPC, an HTTP one. */
export class RefusedCall extends GrpcCall {
  readonly #answer: GrpcError | OutgoingHttpHeaders;

  constructor(core: GrpcServerCore, opened: OpenedStream, answer: GrpcError | OutgoingHttpHeaders) {
    super(core, opened);
    this.#answer = answer;
  }

  protected override serve(): void {
    if (this.#answer instanceof GrpcError) this.fail(this.#answer);
    else this.endWithHeaders(this.#answer);
  }

  // The answer is out before any of these could matter.
  protected override handleData(): void {}
  protected override handleEnd(): void {}
  protected override onClosed(): void {}
}
