// Exchanges a token with a DPoP proof and calls the API with further proofs (RFC 9449), by `jose`
// alone or by the OAuth client `oauth4webapi`. Prints the token's type and what each call answered.

import { createHash, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import * as oauth from "oauth4webapi";

const { library, algorithm, api, token, audience } = JSON.parse(
  await new Response(process.stdin).text(),
);
const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const endpoint = `${api}/v1/oauth/token`;
const me = `${api}/v1/me`;
const parameters = {
  audience,
  subject_token: token,
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
};
const clients = { jose: withJose, oauth4webapi: withOauth4webapi };
const { answer, call } = await clients[library]();
const key = answer.access_token;
const good = await call(key);
const bearer = await fetch(me, { headers: { Authorization: `Bearer ${key}` } });
const other = await (await clients.jose(true)).call(key);
console.log(
  JSON.stringify({
    tokenType: answer.token_type.toLowerCase(),
    key,
    me: await good.json(),
    good: good.status,
    asBearer: bearer.status,
    withAnotherKey: other.status,
  }),
);

async function withJose(isStranger = false) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  const jwk = await exportJWK(publicKey);
  const prove = (htm, htu, secret) =>
    new SignJWT({
      htm,
      htu,
      jti: randomUUID(),
      ...(secret && { ath: createHash("sha256").update(secret).digest("base64url") }),
    })
      .setProtectedHeader({ typ: "dpop+jwt", alg: algorithm, jwk })
      .setIssuedAt()
      .sign(privateKey);
  const call = async (secret) =>
    fetch(me, {
      headers: { Authorization: `DPoP ${secret}`, DPoP: await prove("GET", me, secret) },
    });
  if (isStranger) return { call };
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { DPoP: await prove("POST", endpoint) },
    body: new URLSearchParams({ grant_type: GRANT, ...parameters }),
  });
  return { answer: await response.json(), call };
}

async function withOauth4webapi() {
  const server = { issuer: new URL(api).origin, token_endpoint: endpoint };
  const client = { client_id: "tests" };
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(algorithm));
  const options = { DPoP, [oauth.allowInsecureRequests]: true };
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    oauth.None(),
    GRANT,
    parameters,
    options,
  );
  const answer = await oauth.processGenericTokenEndpointResponse(server, client, response);
  const call = (secret) =>
    oauth.protectedResourceRequest(secret, "GET", new URL(me), new Headers(), null, options);
  return { answer, call };
}
