-- The last commit of each place in which a daemon's process commits: who lost the answer to a COMMIT
-- finds here whether it has happened. There are as many rows as commits run at once.
create table commit_mark (
  daemon text not null,
  slot   integer not null check (slot >= 0),
  epoch  integer not null check (epoch > 0),
  number integer not null,
  primary key (daemon, slot)
) strict, without rowid;
