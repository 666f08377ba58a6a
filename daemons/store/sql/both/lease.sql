-- name: moment
select moment from clock
