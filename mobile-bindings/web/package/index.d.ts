export * from "./mid_web.js";
export { default } from "./mid_web.js";

/** A text in both languages. */
export interface Label {
  ko: string;
  en: string;
}

/** One shown attribute. */
export interface Claim {
  name: string;
  label: Label;
  value: Label;
}

/** A statement that holds about an attribute that was not shown. */
export type Predicate =
  | { "age-at-least": { years: number; statute: "civil" | "youth-protection" } }
  | { "age-below": { years: number; statute: "civil" | "youth-protection" } }
  | { "any-of": { attribute: string; codes: string[] } }
  | { "none-of": { attribute: string; codes: string[] } };

/** What was asked for, and how sure that is. Times are in Unix seconds. */
export interface Verdict {
  credential_type: string;
  /** Who issued, a DID on the ledger. */
  issuer: string;
  claims: Claim[];
  proven: Predicate[];
  /** What the trust data was, and its age in seconds. */
  trust: { height: number; as_of: number; age: number };
  issuer_known: "bundle" | { stapled: { height: number; as_of: number } };
  /** When "not withdrawn" was true. */
  status_as_of: number;
  /** `time-window`: another verifier may have accepted the same code within its 30 seconds. */
  replay: "challenge" | "time-window";
  binding: "hardware-key" | "link-secret";
  made_at: number;
  pseudonym?: { scope: unknown; name: string; value: string };
  /** A PNG, in hexadecimal. */
  portrait?: string;
}

/** What `Scanner.check` and `Scanner.check_answer` say, as JSON. Claims are there only when it was accepted. */
export type Answer = { accepted: true; verdict: Verdict } | { accepted?: undefined; refused: string; message: string };

/** What `Scanner.questions` lists, as JSON. */
export interface Question {
  purpose: string;
  why: Label;
  type: string;
  of: Label;
  profile: string;
  name: Label;
  shows: Label[];
  proves: Label[];
}

/** A credential on its owner's own screen: what `Wallet.cards` lists, as JSON. */
export interface Card {
  id: string;
  type: string;
  name: Label;
  /** Who issued, a DID on the ledger. */
  issuer: string;
  /** Last day of validity, `YYYY-MM-DD`. */
  expiry: string;
  state: "usable" | "expired" | "suspended" | "withdrawn";
  /** Answers with a one-time key that are left; none in types without. */
  copies: number | null;
  /** A PNG, in hexadecimal. */
  portrait: string | null;
  /** `digest`: of the picture, which says nothing to its owner. */
  attributes: { name: string | null; digest: boolean; label: Label; value: Label }[];
  profiles: { id: string; name: Label }[];
}

/** What `Wallet.read_offer` says, as JSON. */
export interface OfferSheet {
  issuer: string;
  url: string;
  types: { id: string; name: Label }[];
  /** Whether a code that the issuer told separately has to be typed. */
  tx_code: boolean;
}

/** What `Consent.sheet` says, as JSON. */
export interface ConsentSheet {
  verifier: string;
  name: Label;
  /** Nothing when the verifier did not register it. */
  purpose: Label | null;
  credential_name: Label;
  attributes: { label: Label; disclosure: "shown" | "proven" | "kept"; texts: Label[] }[];
  bound: Label | null;
  recognition: Label | null;
  /** Name of what goes beyond the registration; such a request is not answered. */
  over_ask: string | null;
  /** Unix seconds. */
  expires_at: number;
}
