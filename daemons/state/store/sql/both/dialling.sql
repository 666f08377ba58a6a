-- name: request
insert into dial_request (partner, number, ping, requested_by, requested_epoch)
values ($1, $2, $3, $4, $5)
returning id

-- name: read
select id, partner, number, ping, state, taken_by, taken_epoch, connected, established,
  sends_only, outcome_code, outcome_text, files_sent, files_received, octets_sent, octets_received
from dial_request where id = $1

-- name: unfinished
select id, partner, number, ping, state, taken_by, taken_epoch, connected, established,
  sends_only, outcome_code, outcome_text, files_sent, files_received, octets_sent, octets_received
from dial_request where state <> 'done' order by id

-- name: done
update dial_request set state = 'done', connected = $2, established = $3, sends_only = $4,
  outcome_code = $5, outcome_text = $6, files_sent = $7, files_received = $8, octets_sent = $9,
  octets_received = $10
where id = $1 and state = 'taken' and taken_by = $11 and taken_epoch = $12

-- name: withdraw
delete from dial_request
where id = $1 and state <> 'taken' and requested_by = $2 and requested_epoch = $3

-- name: lose
-- A lease that has expired is never renewed: whoever took the call does not run its session any
-- more, or not for long, and nothing that it still does is recorded as this call's.
update dial_request set state = 'done', connected = false, established = false,
  outcome_code = 'E-DIAL-LOST', outcome_text = taken_by || ' ended in the middle of the call'
where id = $1 and state = 'taken' and requested_by = $2 and requested_epoch = $3
  and not exists (select 1 from daemon_lease
    where daemon = taken_by and epoch = taken_epoch
      and expires_at > (select moment from clock))

-- name: lose_orphans
update dial_request set state = 'done', connected = false, established = false,
  outcome_code = 'E-DIAL-LOST', outcome_text = taken_by || ' ended in the middle of the call'
where state = 'taken' and taken_by = $1 and taken_epoch < $2

-- name: forget_orphans
-- Nobody waits for them any more. One that is taken runs its session to the end.
delete from dial_request where requested_by = $1 and requested_epoch < $2 and state <> 'taken'
