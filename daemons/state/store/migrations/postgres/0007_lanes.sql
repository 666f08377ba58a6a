-- Deliveries have a lane for each partner.
drop index received_file_to_deliver;
create index received_file_to_deliver on received_file (partner, id)
  where state in ('received', 'delivering');

-- What is due, and what will be next, is found without looking at what waits.
create index queue_entry_due on queue_entry (partner, passive, coalesce(not_before, created_at))
  where state = 'ready';
create index receipt_due on receipt (partner, coalesce(not_before, created_at))
  where state = 'queued' and not held;
