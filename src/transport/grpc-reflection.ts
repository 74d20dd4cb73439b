import { Reader, Writer } from "protobufjs/minimal.js";
import type { FileDescriptor } from "../wire/reflection.ts";
import { withHeadroom } from "./grpc-frames.ts";
import type { GrpcMethod, StreamMethod } from "./grpc-method.ts";
import { GrpcCode } from "./grpc-status.ts";

/**
 * Server reflection, v1 and v1alpha (the same messages under two names): lets grpcurl and its like ask for services
 * and descriptors. The descriptors are fetched at the first question.
 */
export function reflectionMethods(source: ReflectionSource): Map<string, GrpcMethod> {
  let index: DescriptorIndex | undefined;
  const method: StreamMethod<ReflectionRequest, Uint8Array> = {
    kind: "stream",
    decode: decodeRequest,
    encode: withHeadroom,
    handle: async (_call, requests, send) => {
      // A client has the files that this stream brought already.
      const sent = new Set<string>();
      for await (const request of requests) {
        index ??= new DescriptorIndex(source.descriptors());
        await send(encodeResponse(request, answer(request, index, source.services(), sent)));
      }
    },
  };
  return new Map<string, GrpcMethod>(
    REFLECTION_SERVICES.map((service) => [`/${service}/ServerReflectionInfo`, method]),
  );
}

export interface ReflectionSource {
  /** Full names of the services to list. */
  services(): readonly string[];
  descriptors(): readonly FileDescriptor[];
}

export const REFLECTION_SERVICES = [
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
] as const;

class DescriptorIndex {
  readonly #byName = new Map<string, FileDescriptor>();
  readonly #bySymbol = new Map<string, FileDescriptor>();

  constructor(files: readonly FileDescriptor[]) {
    for (const file of files) {
      this.#byName.set(file.name, file);
      for (const symbol of file.symbols) this.#bySymbol.set(symbol, file);
    }
  }

  byName(name: string): FileDescriptor | undefined {
    return this.#byName.get(name);
  }

  bySymbol(symbol: string): FileDescriptor | undefined {
    return this.#bySymbol.get(symbol);
  }

  /** The file and all that it needs, without those in `sent`, to which they are added; the file itself always. */
  closure(file: FileDescriptor, sent: Set<string>): Uint8Array[] {
    const files = [file.bytes];
    sent.add(file.name);
    const open = [...file.dependencies];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const dependency = this.#byName.get(name);
      if (dependency === undefined || sent.has(name)) continue;
      sent.add(name);
      files.push(dependency.bytes);
      open.push(...dependency.dependencies);
    }
    return files;
  }
}

interface ReflectionRequest {
  readonly bytes: Uint8Array;
  readonly host: string;
  readonly kind: "file" | "symbol" | "extension" | "extensionNumbers" | "services" | "none";
  readonly argument: string;
}

type ReflectionAnswer =
  | { readonly kind: "files"; readonly files: readonly Uint8Array[] }
  | { readonly kind: "services"; readonly names: readonly string[] }
  | { readonly kind: "error"; readonly code: GrpcCode; readonly message: string };

function answer(
  request: ReflectionRequest,
  index: DescriptorIndex,
  services: readonly string[],
  sent: Set<string>,
): ReflectionAnswer {
  const { kind, argument } = request;
  switch (kind) {
    case "services":
      return { kind: "services", names: services };
    case "file":
    case "symbol": {
      const file = kind === "file" ? index.byName(argument) : index.bySymbol(argument);
      if (file === undefined) return notFound(`${kind} not found: ${argument}`);
      return { kind: "files", files: index.closure(file, sent) };
    }
    case "extension":
    case "extensionNumbers":
      return notFound("the served definitions have no extensions");
    case "none":
      return { kind: "error", code: GrpcCode.INVALID_ARGUMENT, message: "the request asks for nothing" };
  }
}

function notFound(message: string): ReflectionAnswer {
  return { kind: "error", code: GrpcCode.NOT_FOUND, message };
}

function decodeRequest(bytes: Uint8Array): ReflectionRequest {
  const reader = Reader.create(bytes);
  let host = "";
  let kind: ReflectionRequest["kind"] = "none";
  let argument = "";
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const asked = REQUEST_KINDS[tag >>> 3];
    if (tag === bytesField(1)) host = reader.string();
    else if (asked === undefined || (tag & 7) !== 2) reader.skipType(tag & 7);
    else {
      kind = asked;
      if (asked === "extension") reader.skip(reader.uint32());
      else argument = reader.string();
    }
  }
  return { bytes, host, kind, argument };
}

/** ServerReflectionResponse. */
function encodeResponse(request: ReflectionRequest, answered: ReflectionAnswer): Uint8Array {
  const writer = Writer.create();
  writer.uint32(bytesField(1)).string(request.host);
  writer.uint32(bytesField(2)).bytes(request.bytes);
  switch (answered.kind) {
    case "files":
      writer.uint32(bytesField(4)).fork();
      for (const file of answered.files) writer.uint32(bytesField(1)).bytes(file);
      break;
    case "services":
      writer.uint32(bytesField(6)).fork();
      for (const name of answered.names) {
        writer.uint32(bytesField(1)).fork().uint32(bytesField(1)).string(name).ldelim();
      }
      break;
    case "error":
      writer.uint32(bytesField(7)).fork();
      writer.uint32(varintField(1)).int32(answered.code).uint32(bytesField(2)).string(answered.message);
      break;
  }
  return writer.ldelim().finish();
}

function bytesField(number: number): number {
  return (number << 3) | 2;
}

function varintField(number: number): number {
  return number << 3;
}

/** ServerReflectionRequest's question by field number. */
const REQUEST_KINDS: Readonly<Record<number, ReflectionRequest["kind"]>> = {
  3: "file",
  4: "symbol",
  5: "extension",
  6: "extensionNumbers",
  7: "services",
};
