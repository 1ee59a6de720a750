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
