-- name: queues
select partner,
  count(*) filter (where state <> 'blocked') as waiting,
  count(*) filter (where state = 'blocked') as blocked
from queue_entry
where state in ('held', 'queued', 'preparing', 'ready', 'sending', 'blocked')
group by partner
order by partner

-- name: last_sessions
-- From partner to partner by the index, so that it takes as long as there are partners, however many
-- sessions there were.
with recursive known (partner) as (
  select min(partner) from session
  union all
  select (select min(session.partner) from session where session.partner > known.partner)
  from known where known.partner is not null
)
select id, partner, daemon, epoch, direction, transport, peer_address, level, sends_only,
  started_at, ended_at, end_code, end_text, files_sent, files_received, octets_sent, octets_received
from session
where id in (
  select (select max(session.id) from session where session.partner = known.partner)
  from known where known.partner is not null
)
order by partner

-- name: last_failed_calls
-- In the same way, by an index of failed calls only.
with recursive known (partner) as (
  select min(partner) from journal where kind in ('connect_failed', 'call_failed')
  union all
  select (
    select min(journal.partner) from journal
    where journal.kind in ('connect_failed', 'call_failed') and journal.partner > known.partner)
  from known where known.partner is not null
)
select partner, at, code
from journal
where id in (
  select (
    select max(journal.id) from journal
    where journal.kind in ('connect_failed', 'call_failed') and journal.partner = known.partner)
  from known where known.partner is not null
)
order by partner

-- name: is_something_due
-- In the words of the indexes of due time.
select exists (
    select 1 from receipt
    where state = 'queued' and not held and partner = $1
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null))
  or exists (
    select 1 from queue_entry
    where state = 'ready' and partner = $1 and passive = false
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
      and last_session_id is distinct from $2)
  or ($3 and exists (
    select 1 from queue_entry
    where state = 'ready' and partner = $1 and passive = true
      and coalesce(not_before, created_at) <= coalesce((select moment from clock), null)
      and last_session_id is distinct from $2)) as due
