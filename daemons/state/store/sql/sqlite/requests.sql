-- name: request_again
-- Under the number that a try whose answer was lost had drawn.
insert into operator_request (daemon, kind, subject_id, partner, requested_by, reason, reason_text,
  id)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do nothing
