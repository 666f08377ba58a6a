-- name: enqueue
insert into queue_entry (partner, dataset_name, stamp, short_stamp, originator, destination, format,
  record_length, description, user_data, payload, octets, original_octets, packaging, priority,
  passive, receipt_expected, not_before, state, comment, by_second)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
  $21)
on conflict do nothing
returning id

-- name: latest_stamp
select stamp from queue_entry
where dataset_name = $1 and stamp >= $2 and originator = $3 and destination = $4
order by stamp desc
limit 1

-- name: entry
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, package, octets, original_octets, packaging, hash, priority,
  passive, receipt_expected, restart_refused, reached, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, hindrance_code,
  hindrance_text, receipt_signature, receipt_signer, comment, created_at, updated_at, sent_at, finished_at
from queue_entry where id = $1

-- name: entry_by_identity
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, package, octets, original_octets, packaging, hash, priority,
  passive, receipt_expected, restart_refused, reached, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, hindrance_code,
  hindrance_text, receipt_signature, receipt_signer, comment, created_at, updated_at, sent_at, finished_at
from queue_entry
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4

-- name: queue
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, package, octets, original_octets, packaging, hash, priority,
  passive, receipt_expected, restart_refused, reached, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, hindrance_code,
  hindrance_text, receipt_signature, receipt_signer, comment, created_at, updated_at, sent_at, finished_at
from queue_entry
where ($1 is null or partner = $1)
  and ($2 is null or state = $2)
  and (not $3 or finished_at is null)
order by id desc
limit $4

-- name: state_counts
select state, count(*) as entries from queue_entry group by state

-- name: not_prepared
-- Its payload is to blame and not the partner: no attempt.
update queue_entry set state = 'blocked', error_code = $4, error_text = $5,
  claimed_by = null, claimed_epoch = null,
  updated_at = (select moment from clock)
where id = $3 and state = 'preparing' and claimed_by = $1 and claimed_epoch = $2
returning id

-- name: answered_entry_was_sent
-- The receipt came before the session saw EFPA: only the time of sending is missing. It was not after
-- the receipt.
update queue_entry set sent_at = coalesce(sent_at, finished_at, (select moment from clock)),
  updated_at = (select moment from clock)
where id = $1 and last_session_id = $2 and state in ('sent', 'acknowledged', 'rejected')
returning state, receipt_expected

-- name: entry_stopped
-- $5 is blocked or rejected; only rejected is an end.
update queue_entry set state = $5, error_code = $3, error_text = $4, attempts = attempts + 1,
  finished_at = case when $5 = 'rejected' then (select moment from clock) end,
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'sending' and session_id = $2
returning state

-- name: entry_returned
-- Given back untouched: neither an attempt nor an error.
update queue_entry set state = 'ready',
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'sending' and session_id = $2
returning state

-- name: entry_reached
-- Only whoever sends it knows; a receipt that was faster is respected.
update queue_entry set reached = $3, updated_at = (select moment from clock)
where id = $1 and state = 'sending' and session_id = $2

-- name: answer_sent
-- What a receipt usually is: the first for the entry with this very identity. It counts for what is
-- being sent to this partner, and for what may have reached it whole. Where it is to be signed, only one
-- that proves the very octets that were sent says that they arrived ($9 is their hash, $13 a pattern for
-- one that counts in its place).
update queue_entry set state = $5, error_code = $6, error_text = $7,
  receipt_signature = $10, receipt_signer = $11, receipt_certificate = $12,
  finished_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4 and partner = $8
  and (state = 'sending' or reached = 'whole')
  and state not in ('acknowledged', 'rejected', 'cancelled')
  and (hash is null or hash = $9 or $5 = 'rejected' or other_hashes like $13)
returning id, hash, other_hashes

-- name: find_sent
select id, state from queue_entry
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4 and partner = $5

-- name: find_sent_by_short_stamp
-- Levels 1.2 and 1.3 carry no century and no counter. Of entries that they cannot tell apart the one
-- that waits for a receipt is meant, then one that has had it: what may not be there yet comes last.
select id, state from queue_entry
where dataset_name = $1 and short_stamp = $2 and originator = $3 and destination = $4
  and partner = $5
order by case state when 'sent' then 0 when 'acknowledged' then 1 when 'rejected' then 1
  when 'cancelled' then 1 when 'sending' then 2 else 3 end, id
limit 1

-- name: entry_answered
-- From every state but the ends: the partner's word that it has the file outweighs ours.
update queue_entry set state = $2, error_code = $3, error_text = $4,
  receipt_signature = $6, receipt_signer = $7, receipt_certificate = $8,
  finished_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and (state = 'sending' or reached = 'whole')
  and state not in ('acknowledged', 'rejected', 'cancelled')
  and (hash is null or hash = $5 or $2 = 'rejected' or other_hashes like $9)
returning id, hash, other_hashes

-- name: hash_to_prove
-- Of an entry that a receipt would answer now.
select hash from queue_entry
where id = $1 and hash is not null and (state = 'sending' or reached = 'whole')
  and state not in ('acknowledged', 'rejected', 'cancelled')

-- name: receipt_unproven
-- It waits on, and says why. What is being sent is left to its session.
update queue_entry set error_code = $2, error_text = $3, updated_at = (select moment from clock)
where id = $1 and state = 'sent'

-- name: hold_entry
update queue_entry set state = 'held', claimed_by = null, claimed_epoch = null,
  updated_at = (select moment from clock)
where id = $1 and state in ('queued', 'preparing', 'ready', 'blocked')
returning id

-- name: release_entry
-- Whoever lets it go wants it to go now.
update queue_entry set state = 'queued', not_before = null, updated_at = (select moment from clock)
where id = $1 and state = 'held'
returning id

-- name: cancel_entry
update queue_entry set state = 'cancelled', finished_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null,
  updated_at = (select moment from clock)
where id = $1 and state in ('held', 'queued', 'preparing', 'ready', 'blocked')
returning id

-- name: unblock_entry
update queue_entry set state = 'queued', attempts = 0, not_before = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'blocked'
returning id

-- name: close_entry
-- No receipt is waited for any more; one that comes after all still counts.
update queue_entry set receipt_expected = false, finished_at = (select moment from clock),
  updated_at = (select moment from clock)
where id = $1 and state = 'sent' and finished_at is null
returning id

-- name: resend_entry
-- Under its identity, so that a partner that has it says so. Its payload is there until it is finished.
update queue_entry set state = 'queued', attempts = 0, not_before = null, sent_at = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'sent' and finished_at is null
returning id

-- name: end_waiting
-- The partner is there. What it refused for now waits on: that says nothing of the partner.
update queue_entry set not_before = null, updated_at = (select moment from clock)
where state = 'ready' and partner = $1 and not_before > (select moment from clock)
  and error_code is not null
  and error_code not like 'E-FILE-SFNA-%' and error_code not like 'E-FILE-EFNA-%'

-- name: find_sent_by_second
-- A receipt whose counter was zeroed on its way: two at most are of interest. $6 is the last counter of
-- the second that $2 begins.
select id from queue_entry
where dataset_name = $1 and stamp between $2 and $6 and originator = $3 and destination = $4
  and partner = $5
  and (state = 'sending' or reached = 'whole')
  and state not in ('acknowledged', 'rejected', 'cancelled')
limit 2

-- name: entry_state
select state from queue_entry where id = $1

-- name: free_entries_of_session
-- How far it got is known to nobody any more.
update queue_entry set state = 'ready', reached = 'whole',
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where state = 'sending' and session_id = $1

-- name: free_orphaned_entries
update queue_entry set state = 'ready', reached = 'whole',
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where session_id is not null and claimed_by = $1 and claimed_epoch < $2

-- name: still_preparing
select id from queue_entry
where state = 'preparing' and claimed_by = $1 and claimed_epoch = $2

-- name: requeue_orphaned_entries
update queue_entry set state = 'queued', claimed_by = null, claimed_epoch = null,
  updated_at = (select moment from clock)
where state = 'preparing' and claimed_by = $1 and claimed_epoch < $2

-- name: payloads_in_use
select payload from queue_entry where finished_at is null
union
select package from queue_entry where finished_at is null and package is not null

-- name: queued_before
-- A payload belongs to one entry.
select id from queue_entry where payload = $1

-- name: recount_entries
-- Written later than now, that is before the clock was set back: a wait after an attempt begins anew.
-- A moment that a person named stands.
update queue_entry set
  not_before = case when attempts > 0 and updated_at > (select moment from clock)
    then (select moment from clock) + (not_before - updated_at) else not_before end,
  created_at = case when created_at > (select moment from clock)
    then (select moment from clock) else created_at end,
  updated_at = case when updated_at > (select moment from clock)
    then (select moment from clock) else updated_at end
where state in ('held', 'queued', 'preparing', 'ready', 'sending', 'blocked')
  and (created_at > (select moment from clock) or updated_at > (select moment from clock))

-- name: kept_receipt
-- Those of before certificates were kept have none.
select partner, dataset_name, stamp, originator, destination, hash, other_hashes, receipt_signature,
  receipt_certificate, finished_at
from queue_entry
where id = $1 and hash is not null and receipt_certificate is not null and finished_at is not null
