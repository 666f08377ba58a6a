-- Whose this database is, and which volume belongs to it: one row, written once, and then only by a
-- person's `seon adopt`.
create table instance_identity (
  one    bigint primary key check (one = 1),
  id     text not null check (id <> ''),
  name   text not null check (name <> ''),
  volume text check (volume <> '')
);
