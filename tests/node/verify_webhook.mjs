// Reads {secret, body, headers} and says what the official `standardwebhooks` makes of a delivery:
// what it tells, or the error's name.

import { Webhook } from "standardwebhooks";

const { secret, body, headers } = JSON.parse(await new Response(process.stdin).text());
try {
  console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
} catch (error) {
  console.log(JSON.stringify({ error: error.constructor.name }));
}
