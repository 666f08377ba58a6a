-- Files that broke off and that no session has: looked for every few seconds, and few among many.
create index received_file_broken_off on received_file (partner, updated_at)
  where state = 'receiving' and session_id is null;
