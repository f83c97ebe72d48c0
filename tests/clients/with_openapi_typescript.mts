// A render by openapi-fetch with the types that openapi-typescript generates with its defaults.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const client = createClient<paths>({
  baseUrl: process.env.CRAFTKIT_BASE_URL!,
  headers: { Authorization: `Bearer ${process.env.CRAFTKIT_API_KEY}` },
});
const data = JSON.parse(process.env.DATA!);
// Optional fields may be left out.
const body: components["schemas"]["RenderRequest"] = { data, options: { filename: "a.pdf" } };
const path = { slug: "invoice" };
const made = await client.POST("/v1/templates/{slug}/render", { params: { path }, body });
if (!made.data) throw new Error(JSON.stringify(made.error));
const id = made.data.id;
const read = await client.GET("/v1/renders/{id}", { params: { path: { id } } });
const missing = { slug: "no-such" };
const refused = await client.POST("/v1/templates/{slug}/render", {
  params: { path: missing },
  body,
});
if (refused.error?.error.code !== "template_not_found") throw new Error("the error is unnamed");
console.log(JSON.stringify({ id, status: read.data?.status }));
