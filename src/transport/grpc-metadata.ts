import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

/** A call's request metadata: names in lower case, values as sent; names ending in `-bin` hold bytes. */
export class RequestMetadata {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  /** The value of `name`; of repeated ones all, joined by a comma and a space as HTTP/2 allows. */
  get(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** All values of a `-bin` name as bytes; empty when there are none. Base64 with or without padding is read. */
  getBinary(name: string): Uint8Array[] {
    const value = this.get(name);
    if (value === undefined) return [];
    return value.split(",").map((part) => Buffer.from(part.trim(), "base64"));
  }

  /** Names of custom metadata: neither pseudo-headers nor gRPC's own. */
  names(): string[] {
    return Object.keys(this.#headers).filter((name) => !isReserved(name));
  }
}

/** Collects metadata of a response, either for its headers or for its trailers. */
export class ResponseMetadata {
  readonly values: OutgoingHttpHeaders = {};

  /** Bytes need a name that ends in `-bin`. Throws a TypeError on names and values that HTTP/2 cannot carry. */
  set(name: string, value: string | Uint8Array): void {
    if (!/^[0-9a-z_.-]+$/.test(name) || isReserved(name)) {
      throw new TypeError(`metadata name ${JSON.stringify(name)} is reserved or not of [0-9a-z_.-]`);
    }
    if (typeof value !== "string") {
      if (!name.endsWith("-bin"))
        throw new TypeError(`metadata ${name} holds bytes, but its name does not end in -bin`);
      this.values[name] = Buffer.from(value).toString("base64").replace(/=+$/, "");
      return;
    }
    if (!/^[ -~]*$/.test(value))
      throw new TypeError(`metadata ${name} is not printable ASCII: ${JSON.stringify(value)}`);
    this.values[name] = value;
  }
}

function isReserved(name: string): boolean {
  return name.startsWith(":") || name.startsWith("grpc-") || name === "te" || name === "content-type";
}
