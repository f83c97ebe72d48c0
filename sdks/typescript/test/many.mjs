// Makes 5,000 renders against the API at CRAFTKIT_BASE_URL, and prints how many ids it got.
import { Craftkit } from "@craftkit/sdk";

const client = new Craftkit({ maxRetries: 8 });
const ids = new Set();
let next = 0;
const worker = async () => {
  while (next < 5000) ids.add((await client.renders.create("invoice", { n: next++ })).id);
};
await Promise.all(Array.from({ length: 16 }, worker));
console.log(ids.size);
