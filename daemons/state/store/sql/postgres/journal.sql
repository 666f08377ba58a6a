-- name: write_all
-- Several records of one tenure, in their order: $3 is a JSON array of them.
insert into journal (kind, daemon, epoch, session_id, partner, entry_id, code, text, dataset_name,
  octets, details)
select kind, $1, $2, session_id, partner, entry_id, code, text, dataset_name, octets, details
from json_to_recordset($3::json) as note(kind text, session_id bigint, partner text,
  entry_id bigint, code text, text text, dataset_name text, octets bigint, details text)
