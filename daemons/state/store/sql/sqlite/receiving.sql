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

-- name: delivering
-- $1 is a JSON array of {id, target}.
update received_file set state = 'delivering', target = planned.target, delivering_epoch = $2,
  updated_at = (select moment from clock)
from (select value ->> 'id' as id, value ->> 'target' as target from json_each($1)) as planned
where received_file.id = planned.id and state in ('received', 'delivering')
returning received_file.id

-- name: delivered
-- $1 is a JSON array of numbers.
update received_file set state = 'delivered', delivering_epoch = null,
  finished_at = (select moment from clock), updated_at = (select moment from clock)
where id in (select value from json_each($1))
  and state = 'delivering' and delivering_epoch = $2
returning id

-- name: unwrap_later
-- $5 is what a file's packaging begins with, if others of its partner need the same as it.
update received_file set unwrap_at = (select moment from clock) + $4,
  hindrance_code = $2, hindrance_text = $3, updated_at = (select moment from clock)
where state = 'unwrapping' and (id = $1
  or (partner = (select partner from received_file where id = $1)
    and packaging like $5 and unwrap_at <= (select moment from clock)))

-- name: hindered_files
-- $1 is a JSON array of {id, code, text}: in their places, and not recorded as delivered.
update received_file set hindrance_code = hindered ->> 'code', hindrance_text = hindered ->> 'text',
  updated_at = (select moment from clock)
from (select value as hindered from json_each($1)) as those
where id = hindered ->> 'id' and state = 'delivering'
