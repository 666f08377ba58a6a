-- name: enqueue
insert into queue_entry (partner, dataset_name, stamp, short_stamp, originator, destination, format,
  record_length, description, user_data, payload, octets, original_octets, priority, passive,
  receipt_expected, not_before, state, comment)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
on conflict (dataset_name, stamp, originator, destination) do nothing
returning id

-- name: entry
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, octets, original_octets, priority, passive, receipt_expected,
  restart_refused, state, attempts, not_before, claimed_by, claimed_epoch, session_id,
  last_session_id, error_code, error_text, comment, created_at, updated_at, sent_at, finished_at
from queue_entry where id = $1

-- name: entry_by_identity
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, octets, original_octets, priority, passive, receipt_expected,
  restart_refused, state, attempts, not_before, claimed_by, claimed_epoch, session_id,
  last_session_id, error_code, error_text, comment, created_at, updated_at, sent_at, finished_at
from queue_entry
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4

-- name: queue
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, octets, original_octets, priority, passive, receipt_expected,
  restart_refused, state, attempts, not_before, claimed_by, claimed_epoch, session_id,
  last_session_id, error_code, error_text, comment, created_at, updated_at, sent_at, finished_at
from queue_entry
where ($1 is null or partner = $1)
  and ($2 is null or state = $2)
  and (not $3 or finished_at is null)
order by id desc
limit $4

-- name: state_counts
select state, count(*) as entries from queue_entry group by state

-- name: due_partners
-- What each partner's queue and receipts hold now; a plain read that decides nothing.
select partner,
  count(*) filter (where is_due and is_entry and not passive) as entries,
  count(*) filter (where is_due and is_entry and passive) as passive_entries,
  count(*) filter (where is_due and not is_entry) as receipts,
  max(attempts) filter (where is_due and is_entry and not passive) as attempts,
  max(priority) filter (where is_due and is_entry and not passive) as priority,
  min(created_at) filter (where is_due and not passive) as oldest,
  min(not_before) filter (where not is_due and not passive) as next_due
from (
  select partner, true as is_entry, passive, attempts, priority, created_at, not_before,
    (not_before is null or not_before <= (select moment from clock)) as is_due
  from queue_entry where state = 'ready'
  union all
  select partner, false, false, 0, 0, created_at, not_before,
    (not_before is null or not_before <= (select moment from clock))
  from receipt where state = 'queued' and not held
) as waiting
group by partner
order by partner

-- name: ready_queued
update queue_entry set state = 'ready', updated_at = (select moment from clock)
where state = 'queued'

-- name: answered_entry_was_sent
-- The receipt came before the session saw EFPA: only the time of sending is missing.
update queue_entry set sent_at = coalesce(sent_at, (select moment from clock)),
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

-- name: answer_sent
-- What a receipt usually is: the first for the entry with this very identity.
update queue_entry set state = $5, error_code = $6, error_text = $7,
  finished_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4
  and state not in ('acknowledged', 'rejected', 'cancelled')
returning id

-- name: find_sent
select id, state from queue_entry
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4

-- name: find_sent_by_short_stamp
-- Levels 1.2 and 1.3 carry no century and no counter: what still waits for a receipt comes first.
select id, state from queue_entry
where dataset_name = $1 and short_stamp = $2 and originator = $3 and destination = $4
order by case state when 'sent' then 0 when 'sending' then 1 when 'acknowledged' then 3
  when 'rejected' then 3 when 'cancelled' then 3 else 2 end, id
limit 1

-- name: entry_answered
-- From every state but the ends: the partner's word that it has the file outweighs ours.
update queue_entry set state = $2, error_code = $3, error_text = $4,
  finished_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state not in ('acknowledged', 'rejected', 'cancelled')
returning id

-- name: hold_entry
update queue_entry set state = 'held', updated_at = (select moment from clock)
where id = $1 and state in ('queued', 'ready', 'blocked')
returning id

-- name: release_entry
update queue_entry set state = 'queued', updated_at = (select moment from clock)
where id = $1 and state = 'held'
returning id

-- name: cancel_entry
update queue_entry set state = 'cancelled', finished_at = (select moment from clock),
  updated_at = (select moment from clock)
where id = $1 and state in ('held', 'queued', 'ready', 'blocked')
returning id

-- name: unblock_entry
update queue_entry set state = 'queued', attempts = 0, not_before = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'blocked'
returning id

-- name: entry_state
select state from queue_entry where id = $1

-- name: free_entries_of_session
update queue_entry set state = 'ready',
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where state = 'sending' and session_id = $1

-- name: free_orphaned_entries
update queue_entry set state = 'ready',
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where session_id is not null and claimed_by = $1 and claimed_epoch < $2

-- name: payloads_in_use
select distinct payload from queue_entry where finished_at is null
