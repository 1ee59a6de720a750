// Keeps the whole app on this device, so that it starts and checks with no network. A newer version is fetched whole, its
// files compared with their hashes, and used when whoever uses the app says so.

/** Written by `web-pack`: which app this is, a name for this content, and the SHA-256 of each file. */
const CONTENT = { app: "", version: "", files: {} };

const CACHE = `${CONTENT.app}-${CONTENT.version}`;

self.addEventListener("install", (event) => {
  const requests = Object.entries(CONTENT.files).map(
    ([file, integrity]) => new Request(file, { cache: "no-store", integrity, credentials: "omit" }),
  );
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const forget = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(`${CONTENT.app}-`) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("message", (event) => {
  if (event.data === "use-now") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const [url, scope] = [new URL(event.request.url), new URL(self.registration.scope)];
  if (event.request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const file = url.pathname.slice(scope.pathname.length) || "index.html";
  // Files of this app come from here and from nowhere else; anything else (trust data) is fetched.
  if (!(file in CONTENT.files)) return;
  const kept = async () => {
    const found = await (await caches.open(CACHE)).match(new URL(file, scope));
    return found ?? fetch(event.request);
  };
  event.respondWith(kept());
});
