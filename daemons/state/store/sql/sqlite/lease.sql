-- name: fence
-- First in every transaction that changes anything, after `begin immediate`: no row means that
-- somebody has taken over, and nobody can while the transaction holds the database's write lock.
select 1 as stands from daemon_lease where daemon = $1 and epoch = $2

-- name: acquire
-- The epoch grows by exactly one; only a lease that has expired by this clock is taken.
insert into daemon_lease (daemon, holder, address, epoch, acquired_at, renewed_at, expires_at)
values ($1, $2, $3, 1, (select moment from clock), (select moment from clock),
  (select moment from clock) + $4)
on conflict (daemon) do update set epoch = epoch + 1, holder = excluded.holder,
  address = excluded.address, forced_by = null, acquired_at = excluded.acquired_at,
  renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
where daemon_lease.expires_at <= (select moment from clock)
returning epoch

-- name: renew
update daemon_lease set renewed_at = (select moment from clock),
  expires_at = (select moment from clock) + $4
where daemon = $1 and holder = $2 and epoch = $3 and expires_at > (select moment from clock)

-- name: release
update daemon_lease set expires_at = 0 where daemon = $1 and holder = $2 and epoch = $3

-- name: force
update daemon_lease set epoch = epoch + 1, expires_at = 0, forced_by = $2
where daemon = $1 and epoch < $3
returning epoch

-- name: read
select daemon, holder, address, epoch, acquired_at, renewed_at, expires_at, forced_by,
  max(expires_at - (select moment from clock), 0) as expires_in,
  (select moment from clock) - renewed_at as renewed_ago
from daemon_lease where daemon = $1

-- name: read_all
select daemon, holder, address, epoch, acquired_at, renewed_at, expires_at, forced_by,
  max(expires_at - (select moment from clock), 0) as expires_in,
  (select moment from clock) - renewed_at as renewed_ago
from daemon_lease order by daemon

-- name: fence_and_mark
-- The fence, and in the same statement the mark that this transaction leaves if it is committed. No
-- row: the fence does not stand, or an earlier try of the same commit left the mark.
insert into commit_mark (daemon, slot, epoch, number)
select daemon, $3, $2, $4 from daemon_lease where daemon = $1 and epoch = $2
on conflict (daemon, slot) do update set epoch = excluded.epoch, number = excluded.number
where (commit_mark.epoch, commit_mark.number) is not (excluded.epoch, excluded.number)
returning 1 as is_marked
