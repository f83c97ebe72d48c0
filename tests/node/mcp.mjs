// Makes an invoice with the official TypeScript client: four calls, as an agent would.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { url, key, command, environment } = JSON.parse(readFileSync(0, "utf8"));
const client = new Client({ name: "agent", version: "1" });
await client.connect(
  url
    ? new StreamableHTTPClientTransport(new URL(url), {
        requestInit: { headers: { Authorization: `Bearer ${key}` } },
      })
    : new StdioClientTransport({ command, args: ["mcp"], env: environment }),
);

async function call(name, args = {}) {
  const { content, isError } = await client.callTool({ name, arguments: args });
  const [first] = content;
  return { isError, type: first.type, value: first.type === "text" ? JSON.parse(first.text) : null };
}

const tools = (await client.listTools()).tools.map((tool) => tool.name);
const slug = (await call("list_templates")).value[0].slug;
const template = (await call("get_template", { slug })).value;
const data = template.exampleData;
const valid = (await call("validate_data", { slug, data })).value;
const render = (await call("create_render", { slug, data })).value;
const image = await call("preview", { slug, data });
const refused = await call("get_render", { id: "none" });
const found = { tools, valid, render, image: image.type, refused: [refused.isError, refused.value] };
process.stdout.write(JSON.stringify(found));
await client.close();
