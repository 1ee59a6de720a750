// What a wallet of Credo does: it takes up offers, and answers verifiers.
import { Kms, MdocRecord } from "@credo-ts/core";
import { wallet } from "./wallet.mjs";

/** Takes up an offer: one credential of each configuration, with `copies` keys. */
export async function takeUp(offered) {
  return takeUpWith(await wallet(offered), offered);
}

async function takeUpWith(agent, { offer, txCode, copies = 1, configurations }) {
  const holder = agent.openid4vc.holder;
  const resolvedCredentialOffer = await holder.resolveCredentialOffer(offer);
  const token = await holder.requestToken({ resolvedCredentialOffer, txCode });
  const bind = async () => {
    const keys = [];
    for (let at = 0; at < copies; at++) {
      const key = await agent.kms.createKeyForSignatureAlgorithm({ algorithm: "ES256" });
      keys.push(Kms.PublicJwk.fromPublicJwk(key.publicJwk));
    }
    return { method: "jwk", keys };
  };
  const taken = [];
  // One by one: after an answer without a nonce Credo does not ask for the next.
  for (const id of configurations ?? resolvedCredentialOffer.offerPayload?.credential_configuration_ids
    ?? Object.keys(resolvedCredentialOffer.offeredCredentialConfigurations)) {
    const { credentials } = await holder.requestCredentials({
      resolvedCredentialOffer,
      ...token,
      credentialConfigurationIds: [id],
      verifyCredentialStatus: true,
      credentialBindingResolver: bind,
    });
    for (const { record, notificationId } of credentials) {
      if (notificationId) {
        await holder.sendNotification({
          metadata: resolvedCredentialOffer.metadata,
          notificationId,
          notificationEvent: "credential_accepted",
          ...token,
        });
      }
      await (record instanceof MdocRecord ? agent.mdoc : agent.sdJwtVc).store({ record });
      taken.push({ id, kind: record.constructor.name });
    }
  }
  const signed = resolvedCredentialOffer.metadata.signedCredentialIssuer ? true : false;
  return { taken, tokenType: token.accessTokenResponse?.token_type, dpop: Boolean(token.dpop), signed };
}

/** Takes up an offer by logging in: pushed request with PKCE, the page with the counter's digits, code, credential. */
export async function logIn({ offer, digits, roots, configuration }) {
  const agent = await wallet({ roots });
  const holder = agent.openid4vc.holder;
  const redirectUri = "https://wallet.example/back";
  const clientId = "credo";
  const resolvedCredentialOffer = await holder.resolveCredentialOffer(offer);
  const authorization = await holder.resolveOpenId4VciAuthorizationRequest(resolvedCredentialOffer, {
    clientId,
    redirectUri,
    scope: [configuration],
  });
  const page = await fetch(authorization.authorizationRequestUrl);
  const text = await page.text();
  const hidden = (name) => text.match(new RegExp(`name="${name}" value="([^"]*)"`))[1].replaceAll("&amp;", "&");
  const body = new URLSearchParams({
    request_uri: hidden("request_uri"),
    session: hidden("session"),
    counter_code: digits,
  });
  const action = new URL("authorize", authorization.authorizationRequestUrl);
  const back = await fetch(action, { method: "POST", body, redirect: "manual" });
  const parsed = await holder.parseAuthorizationCodeFromAuthorizationResponse({
    resolvedCredentialOffer,
    authorizationResponseRedirectUrl: back.headers.get("location"),
  });
  const token = await holder.requestToken({
    resolvedCredentialOffer,
    code: parsed.authorizationCode,
    codeVerifier: authorization.codeVerifier,
    redirectUri,
    clientId,
    dpop: authorization.dpop,
  });
  const key = await agent.kms.createKeyForSignatureAlgorithm({ algorithm: "ES256" });
  const { credentials } = await holder.requestCredentials({
    resolvedCredentialOffer,
    ...token,
    clientId,
    credentialConfigurationIds: [configuration],
    verifyCredentialStatus: true,
    credentialBindingResolver: async () => ({ method: "jwk", keys: [Kms.PublicJwk.fromPublicJwk(key.publicJwk)] }),
  });
  return { kinds: credentials.map(({ record }) => record.constructor.name), pushed: authorization.authorizationRequestUrl };
}

/** Opens a verifier's link and answers with the credentials that Credo chooses. */
export async function answer({ link, transaction, ...held }) {
  return answerWith(await wallet(held), link, transaction);
}

/** Takes up an offer, and answers verifiers' links with what came. */
export async function takeAndAnswer({ links, ...offered }) {
  const agent = await wallet(offered);
  const { taken } = await takeUpWith(agent, offered);
  const answers = [];
  for (const link of links) answers.push(await answerWith(agent, link));
  return { taken, answers };
}

async function answerWith(agent, link, transaction) {
  const holder = agent.openid4vc.holder;
  const resolved = await holder.resolveOpenId4VpAuthorizationRequest(link);
  if (!resolved.dcql.queryResult.can_be_satisfied) return { held: false };
  const credentials = holder.selectCredentialsForDcqlRequest(resolved.dcql.queryResult);
  const answered = await holder.acceptOpenId4VpAuthorizationRequest({
    authorizationRequestPayload: resolved.authorizationRequestPayload,
    dcql: { credentials },
    transactionData: transaction && [{ credentialId: transaction }],
  });
  const { status, body } = answered.serverResponse;
  return {
    held: true,
    status,
    body,
    prefix: resolved.verifier.clientIdPrefix,
    signed: Boolean(resolved.signedAuthorizationRequest),
    encrypted: typeof answered.authorizationResponse.response === "string",
  };
}

/** Answers what a page at `origin` asked through the browser: gives back the data for the page. */
export async function answerPage({ request, origin, ...held }) {
  const agent = await wallet(held);
  const holder = agent.openid4vc.holder;
  const resolved = await holder.resolveOpenId4VpAuthorizationRequest(request, { origin });
  if (!resolved.dcql.queryResult.can_be_satisfied) return { held: false };
  const answered = await holder.acceptOpenId4VpAuthorizationRequest({
    authorizationRequestPayload: resolved.authorizationRequestPayload,
    dcql: { credentials: holder.selectCredentialsForDcqlRequest(resolved.dcql.queryResult) },
    origin,
  });
  return { held: true, data: answered.authorizationResponse, signed: Boolean(resolved.signedAuthorizationRequest) };
}
