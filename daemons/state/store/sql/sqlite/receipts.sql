-- name: claim_receipts
update receipt set state = 'sending', may_have_left = true,
  claimed_by = $1, claimed_epoch = $2, session_id = $3
where id in (
  select id from receipt
  where state = 'queued' and not held and partner = $4
    and (not_before is null or not_before <= (select moment from clock))
  order by id
  limit $5)
returning id, received_file_id, kind, partner, dataset_name, stamp, originator, destination,
  user_data, reason, reason_text, signature_suite, hash, signature, state, held, not_before, claimed_by,
  claimed_epoch, session_id, created_at, sent_at

-- name: queue_receipts
-- One receipt a file, with the file's own identity. $1 is a JSON array.
insert into receipt (received_file_id, kind, partner, dataset_name, stamp, originator, destination,
  user_data, reason, reason_text, signature_suite, hash, signature, held, not_before)
select file.id, owed ->> 'kind', partner, dataset_name, stamp, originator, destination,
  owed ->> 'user_data', owed ->> 'reason', owed ->> 'reason_text',
  owed ->> 'signature_suite', owed ->> 'hash', owed ->> 'signature', owed ->> 'held',
  (select moment from clock) + (owed ->> 'after')
from (select value as owed from json_each($1)) as owing
  join received_file as file on file.id = owed ->> 'id'
where true
order by file.id
returning id, received_file_id

-- name: receipts_sent
-- $1 is a JSON array of numbers.
update receipt set state = 'sent', sent_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null
where id in (select value from json_each($1)) and state = 'sending' and session_id = $2

-- name: sent_receipts
-- $1 is a JSON array of numbers.
select id from receipt
where state = 'sent' and id in (select value from json_each($1))

-- name: defer_signed_receipts
update receipt set not_before = (select moment from clock) + $2,
  deferred_at = (select moment from clock)
where state = 'queued' and not held and partner = $1 and signature is not null
  and (not_before is null or not_before <= (select moment from clock))
