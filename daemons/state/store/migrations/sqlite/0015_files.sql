-- Files that are packaged for the partner before they are sent: what is transmitted in place of the
-- payload. Then the receipt that came, in hexadecimal, and whose signature it carries.
alter table queue_entry add column package text check (package <> '');
alter table queue_entry add column receipt_signature text check (receipt_signature <> '');
alter table queue_entry add column receipt_signer text check (receipt_signer <> '');

-- Our own signature of a receipt, in hexadecimal: the CMS object of EERPSIG or NERPSIG.
alter table receipt add column signature text
  check (signature is null or (signature_suite is not null and signature <> ''));

-- Received packages are unwrapped between `receiving` and `received`: their original lies in a part of
-- its own. SQLite cannot change what a table checks, so that the table is made anew; the receipts that
-- point into it are looked at when all is done. Numbers go on where they were.
pragma defer_foreign_keys = on;
create table received_file_before as select * from received_file;
create table received_file_numbers as select seq from sqlite_sequence where name = 'received_file';
drop table received_file;
create table received_file (
  id              integer primary key autoincrement,
  partner         text not null check (partner <> ''),
  dataset_name    text not null check (length(dataset_name) between 1 and 26),
  stamp           text not null check (length(stamp) = 18),
  originator      text not null check (length(originator) between 1 and 25),
  destination     text not null check (length(destination) between 1 and 25),
  format          text not null check (format in ('F', 'V', 'U', 'T')),
  record_length   integer check (record_length > 0),
  description     text not null default '',
  user_data       text not null default '',
  announced_size  integer not null check (announced_size >= 0),
  original_size   integer not null check (original_size >= 0),
  part            text not null unique check (part <> ''),
  durable_octets  integer not null default 0 check (durable_octets >= 0),
  durable_records integer not null default 0 check (durable_records >= 0),
  state           text not null check (state in ('receiving', 'unwrapping', 'received',
                    'delivering', 'delivered', 'failed')),
  target          text check (target <> ''),
  claimed_by      text,
  claimed_epoch   integer,
  session_id      integer references session (id),
  last_session_id integer not null references session (id),
  delivering_epoch integer check (delivering_epoch > 0),
  error_code      text check (error_code <> ''),
  error_text      text,
  created_at      integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  updated_at      integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
  received_at     integer,
  finished_at     integer,
  packaging       text not null default '00 00 0 0 N' check (length(packaging) = 11),
  hash            text check (hash <> ''),
  original        text unique check (original <> ''),
  original_octets integer check (original_octets >= 0),
  signer          text check (signer <> ''),
  constraint received_file_identity
    unique (partner, dataset_name, stamp, originator, destination),
  constraint received_file_record_length_by_format
    check ((format in ('F', 'V')) = (record_length is not null)),
  constraint received_file_claim_whole check (
    (claimed_by is null) = (session_id is null) and (claimed_epoch is null) = (session_id is null)),
  constraint received_file_claimed_while_receiving
    check (state = 'receiving' or session_id is null),
  constraint received_file_received check ((received_at is not null) = (state <> 'receiving')),
  constraint received_file_target check (
    state not in ('delivering', 'delivered') or target is not null),
  constraint received_file_delivering check (
    (state = 'delivering') = (delivering_epoch is not null)),
  constraint received_file_failed_has_a_code check ((state = 'failed') = (error_code is not null)),
  constraint received_file_finished check (
    (finished_at is not null) = (state in ('delivered', 'failed'))),
  constraint received_file_original check ((original is null) = (original_octets is null))
) strict;
insert into received_file (
  id, partner, dataset_name, stamp, originator, destination, format, record_length, description,
  user_data, announced_size, original_size, part, durable_octets, durable_records, state,
  target, claimed_by, claimed_epoch, session_id, last_session_id, delivering_epoch, error_code,
  error_text, created_at, updated_at, received_at, finished_at, packaging, hash)
select
  id, partner, dataset_name, stamp, originator, destination, format, record_length, description,
  user_data, announced_size, original_size, part, durable_octets, durable_records, state,
  target, claimed_by, claimed_epoch, session_id, last_session_id, delivering_epoch, error_code,
  error_text, created_at, updated_at, received_at, finished_at, packaging, hash
from received_file_before;
drop table received_file_before;
delete from sqlite_sequence where name = 'received_file';
insert into sqlite_sequence (name, seq) select 'received_file', seq from received_file_numbers;
drop table received_file_numbers;
-- As before, and the oldest of each partner that is to be unwrapped.
create index received_file_to_deliver on received_file (partner, id)
  where state in ('received', 'delivering');
create index received_file_by_partner on received_file (partner, id);
create index received_file_finished on received_file (finished_at) where finished_at is not null;
create index received_file_by_last_session on received_file (last_session_id);
create index received_file_by_session on received_file (session_id) where session_id is not null;
create index received_file_broken_off on received_file (partner, updated_at)
  where state = 'receiving' and session_id is null;
create index received_file_unwrapping on received_file (partner, id) where state = 'unwrapping';
