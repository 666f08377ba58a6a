-- name: offered_before
-- A claim binds only while its tenure lasts: the epoch in the lease says whether it does.
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, packaging, hash, part, original, original_octets, signer, durable_octets,
  durable_records, state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, hindrance_code, hindrance_text, created_at, updated_at, received_at, finished_at,
  exists (select 1 from daemon_lease as tenure where tenure.daemon = claimed_by
    and tenure.epoch = claimed_epoch) as claim_stands
from received_file
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4 and partner = $5
for update

-- name: delivering
-- $1 is a JSON array of {id, target}.
update received_file set state = 'delivering', target = planned.target, delivering_epoch = $2,
  updated_at = clock_timestamp()
from json_to_recordset($1::json) as planned(id bigint, target text)
where received_file.id = planned.id and state in ('received', 'delivering')
returning received_file.id

-- name: delivered
-- $1 is a JSON array of numbers.
update received_file set state = 'delivered', delivering_epoch = null,
  finished_at = clock_timestamp(), updated_at = clock_timestamp()
where id in (select value::bigint from json_array_elements_text($1::json) as value)
  and state = 'delivering' and delivering_epoch = $2
returning id

-- name: unwrap_later
-- $5 is what a file's packaging begins with, if others of its partner need the same as it.
update received_file set unwrap_at = clock_timestamp() + $4 * interval '1 microsecond',
  hindrance_code = $2, hindrance_text = $3, updated_at = clock_timestamp()
where state = 'unwrapping' and (id = $1
  or (partner = (select partner from received_file where id = $1)
    and packaging like $5 and unwrap_at <= clock_timestamp()))

-- name: hindered_files
-- $1 is a JSON array of {id, code, text}: in their places, and not recorded as delivered.
update received_file set hindrance_code = hindered.code, hindrance_text = hindered.text,
  updated_at = clock_timestamp()
from json_to_recordset($1::json) as hindered(id bigint, code text, text text)
where received_file.id = hindered.id and state = 'delivering'
