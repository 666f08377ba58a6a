-- Files that are packaged for the partner before they are sent: what is transmitted in place of the
-- payload. Then the receipt that came, in hexadecimal, and whose signature it carries.
alter table queue_entry add column package text check (package <> '');
alter table queue_entry add column receipt_signature text check (receipt_signature <> '');
alter table queue_entry add column receipt_signer text check (receipt_signer <> '');

-- Our own signature of a receipt, in hexadecimal: the CMS object of EERPSIG or NERPSIG.
alter table receipt add column signature text
  check (signature is null or (signature_suite is not null and signature <> ''));

-- Received packages are unwrapped between `receiving` and `received`: their original lies in a part of
-- its own.
alter table received_file
  add column original text unique check (original <> ''),
  add column original_octets bigint check (original_octets >= 0),
  add column signer text check (signer <> ''),
  drop constraint received_file_state_check,
  add constraint received_file_state_check check (state in ('receiving', 'unwrapping', 'received',
    'delivering', 'delivered', 'failed')),
  add constraint received_file_original check ((original is null) = (original_octets is null));
create index received_file_unwrapping on received_file (partner, id) where state = 'unwrapping';
