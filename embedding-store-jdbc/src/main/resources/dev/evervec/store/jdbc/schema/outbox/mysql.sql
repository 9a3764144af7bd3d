create table evervec_outbox (
    seq bigint not null auto_increment primary key,
    source varchar(128) character set utf8mb4 collate utf8mb4_bin not null,
    id varchar(512) character set utf8mb4 collate utf8mb4_bin not null,
    op varchar(6) not null,
    noted_at bigint not null
) engine = InnoDB
