-- name: begin_receiving
insert into received_file (partner, dataset_name, stamp, originator, destination, format,
  record_length, description, user_data, announced_size, original_size, part, state,
  claimed_by, claimed_epoch, session_id, last_session_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'receiving', $13, $14, $15, $15)
on conflict (dataset_name, stamp, originator, destination) do nothing
returning id

-- name: resume_receiving
update received_file set claimed_by = $2, claimed_epoch = $3, session_id = $4, last_session_id = $4,
  updated_at = (select moment from clock)
where id = $1

-- name: restart_receiving
-- The same identity, but not the same file, or nothing of it is durable: from the start.
update received_file set claimed_by = $2, claimed_epoch = $3, session_id = $4, last_session_id = $4,
  partner = $5, format = $6, record_length = $7, description = $8, user_data = $9,
  announced_size = $10, original_size = $11, part = $12, durable_octets = 0, durable_records = 0,
  updated_at = (select moment from clock)
where id = $1

-- name: replace_part
update received_file set part = $3, updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: checkpoint
update received_file set durable_octets = $3, durable_records = $4,
  updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: file_received
update received_file set state = 'received', durable_octets = $3, durable_records = $4,
  received_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: receive_whole
-- A small file, from its offer to its end at once.
insert into received_file (partner, dataset_name, stamp, originator, destination, format,
  record_length, description, user_data, announced_size, original_size, part, state,
  last_session_id, durable_octets, durable_records, received_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'received', $13, $14, $15,
  (select moment from clock))
on conflict (dataset_name, stamp, originator, destination) do nothing
returning id

-- name: was_received
-- A repeat of file_received whose first answer was lost.
select id from received_file
where id = $1 and last_session_id = $2 and state <> 'receiving' and durable_octets = $3

-- name: abandon_receiving
update received_file set
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: discard_partial
delete from received_file where id = $1 and state = 'receiving' and session_id = $2

-- name: free_files_of_session
update received_file set
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where state = 'receiving' and session_id = $1

-- name: free_orphaned_files
update received_file set
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where session_id is not null and claimed_by = $1 and claimed_epoch < $2

-- name: next_to_deliver
-- Those that an older tenure began to deliver come again: their target may hold them already.
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, part, durable_octets, durable_records,
  state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, created_at, updated_at, received_at, finished_at
from received_file
where state = 'received' or (state = 'delivering' and delivering_epoch < $1)
order by id
limit $2

-- name: undeliverable
update received_file set state = 'failed', error_code = $2, error_text = $3,
  delivering_epoch = null,
  finished_at = (select moment from clock), updated_at = (select moment from clock)
where id = $1 and state in ('received', 'delivering')

-- name: received_file
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, part, durable_octets, durable_records,
  state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, created_at, updated_at, received_at, finished_at
from received_file where id = $1

-- name: find_received
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, part, durable_octets, durable_records,
  state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, created_at, updated_at, received_at, finished_at
from received_file
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4

-- name: received_files
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, part, durable_octets, durable_records,
  state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, created_at, updated_at, received_at, finished_at
from received_file
where ($1 is null or partner = $1) and ($2 is null or state = $2)
order by id desc
limit $3

-- name: unfinished_files
select id from received_file
where state in ('received', 'delivering') and last_session_id = $1

-- name: parts_in_use
select part from received_file where finished_at is null
