import { encodeMessage } from "./encode-message.ts";
import { planOf } from "./codec.ts";
import {
  definitionOf,
  resolveName,
  ROOT_PACKAGE,
  type Definition,
  type FieldDefinition,
} from "./definitions.ts";
import { WireWriter } from "./wire-writer.ts";

/** One file of the protocol for gRPC reflection. */
export interface FileDescriptor {
  /** For example `schema.proto`. */
  readonly name: string;
  /** Files whose types it uses. */
  readonly dependencies: readonly string[];
  /** Full names of all messages, enums, services and methods in it. */
  readonly symbols: readonly string[];
  /** A serialised google.protobuf.FileDescriptorProto. */
  readonly bytes: Uint8Array;
}

/**
 * Descriptors of the files that MilvusService needs. The shipped definitions have no file borders: each package is
 * one file, as in Milvus. They have the fields' JSON names only, which stand for both names here; numbers and
 * types, which decide what is on the wire, are exact.
 */
export function fileDescriptors(): readonly FileDescriptor[] {
  const packages = definitionOf(ROOT_PACKAGE)?.nested ?? {};
  return Object.entries(packages).map(([name, definition]) => describeFile(name, definition));
}

type Fields = Readonly<Record<string, unknown>>;

function describeFile(name: string, definition: Definition): FileDescriptor {
  const scope = `${ROOT_PACKAGE}.${name}`;
  const nested = Object.entries(definition.nested ?? {});
  const dependencies = new Set<string>();
  const symbols: string[] = [];
  const note = (typeName: string): string => {
    const file = fileOf(typeName);
    if (file !== fileName(name)) dependencies.add(file);
    return `.${typeName}`;
  };
  const visit = { note, symbols };
  const messageType = nested.flatMap(([n, d]) => (d.fields ? [describeMessage(n, d, scope, visit)] : []));
  const enumType = nested.flatMap(([n, d]) => (d.values ? [describeEnum(n, d.values, scope, visit)] : []));
  const service = nested.flatMap(([n, d]) =>
    d.methods ? [describeService(n, d.methods, scope, visit)] : [],
  );
  const writer = new WireWriter();
  encodeMessage(
    writer,
    planOf("google.protobuf.FileDescriptorProto"),
    { planOf },
    {
      name: fileName(name),
      package: scope,
      dependency: [...dependencies],
      messageType,
      enumType,
      service,
      syntax: "proto3",
    },
  );
  return { name: fileName(name), dependencies: [...dependencies], symbols, bytes: writer.finish(0) };
}

function fileName(packageName: string): string {
  return `${packageName}.proto`;
}

function fileOf(typeName: string): string {
  return fileName(typeName.slice(ROOT_PACKAGE.length + 1).split(".")[0] ?? "");
}

interface Visit {
  /** Remembers the file of a type; returns the type's name as descriptors refer to it. */
  readonly note: (typeName: string) => string;
  readonly symbols: string[];
}

function describeMessage(name: string, definition: Definition, scope: string, visit: Visit): Fields {
  const fullName = `${scope}.${name}`;
  visit.symbols.push(fullName);
  const fields = Object.entries(definition.fields ?? {});
  const oneofs = Object.entries(definition.oneofs ?? {});
  const synthetic = (members: readonly string[]): boolean =>
    members.length === 1 && definition.fields?.[members[0] ?? ""]?.options?.["proto3_optional"] === true;
  // Real oneofs come before those that only stand for `optional`.
  const ordered = [
    ...oneofs.filter(([, o]) => !synthetic(o.oneof)),
    ...oneofs.filter(([, o]) => synthetic(o.oneof)),
  ];
  const oneofIndex = (field: string): number | undefined => {
    const index = ordered.findIndex(([, o]) => o.oneof.includes(field));
    return index < 0 ? undefined : index;
  };
  const nested = Object.entries(definition.nested ?? {});
  const mapEntries = fields.flatMap(([n, f]) =>
    f.keyType === undefined ? [] : [mapEntry(n, f, f.keyType, fullName, visit)],
  );
  return {
    name,
    field: fields.map(([n, f]) => describeField(n, f, fullName, oneofIndex(n), visit)),
    nestedType: [
      ...nested.flatMap(([n, d]) => (d.fields ? [describeMessage(n, d, fullName, visit)] : [])),
      ...mapEntries,
    ],
    enumType: nested.flatMap(([n, d]) => (d.values ? [describeEnum(n, d.values, fullName, visit)] : [])),
    oneofDecl: ordered.map(([n]) => ({ name: n })),
  };
}

function entryName(field: string): string {
  return `${field.charAt(0).toUpperCase()}${field.slice(1)}Entry`;
}

function mapEntry(
  name: string,
  field: FieldDefinition,
  keyType: string,
  owner: string,
  visit: Visit,
): Fields {
  return {
    name: entryName(name),
    field: [
      describeField("key", { type: keyType, id: 1 }, owner, undefined, visit),
      describeField("value", { type: field.type, id: 2 }, owner, undefined, visit),
    ],
    options: { mapEntry: true },
  };
}

const LABEL_OPTIONAL = 1;
const LABEL_REPEATED = 3;
const TYPE_MESSAGE = 11;
const TYPE_ENUM = 14;
/** google.protobuf.FieldDescriptorProto.Type */
const scalarTypes: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
};

function describeField(
  name: string,
  field: FieldDefinition,
  owner: string,
  oneofIndex: number | undefined,
  visit: Visit,
): Fields {
  const isMap = field.keyType !== undefined;
  const base = {
    name,
    jsonName: name,
    number: field.id,
    label: isMap || field.rule === "repeated" ? LABEL_REPEATED : LABEL_OPTIONAL,
    oneofIndex,
    proto3Optional: field.options?.["proto3_optional"] === true ? true : undefined,
  };
  if (isMap) return { ...base, type: TYPE_MESSAGE, typeName: `.${owner}.${entryName(name)}` };
  const scalar = scalarTypes[field.type];
  if (scalar !== undefined) return { ...base, type: scalar };
  const typeName = resolveName(field.type, owner);
  const isEnum = definitionOf(typeName)?.values !== undefined;
  return { ...base, type: isEnum ? TYPE_ENUM : TYPE_MESSAGE, typeName: visit.note(typeName) };
}

function describeEnum(
  name: string,
  values: Readonly<Record<string, number>>,
  scope: string,
  visit: Visit,
): Fields {
  visit.symbols.push(`${scope}.${name}`);
  return { name, value: Object.entries(values).map(([n, number]) => ({ name: n, number })) };
}

function describeService(
  name: string,
  methods: NonNullable<Definition["methods"]>,
  scope: string,
  visit: Visit,
): Fields {
  const fullName = `${scope}.${name}`;
  visit.symbols.push(fullName);
  return {
    name,
    method: Object.entries(methods).map(([n, method]) => {
      visit.symbols.push(`${fullName}.${n}`);
      return {
        name: n,
        inputType: visit.note(resolveName(method.requestType, scope)),
        outputType: visit.note(resolveName(method.responseType, scope)),
        clientStreaming: method.requestStream === true ? true : undefined,
        serverStreaming: method.responseStream === true ? true : undefined,
      };
    }),
  };
}
