-- Hashes of the file that a partner's signed receipt may be over in place of `hash`, for a partner of
-- which that is known: `original=`, the hash in hexadecimal and `;`, for each of them.
alter table queue_entry add column other_hashes text check (other_hashes <> '');
