-- An entry is prepared between `queued` and `ready`: claimed by a tenure, and by no session.
alter table queue_entry
  drop constraint queue_entry_state_check,
  drop constraint queue_entry_claim_whole,
  drop constraint queue_entry_claimed_while_sending,
  add constraint queue_entry_state_check check (state in ('held', 'queued', 'preparing', 'ready',
    'sending', 'sent', 'acknowledged', 'rejected', 'blocked', 'cancelled')),
  add constraint queue_entry_claim_whole check (
    (claimed_by is null) = (claimed_epoch is null)),
  add constraint queue_entry_claimed_while_at_work check (
    (state in ('preparing', 'sending')) = (claimed_by is not null)),
  add constraint queue_entry_in_a_session_while_sending check (
    (state = 'sending') = (session_id is not null));

-- The next to be prepared is the first in it.
drop index queue_entry_queued;
create index queue_entry_queued on queue_entry (priority desc, id) where state = 'queued';
