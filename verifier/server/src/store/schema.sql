-- Requests of a verifier that several instances serve (ADR 0021). `id`, `handle` and `used` are keyed hashes; `asked`, `verdict`
-- and `call` are sealed. Times are Unix seconds of the instances' clocks, but `due`, which is the database's.
CREATE TABLE verifier_requests (
    id bytea PRIMARY KEY,
    kind text NOT NULL,
    handle bytea NOT NULL UNIQUE,
    state text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    expires_at bigint NOT NULL,
    until bigint NOT NULL,
    keep bigint NOT NULL,
    -- None when the verdict was read: then nothing is left but that it was answered, for some seconds.
    asked bytea,
    verdict bytea
);
CREATE INDEX verifier_requests_until ON verifier_requests (until);
CREATE TABLE verifier_used (
    used bytea PRIMARY KEY,
    until bigint NOT NULL
);
CREATE INDEX verifier_used_until ON verifier_used (until);
CREATE TABLE verifier_calls (
    id bytea PRIMARY KEY,
    call bytea NOT NULL,
    state text,
    failed integer NOT NULL DEFAULT 0,
    due timestamptz NOT NULL
);
CREATE INDEX verifier_calls_due ON verifier_calls (due);
