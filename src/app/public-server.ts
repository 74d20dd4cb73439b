import type { Config } from "../config/config.ts";
import type { Logger } from "../obs/logger.ts";
import type { ProxyRole } from "../roles/proxy/proxy.ts";
import { GrpcHealth } from "../transport/grpc-health.ts";
import type { GrpcMethod } from "../transport/grpc-method.ts";
import { reflectionMethods } from "../transport/grpc-reflection.ts";
import { GrpcServer } from "../transport/grpc-server.ts";
import { HttpRouter, jsonAnswer } from "../transport/http-router.ts";
import { HttpServer } from "../transport/http-server.ts";
import type { ListenAddress } from "../transport/listen.ts";
import { PortServer } from "../transport/port-server.ts";
import { fileDescriptors } from "../wire/reflection.ts";

const SERVICE = "milvus.proto.milvus.MilvusService";

/** The public port of one proxy: gRPC with health and reflection, and HTTP/1.1 beside it. */
export class PublicServer {
  readonly #health = new GrpcHealth();
  readonly #server: PortServer;

  constructor(proxy: ProxyRole, config: Config, logger: Logger) {
    const services = new Map<string, GrpcMethod>(this.#health.methods());
    for (const method of proxy.methods()) services.set(method.path, method);
    for (const [path, method] of reflectionMethods({
      services: () => [SERVICE],
      descriptors: fileDescriptors,
    })) {
      services.set(path, method);
    }
    const grpc = new GrpcServer({
      services,
      limits: {
        receiveBytesMax: config.get("proxy.grpc.serverMaxRecvSize"),
        sendBytesMax: config.get("proxy.grpc.serverMaxSendSize"),
        inflightBytesMax: config.get("proxy.grpc.serverMaxInFlight"),
      },
    });
    const router = new HttpRouter([], {
      fallback: () =>
        jsonAnswer(404, {
          code: 404,
          message: "the RESTful API is not served by this version; use gRPC on the same port",
        }),
      onError: (error) => logger.error("HTTP request failed", { error }),
    });
    this.#server = new PortServer({ grpc, http: new HttpServer({ handler: router.handle }) });
  }

  async listen(address: ListenAddress): Promise<number> {
    const port = await this.#server.listen(address);
    this.#health.setAll("SERVING");
    return port;
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#health.setAll("NOT_SERVING");
    await this.#server.drain(timeoutMs);
  }
}
