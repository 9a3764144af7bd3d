create table evervec_outbox (
    seq bigint generated always as identity primary key,
    source varchar(128) not null,
    id varchar(512) not null,
    op varchar(6) not null,
    noted_at bigint not null
)
