-- The certificate that a partner's signed receipt was verified by, in hexadecimal (DER): with the
-- signature all that is needed to verify it again years later.
alter table queue_entry add column receipt_certificate text check (receipt_certificate <> '');
