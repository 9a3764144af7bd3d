-- Evervec's tables in SQLite. All names begin with evervec_, because the file may be the host's own.
-- Times are milliseconds since 1970 in UTC; hashes are 32 bytes of SHA-256.

-- One row per fingerprint: vectors of one generation may be compared with each other.
create table evervec_generation (
  number        integer primary key autoincrement,
  name          text    not null unique,
  provider      text    not null,
  model         text    not null,
  dimension     integer not null,
  task_type     text    not null,
  normalization text    not null,
  rewrite       text    not null,
  created_at    integer not null
);

-- state: running, completed, failed, cancelled, or interrupted (its worker died). last_write: the number of the job's last
-- write, by which a worker whose commit ended in an error sees whether it happened.
create table evervec_job (
  number           integer primary key autoincrement,
  id               text    not null unique,
  generation       integer not null,
  state            text    not null,
  owner            text    not null,
  max_attempts     integer not null,
  started_at       integer not null,
  scan_ended_at    integer,
  ended_at         integer,
  embedded         integer not null default 0,
  untaken          integer not null default 0,
  untaken_reason   text,
  requests         integer not null default 0,
  input_tokens     integer not null default 0,
  output_tokens    integer not null default 0,
  tokens_estimated integer not null default 0,
  last_write       integer not null default 0
);

create index evervec_job_running on evervec_job (number) where state = 'running';

-- How many records a job left without a vector, by reason; untaken ones included.
create table evervec_job_count (
  job     integer not null,
  reason  text    not null,
  records integer not null,
  primary key (job, reason)
) without rowid;

-- The state of every record in every generation. job is set while the record is on that job's list, and such a record is
-- always pending; owner and lease_end are set while it is claimed, and version goes up with every claim.
create table evervec_ledger (
  number       integer primary key,
  generation   integer not null,
  source       text    not null,
  id           text    not null,
  state        text    not null,
  reason       text,
  detail       text,
  content_hash blob    not null,
  locator      blob    not null,
  attempts     integer not null,
  retry_due    integer,
  job          integer,
  owner        text,
  version      integer not null,
  lease_end    integer,
  changed_at   integer not null,
  unique (generation, source, id)
);

-- The lists of jobs: unclaimed records first, in the order in which they entered the ledger.
create index evervec_ledger_list on evervec_ledger (job, owner) where job is not null;

-- The vectors: float32, little-endian. part is 0: one vector per record.
create table evervec_vector (
  number     integer primary key,
  generation integer not null,
  source     text    not null,
  id         text    not null,
  part       integer not null,
  text_hash  blob    not null,
  dimension  integer not null,
  job        integer not null,
  stored_at  integer not null,
  vector     blob    not null,
  unique (generation, source, id, part)
);

-- Rewritten texts by rewrite fingerprint and hash of the prepared text.
create table evervec_rewrite (
  number      integer primary key,
  fingerprint text    not null,
  text_hash   blob    not null,
  rewritten   text    not null,
  job         integer not null,
  kept_at     integer not null,
  unique (fingerprint, text_hash)
);

-- What became of a record in a job, if it got no vector.
create table evervec_outcome (
  number integer primary key,
  job    integer not null,
  source text    not null,
  id     text    not null,
  reason text    not null,
  detail text    not null,
  at     integer not null
);

create index evervec_outcome_reason on evervec_outcome (job, reason);

create index evervec_outcome_record on evervec_outcome (source, id);

-- Ledger rows by state, kept by the transactions that change them.
create table evervec_count (
  generation integer not null,
  source     text    not null,
  state      text    not null,
  records    integer not null,
  primary key (generation, source, state)
) without rowid;

-- What the last complete scan of a source met.
create table evervec_source_total (
  generation   integer not null,
  source       text    not null,
  total        integer not null,
  with_content integer not null,
  as_of        integer not null,
  primary key (generation, source)
) without rowid;
