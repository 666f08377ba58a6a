-- Levels 1.2 and 1.3 show no counter: of what may go out there no two of one name have the same second.
alter table queue_entry add column by_second integer not null default 0
  check (by_second in (0, 1));
create unique index queue_entry_one_a_second
  on queue_entry (dataset_name, short_stamp, originator, destination) where by_second;
