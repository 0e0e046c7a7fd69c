--! Previous: sha1:0c220729c6dcf442aac9e6d58d56ae31395fb3fa
--! Hash: sha1:4926a9d022b2cea10060d644298eab3c094ed232
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
