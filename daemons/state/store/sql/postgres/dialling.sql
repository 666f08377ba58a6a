-- name: take
-- The oldest. Two controllers that ask at once get different ones, and neither waits. The choice is
-- made once, as that of entries.
with picked(call) as materialized (
  select id from dial_request where state = 'open' order by id limit 1 for update skip locked)
update dial_request set state = 'taken', taken_by = $1, taken_epoch = $2
from picked where id = call
returning id, partner, number, ping, state, taken_by, taken_epoch, connected, established,
  sends_only, outcome_code, outcome_text, files_sent, files_received, octets_sent, octets_received
