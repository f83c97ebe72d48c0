// A render by the client that @hey-api/openapi-ts generates with its defaults.
import { client } from "./hey-api/client.gen.js";
import { createRender, getRender } from "./hey-api/sdk.gen.js";

const baseUrl = process.env.CRAFTKIT_BASE_URL!;
client.setConfig({ baseUrl, auth: process.env.CRAFTKIT_API_KEY! });
const data = JSON.parse(process.env.DATA!);
const made = await createRender({ path: { slug: "invoice" }, body: { data } });
if (!made.data) throw new Error(JSON.stringify(made.error));
const read = await getRender({ path: { id: made.data.id } });
const refused = await createRender({ path: { slug: "no-such" }, body: { data } });
if (refused.error?.error.code !== "template_not_found") throw new Error("the error is unnamed");
console.log(JSON.stringify({ id: made.data.id, status: read.data?.status }));
