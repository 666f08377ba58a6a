-- name: begin_session
insert into session
  (partner, daemon, epoch, direction, transport, peer_address, level, sends_only)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning id

-- name: session_level
update session set level = $2 where id = $1 and ended_at is null

-- name: end_session
update session set ended_at = (select moment from clock), end_code = $2, end_text = $3,
  files_sent = $4, files_received = $5, octets_sent = $6, octets_received = $7
where id = $1 and ended_at is null

-- name: end_orphaned_sessions
update session set ended_at = (select moment from clock), end_code = 'E-SESSION-CRASHED',
  end_text = 'the process that ran it ended before the session did'
where ended_at is null and daemon = $1 and epoch < $2
returning id, partner, end_code, end_text

-- name: session
select id, partner, daemon, epoch, direction, transport, peer_address, level, sends_only,
  started_at, ended_at, end_code, end_text, files_sent, files_received, octets_sent, octets_received
from session where id = $1

-- name: sessions
select id, partner, daemon, epoch, direction, transport, peer_address, level, sends_only,
  started_at, ended_at, end_code, end_text, files_sent, files_received, octets_sent, octets_received
from session
where ($1 is null or partner = $1)
  and (not $2 or ended_at is null)
  and ($3 is null or started_at >= $3)
order by id desc
limit $4

-- name: partners_in_session
select distinct partner from session where ended_at is null
