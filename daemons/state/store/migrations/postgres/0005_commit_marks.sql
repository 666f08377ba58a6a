-- The last commit of each place in which a daemon's process commits: who lost the answer to a COMMIT
-- finds here whether it has happened. There are as many rows as commits run at once.
create table commit_mark (
  daemon text not null,
  slot   bigint not null check (slot >= 0),
  epoch  bigint not null check (epoch > 0),
  number bigint not null,
  primary key (daemon, slot)
) with (fillfactor = 50);
