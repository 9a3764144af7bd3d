-- Evervec's tables in SQLite. All names begin with evervec_, because the file may be the host's own.
-- Times are milliseconds since 1970 in UTC; hashes are 32 bytes of SHA-256. Money is a whole number of 10^-12 USD, null if
-- a price was not known; where it is added up, whole dollars (…_usd) and the rest (…_rest) stand apart, because the sum of a
-- long life need not fit into 64 bits.

-- One row per fingerprint: vectors of one generation may be compared with each other. vector_type: how they are held.
create table evervec_generation (
  number        integer primary key autoincrement,
  name          text    not null unique,
  provider      text    not null,
  model         text    not null,
  dimension     integer not null,
  task_type     text    not null,
  normalization text    not null,
  rewrite       text    not null,
  vector_type   text,
  created_at    integer not null
);

-- kind: build, or live (one row for everything that is embedded live; it runs again and again, its counts add up, and its
-- generation is that of the last run). state: running, completed, failed, cancelled, or interrupted (its worker died).
-- task, source, filter, batch_size, budget_usd: what it was asked to do; the budget is exact, as decimal text. cost_unknown: 1
-- if the price of some call was not known. resumes: the interrupted job whose spending (carried_…) this one carries on.
-- keeps_from: the first of the rebuilds that this one carries on by request; what was bought since it began is kept.
-- scanner: the worker that scans. cancel_requested: 1 if it was asked to stop while it ran. embedded, requests, tokens and cost
-- are those of workers that have ended; those of the others stand with them.
create table evervec_job (
  number           integer primary key autoincrement,
  id               text    not null unique,
  kind             text    not null,
  generation       integer not null,
  state            text    not null,
  scanner          text    not null,
  max_attempts     integer not null,
  reconsidered     text    not null,
  task             text    not null,
  source           text,
  filter           text,
  batch_size       integer,
  budget_usd       text,
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
  cost_usd         integer not null default 0,
  cost_rest        integer not null default 0,
  cost_unknown     integer not null default 0,
  carried_usd      integer not null default 0,
  carried_rest     integer not null default 0,
  resumes          integer,
  keeps_from       integer,
  cancel_requested integer not null default 0
);

create index evervec_job_running on evervec_job (number) where state = 'running';

-- The workers of jobs. role: alone (of a job that has one worker), first (began the job), or joined. process: where it runs, for
-- people. A worker lives until its lease is over, or where jobs have one worker, as long as it holds the lock beside the file.
-- state: null while it works; then what it ended as, or interrupted. lost: 1 if its claims went back to the list once while it
-- was away, so that results which are refused for that are no outcomes of the job. held_up_by: why nothing gets through to a
-- provider. last_write: the number of its last write, by which a worker whose commit ended in an error sees whether it happened.
-- cost_unknown: 1 if the price of some call was not known.
-- budget_held: how much of the job's budget it may have spent by now, in USD as decimal text; budget_spent: how much it said that it
-- had spent.
create table evervec_worker (
  number           integer primary key autoincrement,
  job              integer not null,
  owner            text    not null unique,
  role             text    not null,
  process          text    not null,
  began_at         integer not null,
  lease_end        integer not null,
  ended_at         integer,
  state            text,
  lost             integer not null default 0,
  held_up_by       text,
  last_write       integer not null default 0,
  embedded         integer not null default 0,
  requests         integer not null default 0,
  input_tokens     integer not null default 0,
  output_tokens    integer not null default 0,
  tokens_estimated integer not null default 0,
  cost_usd         integer not null default 0,
  cost_rest        integer not null default 0,
  cost_unknown     integer not null default 0,
  budget_held      text    not null default '0',
  budget_spent     text    not null default '0'
);

create index evervec_worker_working on evervec_worker (job) where ended_at is null;

-- How many records a job left without a vector, by reason; untaken ones included.
create table evervec_job_count (
  job     integer not null,
  reason  text    not null,
  records integer not null,
  primary key (job, reason)
) without rowid;

-- The state of every record in every generation. job is set while the record is on that job's list, and such a record is
-- always pending; owner is set while a worker has claimed it, and version goes up with every claim. superseded is 1 if
-- content_hash changed while it was claimed: what is stored for it then leaves it pending. changed_at: since when it is in
-- its state, whatever its content did meanwhile. vector_hash: hash of the content that its vector is of; null if there is
-- none, and while it is embedded, because then that is content_hash. fresh_since: the rebuild that has not got it its vector
-- yet; vectors and rewrites of earlier jobs must not serve it. met: the last build during whose scan it was met by live
-- embedding, so that it has not vanished whatever the scan met. No number is given out twice: workers claim in their order.
create table evervec_ledger (
  number       integer primary key autoincrement,
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
  superseded   integer not null default 0,
  changed_at   integer not null,
  vector_hash  blob,
  fresh_since  integer,
  met          integer,
  unique (generation, source, id)
);

-- The lists of jobs: unclaimed records first, in the order in which they entered the ledger.
create index evervec_ledger_list on evervec_ledger (job, owner) where job is not null;

-- The oldest pending record of a source.
create index evervec_ledger_pending on evervec_ledger (generation, source, changed_at) where state = 'pending';

-- What is skipped or failed, to be tried again.
create index evervec_ledger_reason on evervec_ledger (generation, reason) where reason is not null;

create index evervec_ledger_met on evervec_ledger (met) where met is not null;

-- The vectors: float32, little-endian. part is 0: one vector per record. job stored it; bought_by is another one if it was
-- found in the store as the vector of an equal text. tokens and cost: the record's share of the calls that were made for it.
create table evervec_vector (
  number     integer primary key,
  generation integer not null,
  source     text    not null,
  id         text    not null,
  part       integer not null,
  text_hash  blob    not null,
  dimension  integer not null,
  job        integer not null,
  bought_by  integer not null,
  stored_at  integer not null,
  tokens     integer not null,
  cost       integer,
  vector     blob    not null,
  unique (generation, source, id, part)
);

-- Ledger rows by the first six bytes of the hash of the text that their vector is of, as a number. An entry may have
-- outlived its vector: what it leads to must have been bought by the same job and have the whole hash.
create table evervec_text (
  generation integer not null,
  text_key   integer not null,
  bought_by  integer not null,
  record     integer not null,
  primary key (generation, text_key, bought_by, record)
) without rowid;

-- Entries that wait to be poured into the large table, many at a time.
create table evervec_text_recent (
  generation integer not null,
  text_key   integer not null,
  bought_by  integer not null,
  record     integer not null,
  primary key (generation, text_key, bought_by, record)
) without rowid;

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

-- What became of a record in a job. reason is null if it got a vector, which a later one has replaced; until then what is
-- known of it stands with the vector. tokens and cost: the record's share of the calls that were made for it.
create table evervec_outcome (
  number     integer primary key,
  generation integer not null,
  job        integer not null,
  source     text    not null,
  id         text    not null,
  reason     text,
  detail     text    not null,
  at         integer not null,
  tokens     integer not null,
  cost       integer
);

create index evervec_outcome_reason on evervec_outcome (job, reason) where reason is not null;

create index evervec_outcome_record on evervec_outcome (source, id);

-- Ledger rows by state, and how many of these have a vector of another content than theirs; kept by the transactions that
-- change them.
create table evervec_count (
  generation integer not null,
  source     text    not null,
  state      text    not null,
  records    integer not null,
  stale      integer not null,
  primary key (generation, source, state)
) without rowid;

-- When a source was last scanned completely, and how many records without content were met then: those that are in no ledger.
create table evervec_source_scan (
  generation   integer not null,
  source       text    not null,
  blank        integer not null,
  as_of        integer not null,
  primary key (generation, source)
) without rowid;

-- The bill: one row per provider call. capability: embedding or rewrite; estimated: 1 if at least a part of the tokens is
-- an estimate; failure: null if the call was answered; job: null if it was made outside of any.
create table evervec_usage (
  number        integer primary key,
  at            integer not null,
  took_ms       integer not null,
  provider      text    not null,
  model         text    not null,
  capability    text    not null,
  texts         integer not null,
  requests      integer not null,
  input_tokens  integer not null,
  output_tokens integer not null,
  estimated     integer not null,
  cost          integer,
  failure       text,
  job           integer
);

create index evervec_usage_at on evervec_usage (at);

-- How a call falls on the sources whose records were in it. A call that no record asked for has none.
create table evervec_usage_share (
  usage         integer not null,
  source        text    not null,
  texts         integer not null,
  input_tokens  integer not null,
  output_tokens integer not null,
  cost          integer,
  primary key (usage, source)
) without rowid;
