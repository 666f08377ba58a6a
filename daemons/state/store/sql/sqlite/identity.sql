-- name: nobody_acquires
-- Nobody else writes while the transaction lasts.
select 1 as alone
