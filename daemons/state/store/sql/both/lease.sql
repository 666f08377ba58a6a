-- name: moment
select moment from clock

-- name: recount
-- Renewed later than now: the clock was set back since, and by how much nobody knows. The lease lasts
-- as long as it was granted for, from now on. A holder that lives renews it long before that.
update daemon_lease set renewed_at = (select moment from clock),
  expires_at = (select moment from clock) + (expires_at - renewed_at)
where daemon = $1 and renewed_at > (select moment from clock)
  and expires_at > (select moment from clock)

-- name: shut_out
-- Of a daemon that nobody runs any more, while it has something: the fence of its last holder falls.
update daemon_lease set epoch = epoch + 1
where daemon = $1 and expires_at <= (select moment from clock)
  and (exists (select 1 from session where daemon = $1 and ended_at is null)
    or exists (select 1 from queue_entry where claimed_by = $1)
    or exists (select 1 from received_file where claimed_by = $1)
    or exists (select 1 from receipt where claimed_by = $1))
returning epoch
