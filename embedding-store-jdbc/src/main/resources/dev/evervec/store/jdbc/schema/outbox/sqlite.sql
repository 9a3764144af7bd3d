-- autoincrement: a number is never given out twice, so a reader cannot delete a row that it has not read.
create table evervec_outbox (
    seq integer primary key autoincrement,
    source text not null,
    id text not null,
    op text not null,
    noted_at integer not null
)
