/**
 * What the clients of other languages need, made once and kept under `.cache` in the repository: a Python virtual environment,
 * a Go binary, a folder of Java libraries. Each comes from its language's package registry with pinned versions. A maker returns why there is none where
 * the language's tools are missing; a tool that is there and fails is an error.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { hasTool, runProgram } from "./run-program.ts";
import { root } from "./server.ts";

export type Environment =
  | { readonly kind: "ready"; readonly command: readonly string[] }
  | { readonly kind: "missing"; readonly why: string };

export const PYMILVUS_VERSIONS = ["3.0.2", "2.6.17"] as const;
export const GO_CLIENT_VERSION = "v2.6.2";
export const JAVA_CLIENT_VERSION = "2.6.22";

const cache = path.join(root, ".cache", "e2e");
const programs = path.join(root, "tests", "e2e", "programs");

/** `command` is the Python of an environment with these packages (`name==version`). */
export async function pythonEnvironment(packages: readonly string[]): Promise<Environment> {
  if (!(await hasTool(["python3", "-m", "venv", "--help"]))) {
    return { kind: "missing", why: "python3 with its venv module is not installed" };
  }
  const folder = path.join(cache, `python-${keyOf(...packages)}`);
  const python = path.join(folder, "bin", "python");
  await makeOnce(folder, async () => {
    await must(["python3", "-m", "venv", folder]);
    await must([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  });
  return { kind: "ready", command: [python] };
}

/** `command` is the smoke program of programs/smoke.go, built. */
export async function goProgram(): Promise<Environment> {
  if (!(await hasTool(["go", "version"]))) return { kind: "missing", why: "go is not installed" };
  const source = path.join(programs, "smoke.go");
  const folder = path.join(cache, `go-${keyOf(GO_CLIENT_VERSION, await readFile(source, "utf8"))}`);
  const binary = path.join(folder, "smoke");
  await makeOnce(folder, async () => {
    await copyFile(source, path.join(folder, "main.go"));
    await writeFile(
      path.join(folder, "go.mod"),
      `module redkite.example/smoke\n\ngo 1.24\n\nrequire github.com/milvus-io/milvus/client/v2 ${GO_CLIENT_VERSION}\n`,
    );
    const go = { cwd: folder, timeoutMs: 900_000, env: { GOFLAGS: "-mod=mod -buildvcs=false" } };
    await must(["go", "build", "-o", binary, "."], go);
  });
  return { kind: "ready", command: [binary] };
}

/** `command` runs programs/Smoke.java. */
export async function javaProgram(): Promise<Environment> {
  if (!(await hasTool(["javac", "--version"]))) return { kind: "missing", why: "a JDK is not installed" };
  if (!(await hasTool(["mvn", "--version"]))) return { kind: "missing", why: "maven is not installed" };
  const source = path.join(programs, "Smoke.java");
  const folder = path.join(cache, `java-${keyOf(pom(), await readFile(source, "utf8"))}`);
  const libraries = path.join(cache, `java-lib-${keyOf(pom())}`);
  await makeOnce(libraries, async () => {
    await writeFile(path.join(libraries, "pom.xml"), pom());
    const copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    await must(["mvn", "-q", "-B", copy, "-DoutputDirectory=lib"], { cwd: libraries, timeoutMs: 900_000 });
  });
  const classpath = `${folder}:${libraries}/lib/*`;
  await makeOnce(folder, () => must(["javac", "-nowarn", "-cp", classpath, "-d", folder, source]));
  return { kind: "ready", command: ["java", "-cp", classpath, "Smoke"] };
}

/** The folder is made anew until its `.done` is there, so an interrupted installation does not count. */
async function makeOnce(folder: string, make: () => Promise<void>): Promise<void> {
  const done = path.join(folder, ".done");
  if (existsSync(done)) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await make();
  await writeFile(`${done}.new`, "");
  await rename(`${done}.new`, done);
}

async function must(
  command: readonly string[],
  options: Parameters<typeof runProgram>[1] = {},
): Promise<void> {
  const { code, stdout, stderr } = await runProgram(command, { timeoutMs: 600_000, ...options });
  if (code !== 0) throw new Error(`${command.join(" ")} failed (${code}):\n${stdout}\n${stderr}`);
}

function keyOf(...parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

function pom(): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>redkite.example</groupId>
  <artifactId>smoke</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.milvus</groupId>
      <artifactId>milvus-sdk-java</artifactId>
      <version>${JAVA_CLIENT_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>2.0.17</version>
    </dependency>
  </dependencies>
</project>
`;
}
