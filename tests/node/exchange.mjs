// Reads {endpoint, token, audience, scope} and exchanges the token with `oauth4webapi`, an OAuth
// client that knows nothing of us. Prints its answer, or the OAuth error code.

import * as oauth from "oauth4webapi";

const { endpoint, token, audience, scope } = JSON.parse(await new Response(process.stdin).text());
const server = { issuer: new URL(endpoint).origin, token_endpoint: endpoint };
const client = { client_id: "tests" };
const parameters = {
  audience,
  scope,
  subject_token: token,
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
};
try {
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    oauth.None(),
    "urn:ietf:params:oauth:grant-type:token-exchange",
    parameters,
    { [oauth.allowInsecureRequests]: true },
  );
  console.log(
    JSON.stringify(await oauth.processGenericTokenEndpointResponse(server, client, response)),
  );
} catch (error) {
  console.log(JSON.stringify({ error: error.error ?? error.code ?? String(error) }));
}
