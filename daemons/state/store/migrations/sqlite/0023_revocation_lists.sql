-- Lists of revoked certificates as they were fetched: one row for each URL that the configuration leads to.
-- A try that brought nothing leaves the list as it is.
create table revocation_list (
  url        text primary key check (url <> ''),
  list       text check (list <> ''),
  fetched_at integer,
  tried_at   integer not null,
  error_code text check (error_code <> ''),
  error_text text,
  constraint revocation_list_fetched check ((list is null) = (fetched_at is null))
) strict;
