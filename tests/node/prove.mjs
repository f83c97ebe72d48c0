// Makes a key pair with `jose`, or a DPoP proof (RFC 9449) with one that it made before.

import { createHash, randomUUID } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";

const given = JSON.parse(await new Response(process.stdin).text());
if (given.private === undefined) {
  const { privateKey, publicKey } = await generateKeyPair(given.algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const thumbprint = await calculateJwkThumbprint(jwk);
  console.log(JSON.stringify({ private: await exportJWK(privateKey), jwk, thumbprint }));
} else {
  const { d, ...jwk } = given.private;
  const claims = { htm: "GET", htu: given.url, jti: randomUUID() };
  if (given.key) claims.ath = createHash("sha256").update(given.key).digest("base64url");
  const proof = await new SignJWT(claims)
    .setProtectedHeader({ typ: "dpop+jwt", alg: given.algorithm, jwk })
    .setIssuedAt()
    .sign(await importJWK(given.private, given.algorithm));
  console.log(JSON.stringify({ proof }));
}
