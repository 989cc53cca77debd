"""The tables of jobs, and the way to them from those of older versions."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    seq {serial}, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL, task TEXT NOT NULL,
    status TEXT NOT NULL, version INTEGER NOT NULL, attempt INTEGER NOT NULL,
    owner TEXT NOT NULL, runner TEXT,
    created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION, ended DOUBLE PRECISION,
    progress_text TEXT, progress_percent DOUBLE PRECISION, message_count INTEGER NOT NULL,
    environment TEXT NOT NULL, terms TEXT NOT NULL, progress_detail TEXT,
    priority INTEGER NOT NULL DEFAULT 0, turn INTEGER NOT NULL DEFAULT 0,
    size BIGINT, pinned INTEGER NOT NULL DEFAULT 0, trace TEXT NOT NULL DEFAULT '',
    spared INTEGER NOT NULL DEFAULT 0, wait_until DOUBLE PRECISION);
CREATE TABLE IF NOT EXISTS chores (name TEXT PRIMARY KEY, due DOUBLE PRECISION NOT NULL){compact};
CREATE TABLE IF NOT EXISTS runners (name TEXT PRIMARY KEY, seen DOUBLE PRECISION NOT NULL){compact};
CREATE INDEX IF NOT EXISTS jobs_line ON jobs (priority DESC, turn, seq, service) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS jobs_turns ON jobs (owner, priority, turn) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS jobs_overdue ON jobs (wait_until)
    WHERE status = 'queued' AND wait_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (seq) WHERE status IN ('running', 'cancelling');
CREATE INDEX IF NOT EXISTS jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_service ON jobs (service, seq);
CREATE INDEX IF NOT EXISTS jobs_statistics ON jobs (service, task, status, created, started, ended, size)
    WHERE ended IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_unweighed ON jobs (seq) WHERE ended IS NOT NULL AND size IS NULL;
CREATE INDEX IF NOT EXISTS jobs_condemned ON jobs (seq) WHERE pinned < 0;
CREATE INDEX IF NOT EXISTS jobs_succeeded ON jobs (service, task, seq) WHERE status = 'succeeded';
CREATE TABLE IF NOT EXISTS inputs (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL,
    texts TEXT NOT NULL, file TEXT, PRIMARY KEY (job_id, n)){compact};
CREATE TABLE IF NOT EXISTS messages (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL, PRIMARY KEY (job_id, n)){compact};
CREATE TABLE IF NOT EXISTS results (
    job_id TEXT NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL,
    value TEXT, layer TEXT, file TEXT, rows INTEGER, drawing TEXT, PRIMARY KEY (job_id, n)){compact};
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL,
    signature_key TEXT NOT NULL, active INTEGER NOT NULL, root TEXT NOT NULL, delivered DOUBLE PRECISION,
    due DOUBLE PRECISION NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0){compact};
CREATE TABLE IF NOT EXISTS deliveries (
    seq {serial}, webhook TEXT NOT NULL, job_id TEXT NOT NULL, service TEXT NOT NULL, task TEXT NOT NULL,
    status TEXT NOT NULL, ended DOUBLE PRECISION NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    tried DOUBLE PRECISION, reason TEXT NOT NULL DEFAULT '', given_up INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_line ON deliveries (webhook, attempts, seq) WHERE given_up = 0;
"""
SCHEMA_VERSION = 6
OLDEST = 5
"""The oldest version whose code may go on to use these tables: see ``gpserver.migration.Tables``."""

# What brings the tables of an older version up to the next one; new tables and indexes come with the schema.
MIGRATIONS = {
    3: ("ALTER TABLE jobs ADD COLUMN progress_detail TEXT",),
    4: (
        "ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN turn INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX IF EXISTS jobs_queued",
    ),
    5: (
        "ALTER TABLE jobs ADD COLUMN size BIGINT",
        "ALTER TABLE jobs ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN trace TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN spared INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN wait_until DOUBLE PRECISION",
    ),
}
