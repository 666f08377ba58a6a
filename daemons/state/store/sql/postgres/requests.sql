-- name: request_again
-- Under the number that a try whose answer was lost had drawn.
insert into operator_request (daemon, kind, subject_id, partner, requested_by, id)
overriding system value values ($1, $2, $3, $4, $5, $6)
on conflict (id) do nothing
