-- A call that connected and came to nothing is told apart from one that did not connect.
drop index journal_failed_calls;
create index journal_failed_calls on journal (partner, id)
  where kind in ('connect_failed', 'call_failed');
