import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  BatchFailedError,
  ConflictError,
  ConnectionFailedError,
  Craftkit,
  InvalidRequestError,
  InvalidSignatureError,
  NotFoundError,
  RateLimitedError,
  RenderFailedError,
  WaitTimeoutError,
} from "@craftkit/sdk";

const render = (status, more = {}) => ({ id: "r1", status, downloadUrl: null, ...more });
const error = (code, more = {}) => ({
  error: { code, message: "No.", requestId: "q1", docUrl: "https://docs", ...more },
});

/** A client whose `fetch` gives these answers in turn, and the calls that it made. */
function client(...answers) {
  const calls = [];
  const fetch = async (url, init) => {
    calls.push({ url, ...init });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    const [status, body, headers = {}] = answer;
    const isText = typeof body === "string";
    return new Response(body === undefined ? null : isText ? body : JSON.stringify(body), {
      status,
      headers: { "content-type": isText ? "application/pdf" : "application/json", ...headers },
    });
  };
  return [new Craftkit({ apiKey: "ck_test_x", baseUrl: "https://api/", fetch }), calls];
}

test("create, wait and content: the document, its address without the key", async () => {
  const done = render("succeeded", { downloadUrl: "https://bucket/x" });
  const [craftkit, calls] = client([202, render("queued")], [200, done], [200, "%PDF"]);
  const made = await craftkit.renders.create("invoice", { total: 42 }, { filename: "a.pdf" });
  assert.equal(new TextDecoder().decode(await made.content()), "%PDF");
  assert.equal(calls[0].url, "https://api/v1/templates/invoice/render");
  assert.deepEqual(JSON.parse(calls[0].body), {
    data: { total: 42 },
    options: { filename: "a.pdf" },
  });
  assert.equal(calls[0].headers.Authorization, "Bearer ck_test_x");
  assert.ok(calls[0].headers["Idempotency-Key"]);
  assert.equal(calls[2].headers, undefined);
});

test("document: the bytes of the response, or of the render that is not finished yet", async () => {
  const done = render("succeeded", { downloadUrl: "https://bucket/x" });
  const [craftkit, calls] = client([200, "%PDF"], [202, render("queued")], [200, done], [200, "%PDF"]);
  for (let i = 0; i < 2; i++) {
    const content = await craftkit.renders.document("invoice", { total: 42 }, { store: false });
    assert.equal(new TextDecoder().decode(content), "%PDF");
  }
  assert.equal(calls[0].headers.Accept, "application/pdf");
  assert.deepEqual(JSON.parse(calls[0].body).options, { store: false });
});

test("a batch is created, waited for, listed and read as one file", async () => {
  const batch = (status, more = {}) => ({ id: "b1", status, resultUrl: null, ...more });
  const done = batch("completed", { resultUrl: "https://bucket/b" });
  const page = { items: [{ row: 1 }, { row: 2 }], nextCursor: null };
  const [craftkit, calls] = client(
    [202, batch("running")], [200, done], [200, done], [200, "PK"], [200, page],
  );
  const items = [{ data: { total: 42 } }];
  const made = await craftkit.batches.create("invoice", items, { output: "zip" });
  assert.equal(new TextDecoder().decode(await made.content()), "PK");
  assert.deepEqual(JSON.parse(calls[0].body), { templateSlug: "invoice", items, output: "zip" });
  assert.ok(calls[0].headers["Idempotency-Key"]);
  assert.equal(calls[3].headers, undefined);
  const rows = [];
  for await (const item of made.items({ status: "succeeded" })) rows.push(item.row);
  assert.deepEqual(rows, [1, 2]);
  assert.match(calls[4].url, /status=succeeded/);
});

test("a file is uploaded to its signed address and the batch is started", async () => {
  const waiting = { id: "b1", status: "awaiting_upload", uploadUrl: "https://bucket/u" };
  const checking = { id: "b1", status: "checking", uploadUrl: null };
  const [craftkit, calls] = client([202, waiting], [200, ""], [202, checking]);
  const file = { format: "csv", content: "Amount\n42\n", mapping: { total: "Amount" } };
  const made = await craftkit.batches.upload("invoice", file);
  assert.equal(made.status, "checking");
  assert.deepEqual(JSON.parse(calls[0].body).upload, {
    format: "csv", mapping: { total: "Amount" },
  });
  assert.deepEqual([calls[1].method, calls[1].body], ["PUT", "Amount\n42\n"]);
  assert.equal(calls[1].headers, undefined);
  assert.equal(calls[2].url, "https://api/v1/batches/b1/start");
});

test("a batch without a result is a BatchFailedError", async () => {
  const refused = { id: "b1", status: "refused", resultUrl: null, errorMessage: "No rows." };
  const [craftkit] = client([202, refused], [200, refused]);
  const made = await craftkit.batches.create("invoice", [{ data: {} }]);
  await assert.rejects(made.content(), (error) => {
    return error instanceof BatchFailedError && /No rows/.test(error.message);
  });
});

test("a retry has the same idempotency key and waits as Retry-After says", async () => {
  const limited = [429, error("rate_limited"), { "retry-after": "1" }];
  const [craftkit, calls] = client(new TypeError("reset"), limited, [202, render("queued")]);
  const began = Date.now();
  await craftkit.renders.create("invoice", {});
  assert.ok(Date.now() - began >= 1000);
  assert.equal(calls.length, 3);
  assert.equal(new Set(calls.map((call) => call.headers["Idempotency-Key"])).size, 1);
});

test("a quota that renews in hours is thrown at once", async () => {
  const [craftkit, calls] = client([429, error("quota_exceeded"), { "retry-after": "7200" }]);
  await assert.rejects(craftkit.renders.create("invoice", {}), (thrown) => {
    assert.ok(thrown instanceof RateLimitedError);
    assert.deepEqual([thrown.code, thrown.retryAfter], ["quota_exceeded", 7200]);
    return true;
  });
  assert.equal(calls.length, 1);
});

test("what is not idempotent is sent again only where nothing was done", async () => {
  const later = [503, error("queue_unavailable"), { "retry-after": "0" }];
  const [first, calls] = client(later, [201, { session_id: "s" }]);
  const session = { tenant: { externalId: "t", displayName: "T" }, actor: { externalId: "a" } };
  const made = await first.embed.sessions.create({ ...session, scope: { mode: "fill" } });
  assert.deepEqual([made.session_id, calls.length], ["s", 2]);
  const [second, more] = client([500, error("internal")]);
  await assert.rejects(second.embed.sessions.refresh("ert_x"));
  assert.equal(more.length, 1);
});

for (const [status, code, Kind] of [
  [400, "invalid_input_data", InvalidRequestError],
  [404, "template_not_found", NotFoundError],
  [409, "idempotency_conflict", ConflictError],
]) {
  test(`${code} is a ${Kind.name} with its code and request id`, async () => {
    const issues = { formErrors: [], fieldErrors: { total: ["Required"] } };
    const [craftkit] = client([status, error(code, { issues })]);
    await assert.rejects(craftkit.renders.create("invoice", {}), (thrown) => {
      assert.ok(thrown instanceof Kind);
      assert.deepEqual([thrown.code, thrown.requestId], [code, "q1"]);
      assert.deepEqual(thrown.fieldErrors, { total: ["Required"] });
      assert.match(thrown.message, /total: Required/);
      return true;
    });
  });
}

test("a failed render is thrown, whether it was waited for here or there", async () => {
  const failed = render("failed", { errorCode: "template_error", errorMessage: "totl?" });
  const [here] = client([202, render("queued")], [200, failed, { "x-request-id": "q2" }]);
  const made = await here.renders.create("invoice", {});
  await assert.rejects(made.wait(), (thrown) => {
    assert.ok(thrown instanceof RenderFailedError);
    assert.deepEqual([thrown.code, thrown.requestId], ["template_error", "q2"]);
    return true;
  });
  const [there] = client([422, error("render_failed", { render: failed })]);
  await assert.rejects(there.renders.create("invoice", {}, { sync: true }), RenderFailedError);
});

test("a render that is not finished in time goes on", async () => {
  const [craftkit] = client([202, render("queued")]);
  const made = await craftkit.renders.create("invoice", {});
  await assert.rejects(made.wait({ timeoutMs: 120 }), WaitTimeoutError);
});

test("no response is one error after every retry", async () => {
  const fetch = async () => {
    throw new TypeError("no route");
  };
  const craftkit = new Craftkit({ apiKey: "k", maxRetries: 1, fetch });
  await assert.rejects(craftkit.me(), ConnectionFailedError);
});

test("list reads every page", async () => {
  const page = (id, nextCursor) => [200, { renders: [{ ...render("queued"), id }], nextCursor }];
  const [craftkit, calls] = client(page("a", "c1"), page("b", null));
  const ids = [];
  for await (const each of craftkit.renders.list({ metadata: "order:1" })) ids.push(each.id);
  assert.deepEqual(ids, ["a", "b"]);
  assert.ok(calls[1].url.includes("cursor=c1") && calls[1].url.includes("metadata=order%3A1"));
});

test("webhooks: what was signed with the secret is verified, and nothing else", async () => {
  const bytes = randomBytes(32);
  const secret = `whsec_${bytes.toString("base64")}`;
  const body = JSON.stringify({ type: "render.succeeded", data: { id: "1" } });
  const now = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", bytes).update(`evt.${now}.${body}`).digest("base64");
  const headers = {
    "Webhook-Id": "evt",
    "Webhook-Timestamp": String(now),
    "Webhook-Signature": `v1,b3RoZXI= v1,${signature}`,
  };
  const { verify } = new Craftkit({ apiKey: "k" }).webhooks;
  assert.equal((await verify(body, headers, secret)).type, "render.succeeded");
  assert.equal((await verify(Buffer.from(body), new Headers(headers), secret)).data.id, "1");
  for (const given of [
    [body + " ", headers, secret],
    [body, headers, `whsec_${randomBytes(32).toString("base64")}`],
    [body, headers, "whsec_!"],
    [body, { ...headers, "Webhook-Timestamp": String(now - 1) }, secret],
    [body, {}, secret],
    [body, headers, secret, now + 301],
  ]) {
    await assert.rejects(verify(...given), InvalidSignatureError);
  }
});
