-- name: write
insert into journal (kind, daemon, epoch, session_id, partner, entry_id, code, text, dataset_name,
  octets, details)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: read
-- The newest, turned round by the reader.
select id, at, kind, daemon, epoch, session_id, partner, entry_id, code, text, dataset_name, octets,
  details
from journal
where ($1 is null or partner = $1)
  and ($2 is null or kind = $2)
  and ($3 is null or at >= $3)
order by id desc
limit $4

-- name: follow
-- The oldest after a record, so that a follower misses none.
select id, at, kind, daemon, epoch, session_id, partner, entry_id, code, text, dataset_name, octets,
  details
from journal
where id > $5
  and ($1 is null or partner = $1)
  and ($2 is null or kind = $2)
  and ($3 is null or at >= $3)
order by id
limit $4
