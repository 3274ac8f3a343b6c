-- The clinic group's archive of charts, which is also a witness: PostgreSQL 13 or newer.
--
-- The archive's owner runs this once (psql -d modctl -f archive.sql), then for each clinic:
--   CREATE ROLE clinic_a LOGIN PASSWORD '…' IN ROLE modctl_clinic;
-- A clinic adds rows of its own charts and reads them. It changes and removes nothing, and sees no other clinic's.
-- What is worth most here is that somebody else owns it: do not give that role to whoever runs the station.

CREATE ROLE modctl_clinic NOLOGIN;
CREATE SCHEMA modctl;

-- A chart belongs to the role that brought it first.
CREATE TABLE modctl.chart (
  origin text PRIMARY KEY,
  clinic name NOT NULL DEFAULT current_user,
  first_seen timestamptz NOT NULL DEFAULT now()
);

-- The entries' bytes, as FORMAT.md 2 has them. Hashes are not kept: whoever reads computes them.
CREATE TABLE modctl.entry (
  origin text NOT NULL REFERENCES modctl.chart,
  seq bigint NOT NULL CHECK (seq > 0),
  body bytea NOT NULL,
  PRIMARY KEY (origin, seq)
);

-- The signed heads, as FORMAT.md 4 has them. When they came is this server's word, not the clinic's.
CREATE TABLE modctl.head (
  origin text NOT NULL REFERENCES modctl.chart,
  size bigint NOT NULL CHECK (size > 0),
  note bytea NOT NULL,
  arrived timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (origin, size)
);

GRANT USAGE ON SCHEMA modctl TO modctl_clinic;
GRANT SELECT ON modctl.chart, modctl.entry, modctl.head TO modctl_clinic;
GRANT INSERT (origin) ON modctl.chart TO modctl_clinic;
GRANT INSERT (origin, seq, body) ON modctl.entry TO modctl_clinic;
GRANT INSERT (origin, size, note) ON modctl.head TO modctl_clinic;

ALTER TABLE modctl.chart ENABLE ROW LEVEL SECURITY;
ALTER TABLE modctl.entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE modctl.head ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON modctl.chart TO modctl_clinic USING (clinic = current_user) WITH CHECK (clinic = current_user);
CREATE POLICY own ON modctl.entry TO modctl_clinic
  USING (origin IN (SELECT origin FROM modctl.chart)) WITH CHECK (origin IN (SELECT origin FROM modctl.chart));
CREATE POLICY own ON modctl.head TO modctl_clinic
  USING (origin IN (SELECT origin FROM modctl.chart)) WITH CHECK (origin IN (SELECT origin FROM modctl.chart));
