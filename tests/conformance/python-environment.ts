import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../e2e/support/server.ts";
import { commitOf, makeOnce, must } from "./checkout.ts";

/**
 * A Python with what the suite's requirements.txt asks for, made once. The version of pymilvus that it names is only on a test
 * registry, so the client comes from `pymilvus`: a folder, or what else pip installs from; GitHub by default.
 */
export async function pythonFor(checkout: string, pymilvus: string | undefined): Promise<string> {
  const requirements = readFileSync(
    path.join(checkout, "tests", "python_client", "requirements.txt"),
    "utf8",
  );
  const packages = requirementsOf(requirements);
  const client = pymilvus ?? `git+https://github.com/milvus-io/pymilvus@${commitOf("milvus-io/pymilvus")}`;
  const key = createHash("sha256")
    .update([client, ...packages].join("\0"))
    .digest("hex")
    .slice(0, 16);
  const folder = path.join(root, ".cache", "conformance", `python-${key}`);
  const python = path.join(folder, "bin", "python");
  await makeOnce(folder, async () => {
    console.log(`installing ${packages.length} packages and ${client}`);
    await must(["python3", "-m", "venv", folder]);
    const install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await must([...install, "wheel", "setuptools<81", ...packages]);
    await must([...install, client]);
  });
  return python;
}

/** Packages that no test of level L0 and 1 imports, large ones among them; and reporters that the runner switches off. */
const unneeded =
  /^(-|#|$|pymilvus|vortex|pylance|pyiceberg|substrait|locust|etcd|tantivy|xgboost|kubernetes|pytest-sugar|pytest-html|python-benedict|delayed-assert)/i;

export function requirementsOf(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const one = line.replace(/\s+#.*$/, "").trim();
    return unneeded.test(one) ? [] : [one];
  });
}
