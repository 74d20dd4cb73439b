import assert from "node:assert/strict";
import { test } from "node:test";
import { canceled, deadlineExceeded, serviceUnavailable } from "../errors/service-errors.ts";
import { encodeGrpcMessage, GrpcCode, toGrpcError } from "./grpc-status.ts";

test("messages are percent-encoded outside of printable ASCII", () => {
  assert.equal(encodeGrpcMessage("plain ~text!"), "plain ~text!");
  assert.equal(encodeGrpcMessage("50% ü\n"), "50%25 %C3%BC%0A");
});

test("expected errors become the status that says most", () => {
  assert.equal(toGrpcError(deadlineExceeded()).code, GrpcCode.DEADLINE_EXCEEDED);
  assert.equal(toGrpcError(canceled()).code, GrpcCode.CANCELLED);
  assert.equal(toGrpcError(serviceUnavailable("gone")).code, GrpcCode.UNAVAILABLE);
  assert.equal(toGrpcError("text").code, GrpcCode.UNKNOWN);
});
