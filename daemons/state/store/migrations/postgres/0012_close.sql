-- People may close an entry whose receipt does not come, and have one sent again.
alter table operator_request drop constraint operator_request_kind_check;
alter table operator_request add constraint operator_request_kind_check check (
  kind in ('hold', 'release', 'cancel', 'unblock', 'close', 'resend', 'abort_session', 'call_partner',
    'ping_partner', 'release_receipt'));
