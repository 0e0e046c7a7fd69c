--! Previous: sha1:f2205ce9b57dbe5dcaf45c159f6e2aea9b6d9ed8
--! Hash: sha1:e96e9597ab193d226bbe48aff43315238408dcf5
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
