--! Previous: sha1:8938b5bf630f2de429067ca2b71737db1ecb1da0
--! Hash: sha1:be62f7d5da234d87773ae482088eabd95b5b854c
--! Message: lists

-- Lists over HTTP: messages newest first, with those filters that may leave few of many, and conversations in which
-- nobody has written yet. Partial where the usual row, an inbound text that is delivered, need not be in it.
create index if not exists messages_created on pigeonpost.messages (tenant_id, created_at, number);
create index if not exists messages_type on pigeonpost.messages (tenant_id, content_type, created_at, number)
  where content_type <> 'text';
create index if not exists messages_not_inbound on pigeonpost.messages (tenant_id, direction, created_at, number)
  where direction <> 'inbound';
create index if not exists messages_inbound_read on pigeonpost.messages (tenant_id, created_at, number)
  where direction = 'inbound' and status = 'read';
create index if not exists conversations_silent on pigeonpost.conversations (tenant_id, created_at, number)
  where last_message_at is null;
