-- name: claim_entries
-- Most urgent first, then oldest; never again one that this session has tried already.
update queue_entry set state = 'sending', claimed_by = $1, claimed_epoch = $2, session_id = $3,
  last_session_id = $3, updated_at = (select moment from clock)
where id in (
  select id from queue_entry
  where state = 'ready' and partner = $4
    and ($5 or not passive)
    and (not_before is null or not_before <= (select moment from clock))
    and last_session_id is distinct from $3
  order by priority desc, id
  limit $6)
returning id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, octets, original_octets, priority, passive, receipt_expected,
  restart_refused, state, attempts, not_before, claimed_by, claimed_epoch, session_id,
  last_session_id, error_code, error_text, comment, created_at, updated_at, sent_at, finished_at

-- name: entry_retry
update queue_entry set
  state = case when $6 is not null and attempts + 1 >= $6 then 'blocked' else 'ready' end,
  attempts = attempts + 1, error_code = $3, error_text = $4,
  not_before = (select moment from clock) + $5,
  restart_refused = restart_refused or $7,
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'sending' and session_id = $2
returning state

-- name: connect_failed
update queue_entry set
  state = case when $5 is not null and attempts + 1 >= $5 then 'blocked' else 'ready' end,
  attempts = attempts + 1, error_code = $2, error_text = $3,
  not_before = (select moment from clock) + $4,
  updated_at = (select moment from clock)
where partner = $1 and state = 'ready' and not passive
  and (not_before is null or not_before <= (select moment from clock))
returning id, state

-- name: entries_sent
-- $1 is a JSON array of numbers.
update queue_entry set state = 'sent', sent_at = (select moment from clock),
  finished_at = case when receipt_expected then null else (select moment from clock) end,
  error_code = null, error_text = null,
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id in (select value from json_each($1))
  and state = 'sending' and session_id = $2
returning id, receipt_expected
