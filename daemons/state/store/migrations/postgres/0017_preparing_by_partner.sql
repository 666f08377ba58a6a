-- The next of a partner's to be prepared is the first of that partner in it.
drop index queue_entry_queued;
create index queue_entry_queued on queue_entry (partner, priority desc, id) where state = 'queued';
