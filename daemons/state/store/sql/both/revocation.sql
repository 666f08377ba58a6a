-- name: lists
select url, fetched_at, tried_at, error_code, error_text from revocation_list order by url

-- name: list
select list from revocation_list where url = $1 and list is not null

-- name: fetched
insert into revocation_list (url, list, fetched_at, tried_at)
select $1, $2, moment, moment from clock where true
on conflict (url) do update set list = excluded.list, fetched_at = excluded.fetched_at,
  tried_at = excluded.tried_at, error_code = null, error_text = null

-- name: unchanged
update revocation_list set tried_at = (select moment from clock), error_code = null, error_text = null
where url = $1

-- name: not_fetched
insert into revocation_list (url, tried_at, error_code, error_text)
select $1, moment, $2, $3 from clock where true
on conflict (url) do update set tried_at = excluded.tried_at, error_code = excluded.error_code,
  error_text = excluded.error_text

-- name: forget
delete from revocation_list where url = $1
