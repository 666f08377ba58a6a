-- name: read
select id, name, volume from instance_identity

-- name: name_database
-- Whoever comes second finds what the first one wrote.
insert into instance_identity (one, id, name) values (1, $1, $2) on conflict (one) do nothing

-- name: record_volume
update instance_identity set volume = $2 where id = $1 and volume is null

-- name: adopt
insert into instance_identity (one, id, name, volume) values (1, $1, $2, $3)
on conflict (one) do update
  set id = excluded.id, name = excluded.name, volume = excluded.volume
