-- name: begin_receiving
insert into received_file (partner, dataset_name, stamp, originator, destination, format,
  record_length, description, user_data, announced_size, original_size, packaging, part,
  state, claimed_by, claimed_epoch, session_id, last_session_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'receiving', $14, $15, $16, $16)
on conflict (partner, dataset_name, stamp, originator, destination) do nothing
returning id

-- name: resume_receiving
update received_file set claimed_by = $2, claimed_epoch = $3, session_id = $4, last_session_id = $4,
  updated_at = (select moment from clock)
where id = $1

-- name: restart_receiving
-- The same identity, but not the same file, or nothing of it is durable: from the start.
update received_file set claimed_by = $2, claimed_epoch = $3, session_id = $4, last_session_id = $4,
  format = $5, record_length = $6, description = $7, user_data = $8, announced_size = $9,
  original_size = $10, packaging = $11, part = $12, durable_octets = 0, durable_records = 0,
  updated_at = (select moment from clock)
where id = $1

-- name: resume_at
update received_file set part = $3, durable_octets = $4, durable_records = $5,
  updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: checkpoint
update received_file set durable_octets = $3, durable_records = $4,
  updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: file_received
-- A package, or a file whose receipt has to prove it, is unwrapped first.
update received_file set state = case when substr(packaging, 9, 1) = '1'
    or substr(packaging, 11, 1) = 'Y' then 'unwrapping' else 'received' end,
  durable_octets = $3, durable_records = $4,
  received_at = (select moment from clock), unwrap_at = (select moment from clock),
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id = $1 and state = 'receiving' and session_id = $2

-- name: receive_whole
-- A small file, from its offer to its end at once.
insert into received_file (partner, dataset_name, stamp, originator, destination, format,
  record_length, description, user_data, announced_size, original_size, packaging, part,
  state, last_session_id, durable_octets, durable_records, received_at, unwrap_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
  case when substr($12, 9, 1) = '1' or substr($12, 11, 1) = 'Y' then 'unwrapping' else 'received' end,
  $14, $15, $16, (select moment from clock), (select moment from clock))
on conflict (partner, dataset_name, stamp, originator, destination) do nothing
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

-- name: partners_to_deliver
-- From one name to the next in the index, however many files each has.
with recursive waiting(partner) as (
  select min(partner) from received_file where state in ('received', 'delivering')
  union all
  select (select min(partner) from received_file
    where state in ('received', 'delivering') and partner > waiting.partner)
  from waiting where partner is not null)
select partner from waiting where partner is not null

-- name: files_to_deliver
-- Those that were begun come again: their target may hold them already.
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, packaging, hash, part, original, original_octets, signer, durable_octets,
  durable_records, state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, hindrance_code, hindrance_text, created_at, updated_at, received_at, finished_at
from received_file
where state in ('received', 'delivering') and partner = $1
order by id
limit $2

-- name: files_to_unwrap
-- Of each partner the one that has been due for longest, so that nobody's files wait for another's; from
-- one name to the next in the index. What was written later than now is due: the clock was set back.
with recursive waiting(name) as (
  select min(partner) from received_file where state = 'unwrapping'
  union all
  select (select min(partner) from received_file
    where state = 'unwrapping' and partner > waiting.name)
  from waiting where name is not null)
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, packaging, hash, part, original,
  original_octets, signer, durable_octets,
  durable_records, state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, hindrance_code, hindrance_text, created_at, updated_at, received_at, finished_at
from received_file
where (unwrap_at <= (select moment from clock) or updated_at > (select moment from clock)) and id in (
  select (select next.id from received_file as next
    where next.state = 'unwrapping' and next.partner = waiting.name
    order by next.unwrap_at, next.id limit 1)
  from waiting where name is not null)
order by id

-- name: unwrap_now
update received_file set unwrap_at = (select moment from clock)
where state = 'unwrapping' and unwrap_at > (select moment from clock)

-- name: recount_files
update received_file set unwrap_at = (select moment from clock), updated_at = (select moment from clock)
where state = 'unwrapping' and updated_at > (select moment from clock)

-- name: unwrapped
-- Its original lies in a part of its own, unless it was no package.
update received_file set state = 'received', hash = $2, original = $3, original_octets = $4, signer = $5,
  hindrance_code = null, hindrance_text = null, updated_at = (select moment from clock)
where id = $1 and state = 'unwrapping'
returning id

-- name: undeliverable
update received_file set state = 'failed', error_code = $2, error_text = $3,
  delivering_epoch = null,
  finished_at = (select moment from clock), updated_at = (select moment from clock)
where id = $1 and state in ('unwrapping', 'received', 'delivering')

-- name: reject_file
-- One that is delivered only if its EERP has just been taken back ($4).
update received_file set state = 'failed', error_code = $2, error_text = $3,
  delivering_epoch = null,
  finished_at = (select moment from clock), updated_at = (select moment from clock)
where id = $1 and (state in ('unwrapping', 'received', 'delivering') or (state = 'delivered' and $4))
returning target

-- name: received_state
select state from received_file where id = $1

-- name: received_file
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, packaging, hash, part, original, original_octets, signer, durable_octets,
  durable_records, state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, hindrance_code, hindrance_text, created_at, updated_at, received_at, finished_at
from received_file where id = $1

-- name: find_received
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, packaging, hash, part, original, original_octets, signer, durable_octets,
  durable_records, state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, hindrance_code, hindrance_text, created_at, updated_at, received_at, finished_at
from received_file
where dataset_name = $1 and stamp = $2 and originator = $3 and destination = $4 and partner = $5

-- name: received_files
select id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, announced_size, original_size, packaging, hash, part, original, original_octets, signer, durable_octets,
  durable_records, state, target, claimed_by, claimed_epoch, session_id, last_session_id, error_code,
  error_text, hindrance_code, hindrance_text, created_at, updated_at, received_at, finished_at
from received_file
where ($1 is null or partner = $1) and ($2 is null or state = $2)
order by id desc
limit $3

-- name: unfinished_files
select id from received_file
where state in ('unwrapping', 'received', 'delivering') and last_session_id = $1

-- name: parts_in_use
-- What failed is kept for whoever wants to know why, as long as its row.
select part from received_file where finished_at is null or state = 'failed'
union all
select original from received_file where finished_at is null and original is not null

-- name: forget_partial
-- Of each partner's files that broke off and that no session has: those older than $1, and from the
-- latest on those beyond $2 files or $3 octets. Chosen once, and taken only if still no session has it.
with broken_off as (
  select id, updated_at,
    row_number() over (partition by partner order by updated_at desc, id desc) as place,
    sum(durable_octets) over (partition by partner order by updated_at desc, id desc) as octets
  from received_file where state = 'receiving' and session_id is null),
gone(file) as materialized (
  select id from broken_off
  where updated_at < $1 or place > $2 or octets > $3
  order by updated_at, id
  limit $4)
delete from received_file
where id in (select file from gone) and state = 'receiving' and session_id is null
returning partner, dataset_name, part, durable_octets
