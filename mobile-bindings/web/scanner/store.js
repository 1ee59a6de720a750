// What the app keeps on this device, in IndexedDB: trust anchor, trust data, settings, and a key that no script can read.

const NAME = "scanner";
const TABLE = "kept";

let opened;

function database() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
}

async function within(mode, work) {
  const transaction = (await database()).transaction(TABLE, mode, { durability: "strict" });
  const result = work(transaction.objectStore(TABLE));
  await new Promise((done, failed) => {
    transaction.oncomplete = done;
    transaction.onabort = transaction.onerror = () => failed(transaction.error);
  });
  return result?.result;
}

/** What is kept under `key`; undefined for nothing. */
export const get = (key) => within("readonly", (table) => table.get(key));

/** Keeps all of `entries`, or none of them. */
export const put = (entries) =>
  within("readwrite", (table) => {
    for (const [key, value] of Object.entries(entries)) table.put(value, key);
  });

/** Forgets everything. */
export const clear = () => within("readwrite", (table) => void table.clear());
