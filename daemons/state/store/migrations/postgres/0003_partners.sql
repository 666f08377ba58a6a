-- The last failed call of each partner is found without reading the journal.
create index journal_failed_calls on journal (partner, id) where kind = 'connect_failed';
