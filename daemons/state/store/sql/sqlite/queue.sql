-- name: queued_lanes
-- From one name to the next in the index, so that it takes as long as there are partners.
with recursive queued(partner) as (
  select (select partner from queue_entry indexed by queue_entry_lanes
    where state = 'queued' order by partner limit 1)
  union all
  select (select partner from queue_entry indexed by queue_entry_lanes
    where state = 'queued' and partner > queued.partner order by partner limit 1)
  from queued where partner is not null)
select partner, work
from queued cross join (select 'look' as work union all select 'package' union all select 'encrypt'
  union all select 'sign' union all select 'sign_and_encrypt') as kinds
where exists (select 1 from queue_entry as entry indexed by queue_entry_lanes
  where entry.state = 'queued' and entry.partner = queued.partner and entry.lane = kinds.work)
order by partner, work

-- name: claim_queued
-- $3 is a JSON array of {partner, work}: of each the most urgent first, then oldest. Numbers are looked up in
-- what is picked for the lane at hand, as a limit stands nowhere else.
update queue_entry set state = 'preparing', claimed_by = $1, claimed_epoch = $2,
  hindrance_code = null, hindrance_text = null,
  updated_at = (select moment from clock)
where id in (
  select queued.id from json_each($3) as wanted cross join queue_entry as queued
  where queued.id in (
    select id from queue_entry indexed by queue_entry_lanes
    where state = 'queued' and partner = wanted.value ->> 'partner'
      and lane = wanted.value ->> 'work'
    order by priority desc, id
    limit $4))
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
  package = coalesce(done ->> 'package', package),
  octets = coalesce(done ->> 'octets', octets),
  made_for = coalesce(done ->> 'made_for', made_for),
  hash = coalesce(done ->> 'hash', hash),
  other_hashes = case when done ->> 'hash' is null then other_hashes else done ->> 'other_hashes' end,
  updated_at = (select moment from clock)
from (select value as done from json_each($3)) as prepared
where id = done ->> 'id'
  and state = 'preparing' and claimed_by = $1 and claimed_epoch = $2

-- name: hindered_entries
-- $3 is a JSON array of {id, code, text}.
update queue_entry set hindrance_code = hindered ->> 'code', hindrance_text = hindered ->> 'text',
  updated_at = (select moment from clock)
from (select value as hindered from json_each($3)) as those
where id = hindered ->> 'id'
  and state = 'preparing' and claimed_by = $1 and claimed_epoch = $2

-- name: package_anew
-- $1 is a JSON array of {partner, made_for}, which is null where there is none. What may have left in
-- part goes on with the same octets. Only what is encrypted is made for a certificate, and before that was
-- written down it stands as null.
update queue_entry set state = 'queued', updated_at = (select moment from clock)
from (select value as current from json_each($1)) as certificates
where partner = current ->> 'partner' and state = 'ready' and reached = 'nothing'
  and package is not null and substr(packaging, 1, 2) in ('01', '03')
  and (made_for is null or made_for is not current ->> 'made_for')

-- name: known_payloads
-- $1 is a JSON array of names.
select distinct payload from queue_entry where payload in (select value from json_each($1))

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
  description, user_data, payload, package, octets, original_octets, packaging, hash, priority,
  passive, receipt_expected, restart_refused, reached, state, attempts, not_before, claimed_by,
  claimed_epoch, session_id, last_session_id, error_code, error_text, hindrance_code,
  hindrance_text, receipt_signature, receipt_signer, comment, created_at, updated_at, sent_at, finished_at

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
update queue_entry set state = 'sent', reached = 'whole', sent_at = (select moment from clock),
  finished_at = case when receipt_expected then null else (select moment from clock) end,
  error_code = null, error_text = null,
  claimed_by = null, claimed_epoch = null, session_id = null,
  updated_at = (select moment from clock)
where id in (select value from json_each($1))
  and state = 'sending' and session_id = $2
returning id, receipt_expected

-- name: due_partners
-- What each partner's queue and receipts hold now; a plain read that decides nothing. It costs as
-- much for one entry as for many: partners are found from one name to the next in the index, and
-- nothing is counted beyond a hundred. The highest priority is looked for among the hundred that
-- are highest and the hundred that have been due for longest. SQLite looks up an expression in an
-- index only beside another that has no type: hence the clock's coalesce.
with recursive
  sending(partner) as (
    select (select partner from queue_entry indexed by queue_entry_ready
      where state = 'ready' order by partner limit 1)
    union all
    select (select partner from queue_entry indexed by queue_entry_ready
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
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
    limit 100) as due) as entries,
  (select count(*) from (
    select 1 from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = true
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
    limit 100) as due) as passive_entries,
  (select count(*) from (
    select 1 from receipt
    where state = 'queued' and not held and partner = waiting.partner
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
    limit 100) as due) as receipts,
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
        and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
      order by coalesce(not_before, created_at) limit 100) as longest) as due) as priority,
  (select min(since) from (
    select min(coalesce(not_before, created_at)) as since from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = false
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
    union all
    select min(coalesce(not_before, created_at)) from receipt
    where state = 'queued' and not held and partner = waiting.partner
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)) as due) as oldest,
  (select min(at) from (
    select min(coalesce(not_before, created_at)) as at from queue_entry
    where state = 'ready' and partner = waiting.partner and passive = false
      and coalesce(not_before, created_at) > coalesce((select moment from clock), null)
    union all
    select min(coalesce(not_before, created_at)) from receipt
    where state = 'queued' and not held and partner = waiting.partner
      and coalesce(not_before, created_at) > coalesce((select moment from clock), null)) as later) as next_due
from (
  select partner from sending where partner is not null
  union
  select partner from owing where partner is not null) as waiting
order by partner
