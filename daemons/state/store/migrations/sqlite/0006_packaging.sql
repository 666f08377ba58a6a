-- How each file is packaged: what SFID says from SFIDSEC to SFIDSIGN, as `domain::Packaging` writes it.
alter table queue_entry add column packaging text not null default '00 00 0 0 N'
  check (length(packaging) = 11);
alter table received_file add column packaging text not null default '00 00 0 0 N'
  check (length(packaging) = 11);

-- The hash of what is transmitted, in hexadecimal, where a receipt is to be signed.
alter table queue_entry add column hash text check (hash <> '');
alter table received_file add column hash text check (hash <> '');

-- A receipt that is to be signed: by which suite, and over which hash.
alter table receipt add column signature_suite integer check (signature_suite between 1 and 99);
alter table receipt add column hash text
  check ((hash is null) = (signature_suite is null) and hash <> '');
