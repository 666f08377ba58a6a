-- name: claim_receipts
update receipt set state = 'sending', claimed_by = $1, claimed_epoch = $2, session_id = $3
where id in (
  select id from receipt
  where state = 'queued' and not held and partner = $4
    and (not_before is null or not_before <= (select moment from clock))
  order by id
  limit $5)
returning id, received_file_id, kind, partner, dataset_name, stamp, originator, destination,
  user_data, reason, reason_text, state, held, not_before, claimed_by, claimed_epoch,
  session_id, created_at, sent_at

-- name: queue_receipt
-- One receipt a file, with the file's own identity.
insert into receipt (received_file_id, kind, partner, dataset_name, stamp, originator, destination,
  user_data, reason, reason_text, held, not_before)
select id, $2, partner, dataset_name, stamp, originator, destination, $3, $4, $5, $6,
  (select moment from clock) + $7
from received_file where id = $1
returning id
