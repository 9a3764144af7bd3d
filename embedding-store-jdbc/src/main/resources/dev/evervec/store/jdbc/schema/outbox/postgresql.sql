create table evervec_outbox (
    seq bigint generated always as identity primary key,
    source text not null,
    id text not null,
    op text not null,
    noted_at bigint not null
)
