-- name: claim_entries
-- Most urgent first, then oldest; never again one that this session has tried already.
-- Two sessions that ask at once get different entries and neither waits.
update queue_entry set state = 'sending', claimed_by = $1, claimed_epoch = $2, session_id = $3,
  last_session_id = $3, updated_at = clock_timestamp()
where id in (
  select id from queue_entry
  where state = 'ready' and partner = $4
    and ($5 or not passive)
    and (not_before is null or not_before <= clock_timestamp())
    and last_session_id is distinct from $3
  order by priority desc, id
  limit $6
  for update skip locked)
returning id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, octets, original_octets, priority, passive, receipt_expected,
  restart_refused, state, attempts, not_before, claimed_by, claimed_epoch, session_id,
  last_session_id, error_code, error_text, comment, created_at, updated_at, sent_at, finished_at

-- name: entry_retry
update queue_entry set
  state = case when $6 is not null and attempts + 1 >= $6 then 'blocked' else 'ready' end,
  attempts = attempts + 1, error_code = $3, error_text = $4,
  not_before = clock_timestamp() + $5 * interval '1 microsecond',
  restart_refused = restart_refused or $7,
  claimed_by = null, claimed_epoch = null, session_id = null, updated_at = clock_timestamp()
where id = $1 and state = 'sending' and session_id = $2
returning state

-- name: connect_failed
update queue_entry set
  state = case when $5 is not null and attempts + 1 >= $5 then 'blocked' else 'ready' end,
  attempts = attempts + 1, error_code = $2, error_text = $3,
  not_before = clock_timestamp() + $4 * interval '1 microsecond',
  updated_at = clock_timestamp()
where partner = $1 and state = 'ready' and not passive
  and (not_before is null or not_before <= clock_timestamp())
returning id, state

-- name: entries_sent
-- $1 is a JSON array of numbers.
update queue_entry set state = 'sent', sent_at = clock_timestamp(),
  finished_at = case when receipt_expected then null else clock_timestamp() end,
  error_code = null, error_text = null,
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = clock_timestamp()
where id in (select value::bigint from json_array_elements_text($1::json) as value)
  and state = 'sending' and session_id = $2
returning id, receipt_expected
