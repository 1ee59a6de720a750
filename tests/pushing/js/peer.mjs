// Reads jobs as JSON from standard input, `[{ "job": …, … }]`, and writes `[{ "ok": … } | { "error": … }]`.
import { createECDH } from "node:crypto";
import https from "node:https";
import net from "node:net";
import ece from "http_ece";
import webpush from "web-push";

// `web-push` speaks to push services through `https.request`; the relay under test has no TLS of its own.
class Plain extends https.Agent {
  createConnection({ port, hostname, host }) {
    return net.connect(port, hostname ?? host);
  }
}

function key(secret) {
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(Buffer.from(secret, "base64url"));
  return curve;
}

const jobs = {
  // A key pair for the sender (VAPID).
  keys: () => webpush.generateVAPIDKeys(),
  // `web-push` pushes a text to a subscription.
  async push({ subscription, text, ...options }) {
    const sent = await webpush.sendNotification(subscription, text, { ...options, agent: new Plain() });
    return { status: sent.statusCode, location: sent.headers.location, ttl: sent.headers.ttl };
  },
  // `http_ece` opens what was sealed to an inbox.
  open: ({ body, secret, auth }) =>
    ece
      .decrypt(Buffer.from(body, "base64url"), { version: "aes128gcm", privateKey: key(secret), authSecret: auth })
      .toString("utf8"),
  // `http_ece` seals a text to an inbox, with padding, in records of a size.
  seal({ text, inbox, auth, rs, pad }) {
    const curve = createECDH("prime256v1");
    curve.generateKeys();
    const params = { version: "aes128gcm", privateKey: curve, dh: inbox, authSecret: auth, rs, pad };
    return ece.encrypt(Buffer.from(text), params).toString("base64url");
  },
};

async function run({ job, ...input }) {
  try {
    return { ok: await jobs[job](input) };
  } catch (error) {
    return { error: `${error.name}: ${error.statusCode ?? ""} ${error.body ?? error.message}` };
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const answers = [];
for (const job of JSON.parse(Buffer.concat(chunks).toString("utf8"))) answers.push(await run(job));
process.stdout.write(JSON.stringify(answers), () => process.exit(0));
