-- name: release_receipts
update receipt set state = 'queued', claimed_by = null, claimed_epoch = null, session_id = null
where state = 'sending' and session_id = $1

-- name: free_orphaned_receipts
update receipt set state = 'queued', claimed_by = null, claimed_epoch = null, session_id = null
where session_id is not null and claimed_by = $1 and claimed_epoch < $2

-- name: release_receipt
update receipt set held = false, not_before = null, deferred_at = null
where id = $1 and state = 'queued' and (held or not_before is not null)
returning id

-- name: take_back_eerp
-- Only one that is sure to be here.
delete from receipt
where received_file_id = $1 and kind = 'EERP' and state = 'queued' and not may_have_left
returning id

-- name: receipt
select id, received_file_id, kind, partner, dataset_name, stamp, originator, destination, user_data,
  reason, reason_text, signature_suite, hash, signature, state, held, not_before, claimed_by, claimed_epoch,
  session_id, created_at, sent_at
from receipt where id = $1

-- name: receipts
select id, received_file_id, kind, partner, dataset_name, stamp, originator, destination, user_data,
  reason, reason_text, signature_suite, hash, signature, state, held, not_before, claimed_by, claimed_epoch,
  session_id, created_at, sent_at
from receipt
where ($1 is null or partner = $1) and ($2 is null or state = $2)
order by id desc
limit $3

-- name: end_deferral
-- A session is there that carries signatures.
update receipt set not_before = null, deferred_at = null
where state = 'queued' and partner = $1 and deferred_at is not null

-- name: recount_receipts
-- As entries are: a receipt waits from its creation on, or since it was deferred.
update receipt set
  not_before = case when coalesce(deferred_at, created_at) > (select moment from clock)
    then (select moment from clock) + (not_before - coalesce(deferred_at, created_at))
    else not_before end,
  deferred_at = case when deferred_at > (select moment from clock)
    then (select moment from clock) else deferred_at end,
  created_at = case when created_at > (select moment from clock)
    then (select moment from clock) else created_at end
where state in ('queued', 'sending')
  and (created_at > (select moment from clock) or deferred_at > (select moment from clock))
