// What the app keeps on this device, in IndexedDB: the wallet's sealed rows, and beside them settings, the trust anchor, and
// the key of this browser, which no script can take out.

const NAME = "wallet";
const [KEPT, ROWS] = ["kept", "rows"];

let opened;

function database() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => [KEPT, ROWS].forEach((table) => request.result.createObjectStore(table));
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
}

async function within(table, mode, work) {
  const transaction = (await database()).transaction(table, mode, { durability: "strict" });
  const over = new Promise((done, failed) => {
    transaction.oncomplete = done;
    transaction.onabort = transaction.onerror = () => failed(transaction.error);
  });
  try {
    const result = work(transaction);
    await over;
    return result;
  } catch (error) {
    // What came before the failure must not be stored without the rest.
    over.catch(() => {});
    try {
      transaction.abort();
    } catch {
      // It was over already.
    }
    throw error;
  }
}

/** What is kept under `key`; undefined for nothing. */
export const get = async (key) => (await within(KEPT, "readonly", (t) => t.objectStore(KEPT).get(key))).result;

/** Keeps all of `entries`, or none of them. */
export const put = (entries) =>
  within(KEPT, "readwrite", (t) => {
    for (const [key, value] of Object.entries(entries)) t.objectStore(KEPT).put(value, key);
  });

/** All rows of the wallet, as names and bytes. */
export async function rows() {
  const read = (t) => [t.objectStore(ROWS).getAllKeys(), t.objectStore(ROWS).getAll()];
  const [names, contents] = await within(ROWS, "readonly", read);
  return names.result.map((name, at) => [name, contents.result[at]]);
}

/** Stores all of the changes, or none of them: names and bytes, without bytes where a row goes. */
export const change = (changes) =>
  within(ROWS, "readwrite", (t) => {
    const table = t.objectStore(ROWS);
    for (const [name, content] of changes) content === undefined ? table.delete(name) : table.put(content, name);
  });

/** Forgets everything but the language. */
export const clear = () =>
  within([KEPT, ROWS], "readwrite", (t) => {
    t.objectStore(ROWS).clear();
    const kept = t.objectStore(KEPT);
    kept.get("language").onsuccess = ({ target }) => {
      kept.clear();
      if (target.result) kept.put(target.result, "language");
    };
  });
