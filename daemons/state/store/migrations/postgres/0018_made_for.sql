-- The certificate that a package is encrypted for: SHA-256 in hexadecimal. Once another one counts, a
-- package of which nothing has left is made anew.
alter table queue_entry add column made_for text check (made_for <> '');
