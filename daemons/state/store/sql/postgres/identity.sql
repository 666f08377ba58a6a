-- name: nobody_acquires
-- Until the transaction ends, no lease is acquired, and all that was acquired before can be read.
lock table daemon_lease in share row exclusive mode
