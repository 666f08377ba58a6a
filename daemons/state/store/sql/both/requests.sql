-- name: request
insert into operator_request (daemon, kind, subject_id, partner, requested_by, reason, reason_text)
values ($1, $2, $3, $4, $5, $6, $7)
returning id

-- name: take
update operator_request set state = 'taken', taken_epoch = $2
where daemon = $1 and state = 'open'
returning id, daemon, kind, subject_id, partner, reason, reason_text, requested_by, state,
  outcome_code, outcome_text, created_at, done_at

-- name: done
update operator_request set state = 'done', done_at = (select moment from clock),
  outcome_code = $2, outcome_text = $3
where id = $1 and state = 'taken' and daemon = $4 and taken_epoch = $5

-- name: forward
update operator_request set state = 'open', daemon = $2, taken_epoch = null
where id = $1 and state = 'taken' and daemon = $3 and taken_epoch = $4

-- name: reopen_orphans
update operator_request set state = 'open', taken_epoch = null
where state = 'taken' and daemon = $1 and taken_epoch < $2

-- name: read_one
select id, daemon, kind, subject_id, partner, reason, reason_text, requested_by, state,
  outcome_code, outcome_text, created_at, done_at
from operator_request where id = $1

-- name: read
select id, daemon, kind, subject_id, partner, reason, reason_text, requested_by, state,
  outcome_code, outcome_text, created_at, done_at
from operator_request
where ($1 is null or daemon = $1) and (not $2 or state <> 'done')
order by id desc
limit $3
