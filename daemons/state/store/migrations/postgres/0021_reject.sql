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
