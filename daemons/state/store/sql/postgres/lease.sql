-- name: fence
-- First in every transaction that changes anything. No row: somebody has taken over. Until the
-- transaction ends, a change of epoch (a key update) waits for this lock; a renewal does not.
select 1 as stands from daemon_lease where daemon = $1 and epoch = $2 for key share

-- name: acquire
-- The epoch grows by exactly one; only a lease that has expired by this clock is taken. An update
-- that matches nothing locks nothing: standbys may ask as often as they like.
with taken_over as (
  update daemon_lease set epoch = epoch + 1, holder = $2, address = $3, forced_by = null,
    acquired_at = clock_timestamp(), renewed_at = clock_timestamp(),
    expires_at = clock_timestamp() + $4 * interval '1 microsecond'
  where daemon = $1 and expires_at <= clock_timestamp()
  returning epoch),
first_ever as (
  insert into daemon_lease (daemon, holder, address, epoch, acquired_at, renewed_at, expires_at)
  select $1, $2, $3, 1, clock_timestamp(), clock_timestamp(),
    clock_timestamp() + $4 * interval '1 microsecond'
  where not exists (select 1 from daemon_lease where daemon = $1)
  -- Whichever unique index meets the other first acquirer: named, it would be that of one.
  on conflict do nothing
  returning epoch)
select epoch from taken_over union all select epoch from first_ever

-- name: renew
update daemon_lease set renewed_at = clock_timestamp(),
  expires_at = clock_timestamp() + $4 * interval '1 microsecond'
where daemon = $1 and holder = $2 and epoch = $3 and expires_at > clock_timestamp()

-- name: release
update daemon_lease set expires_at = '-infinity' where daemon = $1 and holder = $2 and epoch = $3

-- name: force
update daemon_lease set epoch = epoch + 1, expires_at = '-infinity', forced_by = $2
where daemon = $1 and epoch < $3
returning epoch

-- name: read
select daemon, holder, address, epoch, acquired_at, renewed_at, expires_at, forced_by,
  case when expires_at > clock_timestamp()
    then (extract(epoch from expires_at - clock_timestamp()) * 1000000)::bigint else 0 end
    as expires_in,
  (extract(epoch from clock_timestamp() - renewed_at) * 1000000)::bigint as renewed_ago
from daemon_lease where daemon = $1

-- name: read_all
select daemon, holder, address, epoch, acquired_at, renewed_at, expires_at, forced_by,
  case when expires_at > clock_timestamp()
    then (extract(epoch from expires_at - clock_timestamp()) * 1000000)::bigint else 0 end
    as expires_in,
  (extract(epoch from clock_timestamp() - renewed_at) * 1000000)::bigint as renewed_ago
from daemon_lease order by daemon

-- name: fence_and_mark
-- The fence, and in the same statement the mark that this transaction leaves if it is committed. No
-- row in `marked` under a fence that stands: an earlier try of the same commit left it, and so was
-- committed. One that is not over yet holds the mark's row, and is waited for.
with fence as (
  select daemon from daemon_lease where daemon = $1 and epoch = $2 for key share),
marked as (
  insert into commit_mark (daemon, slot, epoch, number)
  select daemon, $3, $2, $4 from fence
  on conflict (daemon, slot) do update set epoch = excluded.epoch, number = excluded.number
  where (commit_mark.epoch, commit_mark.number) is distinct from (excluded.epoch, excluded.number)
  returning slot)
select exists (select from marked) as is_marked from fence
