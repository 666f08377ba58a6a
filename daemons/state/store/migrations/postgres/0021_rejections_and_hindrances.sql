-- A received file may be rejected by a person or a program, with a reason for its partner.
alter table operator_request add column reason bigint check (reason between 0 and 99);
alter table operator_request add column reason_text text;
alter table operator_request drop constraint operator_request_kind_check;
alter table operator_request add constraint operator_request_kind_check check (
  kind in ('hold', 'release', 'cancel', 'unblock', 'close', 'resend', 'abort_session', 'call_partner',
    'ping_partner', 'release_receipt', 'reject_file'));
alter table operator_request add constraint operator_request_reason check (
  (kind = 'reject_file') = (reason is not null) and (reason is null) = (reason_text is null));

-- A receipt that a session has ever claimed may be there: nothing else can be said of its file any more.
-- Of those of before only the held ones are known to be here.
alter table receipt add column may_have_left boolean not null default false;
update receipt set may_have_left = true where not held;

-- Since when a signed receipt waits for a session that can carry it.
alter table receipt add column deferred_at timestamptz
  check (deferred_at is null or not_before is not null);

-- What keeps a claimed entry, or a received file, from getting on.
alter table queue_entry add column hindrance_code text check (hindrance_code <> '');
alter table queue_entry add column hindrance_text text
  check ((hindrance_text is null) = (hindrance_code is null));
alter table received_file add column hindrance_code text check (hindrance_code <> '');
alter table received_file add column hindrance_text text
  check ((hindrance_text is null) = (hindrance_code is null));

-- When a package is unwrapped: as it came, and after a pause if that was not possible, so that it holds
-- up no later one of its partner. Receivers of the version before say nothing of it: at once.
alter table received_file add column unwrap_at timestamptz not null default 'epoch';
update received_file set unwrap_at = received_at where state = 'unwrapping';
drop index received_file_unwrapping;
create index received_file_unwrapping on received_file (partner, unwrap_at, id)
  where state = 'unwrapping';

-- Packages that need other keys and certificates are claimed by themselves: those that wait for one hold
-- up no other. Daemons of the version before go on by `work` until they are replaced.
alter table queue_entry add column lane text generated always as (
  case
    when packaging = '00 00 0 0 N' or (package is not null and reached <> 'nothing') then 'look'
    when substr(packaging, 1, 2) = '01' then 'encrypt'
    when substr(packaging, 1, 2) = '02' then 'sign'
    when substr(packaging, 1, 2) = '03' then 'sign_and_encrypt'
    else 'package' end) stored;
create index queue_entry_lanes on queue_entry (partner, lane, priority desc, id)
  where state = 'queued';
