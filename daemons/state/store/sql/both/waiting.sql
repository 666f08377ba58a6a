-- name: waiting
-- What waits, kind by kind, and since when the longest. A plain read that decides nothing.
select 'entry' as kind, count(*) as number, min(created_at) as oldest from queue_entry
where state in ('queued', 'preparing', 'ready', 'sending') and not passive
union all
select 'blocked', count(*), min(updated_at) from queue_entry where state = 'blocked'
union all
select 'answer', count(*), min(sent_at) from queue_entry
where state = 'sent' and finished_at is null
union all
select 'receipt', count(*), min(coalesce(not_before, created_at)) from receipt
where state in ('queued', 'sending') and not held
union all
select 'delivery', count(*), min(received_at) from received_file
where state in ('unwrapping', 'received', 'delivering')
union all
select 'partial', count(*), min(updated_at) from received_file
where state = 'receiving' and session_id is null
union all
select 'request', count(*), min(created_at) from operator_request where state <> 'done'
