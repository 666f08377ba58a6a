-- name: write_all
-- Several records of one tenure, in their order: $3 is a JSON array of them.
insert into journal (kind, daemon, epoch, session_id, partner, entry_id, code, text, dataset_name,
  octets, details)
select value ->> 'kind', $1, $2, value ->> 'session_id', value ->> 'partner', value ->> 'entry_id',
  value ->> 'code', value ->> 'text', value ->> 'dataset_name', value ->> 'octets',
  value ->> 'details'
from json_each($3) order by key
