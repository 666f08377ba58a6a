-- name: take
-- The oldest. Two controllers that ask at once come one after the other.
update dial_request set state = 'taken', taken_by = $1, taken_epoch = $2
where id = (select id from dial_request where state = 'open' order by id limit 1)
returning id, partner, number, ping, state, taken_by, taken_epoch, connected, established,
  sends_only, outcome_code, outcome_text, files_sent, files_received, octets_sent, octets_received
