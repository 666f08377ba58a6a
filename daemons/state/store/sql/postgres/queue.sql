-- name: queued_lanes
-- From one name to the next in the index, so that it takes as long as there are partners.
with recursive queued(partner) as (
  select (select partner from queue_entry where state = 'queued' order by partner limit 1)
  union all
  select (select partner from queue_entry
    where state = 'queued' and partner > queued.partner order by partner limit 1)
  from queued where partner is not null)
select partner, work from queued
  cross join (values ('look'), ('package'), ('encrypt'), ('sign'), ('sign_and_encrypt')) as kinds(work)
where exists (select 1 from queue_entry
  where state = 'queued' and partner = queued.partner and lane = kinds.work)
order by partner, work

-- name: claim_queued
-- $3 is a JSON array of {partner, work}: of each the most urgent first, then oldest. The choice is made
-- once, as below.
with picked(entry) as materialized (
  select id from json_to_recordset($3::json) as wanted(partner text, work text)
  cross join lateral (
    select id from queue_entry
    where state = 'queued' and partner = wanted.partner and lane = wanted.work
    order by priority desc, id
    limit $4
    for update skip locked) as queued)
update queue_entry set state = 'preparing', claimed_by = $1, claimed_epoch = $2,
  hindrance_code = null, hindrance_text = null,
  updated_at = clock_timestamp()
from picked where id = entry
returning id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, package, octets, original_octets, packaging, hash, priority,
  passive, receipt_expected, restart_refused, reached, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, hindrance_code,
  hindrance_text, receipt_signature, receipt_signer, comment, created_at, updated_at, sent_at, finished_at

-- name: prepared
-- $3 is a JSON array of {id, package, octets, made_for, hash, other_hashes}; what is null stands, but
-- that other hashes go with a hash. Whose state has changed
-- meanwhile is left as it is.
update queue_entry set state = 'ready', claimed_by = null, claimed_epoch = null,
  package = coalesce(done.package, queue_entry.package),
  octets = coalesce(done.octets, queue_entry.octets),
  made_for = coalesce(done.made_for, queue_entry.made_for),
  hash = coalesce(done.hash, queue_entry.hash),
  other_hashes = case when done.hash is null then queue_entry.other_hashes else done.other_hashes end,
  updated_at = clock_timestamp()
from json_to_recordset($3::json) as done(id bigint, package text, octets bigint, made_for text,
  hash text, other_hashes text)
where queue_entry.id = done.id
  and state = 'preparing' and claimed_by = $1 and claimed_epoch = $2

-- name: hindered_entries
-- $3 is a JSON array of {id, code, text}.
update queue_entry set hindrance_code = hindered.code, hindrance_text = hindered.text,
  updated_at = clock_timestamp()
from json_to_recordset($3::json) as hindered(id bigint, code text, text text)
where queue_entry.id = hindered.id
  and state = 'preparing' and claimed_by = $1 and claimed_epoch = $2

-- name: package_anew
-- $1 is a JSON array of {partner, made_for}, which is null where there is none. What may have left in
-- part goes on with the same octets. Only what is encrypted is made for a certificate, and before that was
-- written down it stands as null.
update queue_entry set state = 'queued', updated_at = clock_timestamp()
from json_to_recordset($1::json) as current(partner text, made_for text)
where queue_entry.partner = current.partner and state = 'ready' and reached = 'nothing'
  and queue_entry.package is not null and substr(queue_entry.packaging, 1, 2) in ('01', '03')
  and (queue_entry.made_for is null or queue_entry.made_for is distinct from current.made_for)

-- name: known_payloads
-- $1 is a JSON array of names.
select distinct payload from queue_entry where payload in (select value from json_array_elements_text($1::json) as value)

-- name: claim_entries
-- Most urgent first, then oldest; never again one that this session has tried already.
-- Two sessions that ask at once get different entries and neither waits. The choice is materialized,
-- that is made once: a plan that ran it again would pass over what it has locked, and take more.
with picked(entry) as materialized (
  select id from queue_entry
  where state = 'ready' and partner = $4
    and ($5 or not passive)
    and (not_before is null or not_before <= clock_timestamp())
    and last_session_id is distinct from $3
  order by priority desc, id
  limit $6
  for update skip locked)
update queue_entry set state = 'sending', claimed_by = $1, claimed_epoch = $2, session_id = $3,
  last_session_id = $3, updated_at = clock_timestamp()
from picked where id = entry
returning id, partner, dataset_name, stamp, originator, destination, format, record_length,
  description, user_data, payload, package, octets, original_octets, packaging, hash, priority,
  passive, receipt_expected, restart_refused, reached, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, hindrance_code,
  hindrance_text, receipt_signature, receipt_signer, comment, created_at, updated_at, sent_at, finished_at

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
update queue_entry set state = 'sent', reached = 'whole', sent_at = clock_timestamp(),
  finished_at = case when receipt_expected then null else clock_timestamp() end,
  error_code = null, error_text = null,
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = clock_timestamp()
where id in (select value::bigint from json_array_elements_text($1::json) as value)
  and state = 'sending' and session_id = $2
returning id, receipt_expected

-- name: due_partners
-- What each partner's queue and receipts hold now; a plain read that decides nothing. It costs as
-- much for one entry as for many: partners are found from one name to the next in the index, and
-- nothing is counted beyond a hundred. The highest priority is looked for among the hundred that
-- are highest and the hundred that have been due for longest. What is counted is in order, so that
-- the planner has no reason to read the table instead.
with recursive
  sending(partner) as (
    select (select partner from queue_entry where state = 'ready' order by partner limit 1)
    union all
    select (select partner from queue_entry
      where state = 'ready' and partner > sending.partner order by partner limit 1)
    from sending where partner is not null),
  owing(partner) as (
    select min(partner) from receipt where state = 'queued' and not held
    union all
    select (select min(partner) from receipt
      where state = 'queued' and not held and partner > owing.partner)
    from owing where partner is not null)
select partner,
  (select count(*) from (
    select 1 from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = false
      and coalesce(not_before, created_at) <= (select moment from clock)
    order by coalesce(not_before, created_at) limit 100) as due) as entries,
  (select count(*) from (
    select 1 from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = true
      and coalesce(not_before, created_at) <= (select moment from clock)
    order by coalesce(not_before, created_at) limit 100) as due) as passive_entries,
  (select count(*) from (
    select 1 from receipt
    where state = 'queued' and not held and partner = waiting.partner
      and coalesce(not_before, created_at) <= (select moment from clock)
    order by coalesce(not_before, created_at) limit 100) as due) as receipts,
  (select max(priority) from (
    select priority from (
      select priority, passive, not_before from queue_entry
      where state = 'ready' and partner = waiting.partner
      order by priority desc, id limit 100) as highest
    where passive = false and (not_before is null or not_before <= (select moment from clock))
    union all
    select priority from (
      select priority from queue_entry
      where state = 'ready' and partner = waiting.partner and passive = false
        and coalesce(not_before, created_at) <= (select moment from clock)
      order by coalesce(not_before, created_at) limit 100) as longest) as due) as priority,
  (select min(since) from (
    select min(coalesce(not_before, created_at)) as since from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = false
      and coalesce(not_before, created_at) <= (select moment from clock)
    union all
    select min(coalesce(not_before, created_at)) from receipt
    where state = 'queued' and not held and partner = waiting.partner
      and coalesce(not_before, created_at) <= (select moment from clock)) as due) as oldest,
  (select min(at) from (
    select min(coalesce(not_before, created_at)) as at from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = false
      and coalesce(not_before, created_at) > (select moment from clock)
    union all
    select min(coalesce(not_before, created_at)) from receipt
    where state = 'queued' and not held and partner = waiting.partner
      and coalesce(not_before, created_at) > (select moment from clock)) as later) as next_due
from (
  select partner from sending where partner is not null
  union
  select partner from owing where partner is not null) as waiting
order by partner
