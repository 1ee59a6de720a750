// A relying party's view of a verifier's service: ask, follow, read the verdict. Types come from the service's document.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
/** What is asked. */
export type NewRequest = Schemas["NewRequest"];
/** A request that was made: its id, and the link or code that the holder is shown. */
export type Created = Schemas["Created"];
/** Where a request stands. */
export type State = Schemas["StateAnswer"]["state"];
/** What was shown, and how sure it is. */
export type Verdict = Schemas["VerdictAnswer"]["verdict"];

/** The service said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    /** The code of OAuth. */
    readonly code: string,
    /** The name of the refusal, e.g. `AttributeNotRegistered`. */
    readonly reason: string,
  ) {
    super(`${reason} (${code})`);
    this.name = "Refused";
  }
}

/** A service at this address; `token` is the relying party's. */
export class Verifier {
  readonly #address: string;
  readonly #client: ReturnType<typeof createClient<paths>>;

  constructor(address: string, token: string) {
    this.#address = address.replace(/\/$/, "");
    this.#client = createClient<paths>({ baseUrl: this.#address, headers: { authorization: `Bearer ${token}` } });
  }

  /** Makes a request: show `link` on the same device, or `qr_png` on another. */
  async ask(body: NewRequest): Promise<Created> {
    return taken(await this.#client.POST("/openid4vp/requests", { body }));
  }

  /** Where a request stands now. */
  async state(id: string): Promise<State> {
    return taken(await this.#client.GET("/openid4vp/requests/{id}", { params: { path: { id } } })).state;
  }

  /** Each state of a request, until it is decided. */
  async *states(id: string, signal?: AbortSignal): AsyncGenerator<State> {
    const events = await fetch(`${this.#address}/openid4vp/requests/${encodeURIComponent(id)}/events`, signal ? { signal } : {});
    if (!events.ok || !events.body) taken({ error: (await events.json()) as Schemas["Refusal"], response: events });
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data: ")) yield line.slice("data: ".length) as State;
    }
  }

  /** The verdict, once. `responseCode` is what the holder's browser came back with, on the same device. */
  async verdict(id: string, responseCode?: string): Promise<Verdict> {
    const body = responseCode === undefined ? {} : { response_code: responseCode };
    const path = "/openid4vp/requests/{id}/verdict";
    return taken(await this.#client.POST(path, { params: { path: { id } }, body })).verdict;
  }
}

function taken<T>({ data, error, response }: { data?: T; error?: Schemas["Refusal"]; response: Response }): T {
  if (data === undefined) throw new Refused(response.status, error?.error ?? "", error?.error_description ?? "");
  return data;
}
