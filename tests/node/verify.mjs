// Reads {jwks, token, issuer, audience} and says what `jose` makes of the token: its claims as JSON,
// or the code of the error.

import { createLocalJWKSet, jwtVerify } from "jose";

const { jwks, token, issuer, audience } = JSON.parse(await new Response(process.stdin).text());
try {
  const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), { issuer, audience });
  console.log(JSON.stringify(payload));
} catch (error) {
  console.log(JSON.stringify({ error: error.code }));
}
