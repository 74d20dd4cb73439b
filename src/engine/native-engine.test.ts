import { engineContract } from "../../tests/contract/engine-contract.ts";
import { NativeEngine } from "./native-engine.ts";

engineContract("native engine", () => new NativeEngine({ threads: 1, deterministic: false }));
engineContract("native engine, deterministic", () => new NativeEngine({ threads: 1, deterministic: true }));
