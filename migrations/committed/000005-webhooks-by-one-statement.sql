--! Previous: sha1:c3e2a5d69cc82ade88e2dd6dace74a65ee332f59
--! Hash: sha1:cbbc189155b7e9a49a74fa157050b954c6863961
--! Message: webhooks-by-one-statement

-- Webhooks by one statement: kept, stored and applied in one flight to the database and back.
--! Included 100_updates.sql
-- Updates: receipts, edits, revokes and reactions, by the channel's own id of the message, in any order.
-- One whose message is not here yet is parked, and applied by the insert that brings it. What keeps the two from
-- passing each other is an advisory lock: inserts hold it shared, and whoever is about to park holds it exclusively
-- and looks again. (Without it, an insert and a receipt that start together left 99% of the receipts parked.)

-- What an update says, in one spelling, or an error that names what is wrong with it. Checked at the door: an update
-- that cannot be applied must not be parked, since it would then fail the insert of its message, over and over.
create or replace function pigeonpost.normalise_update(p_channel text, p_update jsonb) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind text := p_update ->> 'kind';
  v_at timestamptz := now();
begin
  if jsonb_typeof(p_update) is distinct from 'object' then
    raise exception 'an update is a JSON object' using errcode = 'PPV01', constraint = 'update_is_an_object', column = 'update',
      hint = 'Give {"kind": "receipt", "status": "delivered"}, or another kind with its fields.';
  end if;
  if v_kind is null or v_kind not in ('receipt', 'edit', 'revoke', 'reaction') then
    raise exception 'kind "%" is not known', v_kind using errcode = 'PPV01', constraint = 'update_kind_known', column = 'kind',
      hint = 'Use receipt, edit, revoke or reaction.';
  end if;
  if v_kind = 'receipt' and coalesce(p_update ->> 'status', '') not in ('sent', 'delivered', 'read', 'failed') then
    raise exception 'status "%" is no receipt', p_update ->> 'status' using errcode = 'PPV01', constraint = 'receipt_status_known',
      column = 'status', hint = 'Use sent, delivered, read or failed.';
  end if;
  if v_kind = 'edit' and p_update ->> 'body' is null then
    raise exception 'an edit has a body' using errcode = 'PPV01', constraint = 'edit_has_body', column = 'body',
      hint = 'Give the new text, or use kind revoke.';
  end if;
  if octet_length(p_update ->> 'body') > 1048576 then
    raise exception 'body is % bytes long', octet_length(p_update ->> 'body') using errcode = 'PPV01',
      constraint = 'messages_body_at_most_1_mib', column = 'body', hint = 'At most 1048576 bytes; send longer content as a file.';
  end if;
  if p_update ->> 'at' is not null then
    begin
      v_at := (p_update ->> 'at')::timestamptz;
    exception when data_exception then
      v_at := null;
    end;
    if v_at is null or not isfinite(v_at) then
      raise exception 'at "%" is no time', p_update ->> 'at' using errcode = 'PPV01', constraint = 'update_time_known', column = 'at',
        hint = 'Give ISO 8601 with a zone, such as 2025-12-10T10:00:00Z.';
    end if;
  end if;
  return p_update || jsonb_strip_nulls(jsonb_build_object(
    'at', to_char(v_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'body', pigeonpost.sanitize_body(p_update ->> 'body'),
    'recipient', pigeonpost.normalize_address(p_channel, p_update ->> 'recipient'),
    'sender', pigeonpost.normalize_address(p_channel, p_update ->> 'sender')));
end
$$;
comment on function pigeonpost.normalise_update(text, jsonb) is
  'An update as apply_update keeps it: checked, its time in UTC, its addresses in the one spelling of the channel.';

-- Applies one normalised update to one message. Whatever the order in which updates come, and however often, the end is
-- the same: of each kind of time the least that was reported stands, of statuses the furthest, of edits the latest.
create or replace function pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind text := p_update ->> 'kind';
  v_at timestamptz := (p_update ->> 'at')::timestamptz;
  v_status text := p_update ->> 'status';
  v_code text := p_update ->> 'error_code';
  v_message text := p_update ->> 'error_message';
  v_is_new boolean := false;
begin
  if v_kind = 'receipt' then
    if p_update ->> 'recipient' is not null then
      insert into pigeonpost.message_statuses (tenant_id, message_id, status, recipient, occurred_at, error_code, error_message)
      select p_tenant_id, m.id, v_status, p_update ->> 'recipient', v_at, v_code, v_message
      from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = p_message_id and m.direction <> 'system'
      on conflict (tenant_id, message_id, recipient, status) where recipient is not null do update
      set occurred_at = excluded.occurred_at, error_code = excluded.error_code, error_message = excluded.error_message
      where (excluded.occurred_at, coalesce(excluded.error_code, ''), coalesce(excluded.error_message, ''))
        < (message_statuses.occurred_at, coalesce(message_statuses.error_code, ''), coalesce(message_statuses.error_message, ''));
      v_is_new := found;
    end if;
    if v_status = 'failed' then
      -- The channel's word: marked, so that a late `sent` does not revive it. `delivered` and `read` do, and take the
      -- mark off. Of two reports the first stands.
      update pigeonpost.messages m set
        status = 'failed', failed_at = v_at, error_code = v_code, error_message = v_message,
        metadata = m.metadata || '{"failed_by": "receipt"}'
      where m.tenant_id = p_tenant_id and m.id = p_message_id and m.direction = 'outbound' and (
        pigeonpost.status_may_change(m.direction, m.status, 'failed')
        or m.status = 'failed' and (m.metadata ->> 'failed_by' is null
          or (v_at, coalesce(v_code, ''), coalesce(v_message, ''))
            < (m.failed_at, coalesce(m.error_code, ''), coalesce(m.error_message, ''))));
    else
      update pigeonpost.messages m set
        status = case
          when v_status = 'sent' and m.metadata ->> 'failed_by' = 'receipt' then m.status
          when pigeonpost.status_may_change(m.direction, m.status, v_status) then v_status
          else m.status end,
        sent_at = case when m.direction = 'outbound' then least(m.sent_at, v_at) else m.sent_at end,
        delivered_at = case when m.direction = 'outbound' and v_status in ('delivered', 'read') then least(m.delivered_at, v_at)
          else m.delivered_at end,
        read_at = case when v_status = 'read' then least(m.read_at, v_at) else m.read_at end,
        metadata = case when v_status in ('delivered', 'read') and m.metadata ? 'failed_by' then m.metadata - 'failed_by' else m.metadata end
      where m.tenant_id = p_tenant_id and m.id = p_message_id and m.direction <> 'system' and (
        pigeonpost.status_may_change(m.direction, m.status, v_status)
          and not (v_status = 'sent' and coalesce(m.metadata ->> 'failed_by', '') = 'receipt')
        or m.direction = 'outbound' and v_at < coalesce(m.sent_at, 'infinity')
        or m.direction = 'outbound' and v_status in ('delivered', 'read') and v_at < coalesce(m.delivered_at, 'infinity')
        or v_status = 'read' and v_at < coalesce(m.read_at, 'infinity'));
    end if;
  elsif v_kind = 'edit' then
    -- Of two at the same moment the greater text stands, so that their order does not matter.
    update pigeonpost.messages m set body = p_update ->> 'body', metadata = m.metadata || jsonb_build_object('edited_at', p_update -> 'at')
    where m.tenant_id = p_tenant_id and m.id = p_message_id and m.revoked_at is null
      and (coalesce(m.metadata ->> 'edited_at', ''), case when m.metadata ? 'edited_at' then coalesce(m.body, '') else '' end)
        < (p_update ->> 'at', p_update ->> 'body');
  elsif v_kind = 'revoke' then
    update pigeonpost.messages m set revoked_at = v_at, body = null, metadata = m.metadata - 'edited_at'
    where m.tenant_id = p_tenant_id and m.id = p_message_id and (m.revoked_at is null or v_at < m.revoked_at);
  else
    insert into pigeonpost.message_reactions (tenant_id, message_id, sender, emoji, reacted_at)
    values (p_tenant_id, p_message_id, coalesce(p_update ->> 'sender', ''), nullif(p_update ->> 'emoji', ''), v_at)
    on conflict (tenant_id, message_id, sender) do update set emoji = excluded.emoji, reacted_at = excluded.reacted_at
    where (message_reactions.reacted_at, coalesce(message_reactions.emoji, '')) < (excluded.reacted_at, coalesce(excluded.emoji, ''));
  end if;
  return case when found or v_is_new then 'applied' else 'ignored' end;
end
$$;

create or replace function pigeonpost.apply_update(
  p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb,
  p_account_id uuid default null, p_conversation_external_id text default null
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_update jsonb := pigeonpost.normalise_update(p_channel, p_update);
  v_reference text := p_update ->> 'reference';
  v_id uuid;
begin
  if coalesce(p_external_message_id, '') = '' then
    raise exception 'external_message_id is empty' using errcode = 'PPV01', constraint = 'update_names_its_message',
      column = 'external_message_id', hint = 'Give the channel''s own id of the message.';
  end if;
  v_id := pigeonpost.find_message(p_tenant_id, p_channel, p_external_message_id, p_account_id, p_conversation_external_id);
  -- Before the lock below: the outcome's recording locks the row first and the id second, and so does this.
  if v_id is null and v_reference is not null then
    v_id := pigeonpost.identify_message(p_tenant_id, p_channel, v_reference, p_external_message_id, p_account_id);
    if v_id is null then
      v_id := pigeonpost.find_message(p_tenant_id, p_channel, p_external_message_id, p_account_id, p_conversation_external_id);
    end if;
  end if;
  if v_id is null then
    perform pg_advisory_xact_lock(1886416752, hashtext(p_tenant_id::text || p_external_message_id) & 63);
    v_id := pigeonpost.find_message(p_tenant_id, p_channel, p_external_message_id, p_account_id, p_conversation_external_id);
  end if;
  if v_id is not null then
    return pigeonpost.apply_update_to(p_tenant_id, v_id, v_update);
  end if;
  insert into pigeonpost.parked_updates (tenant_id, channel, account_id, conversation_external_id, external_message_id, "update")
  values (p_tenant_id, p_channel, p_account_id, p_conversation_external_id, p_external_message_id, v_update);
  return 'parked';
end
$$;
comment on function pigeonpost.apply_update(integer, text, text, jsonb, uuid, text) is
  'A receipt, edit, revoke or reaction for the message with that external id. p_update: {kind, at?, reference?, status?, recipient?, error_code?, error_message?, body?, sender?, emoji?}; reference is the attempt id that was sent along, by which a message is found whose external id is not known yet. Answers applied, ignored (nothing new) or parked (the message is not here yet).';

-- A group is known by its own id. A direct chat has none: channels name it by the counterpart, under any of the
-- addresses that a customer has.
create or replace function pigeonpost.is_chat(p_conversation pigeonpost.conversations, p_external_id text) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p_conversation.external_id is not distinct from p_external_id
    or p_conversation.type = 'direct' and p_conversation.external_id is null and exists (
      select from pigeonpost.customer_identities i
      where i.tenant_id = p_conversation.tenant_id and i.channel = p_conversation.channel
        and i.address = pigeonpost.normalize_address(p_conversation.channel, p_external_id)
        and i.customer_id = p_conversation.customer_id)
$$;

create or replace function pigeonpost.find_message(
  p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text
) returns uuid
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select f.id
  from (
    select m.id, m.created_at, m.conversation_id from pigeonpost.messages m
    join pigeonpost.conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
    where m.tenant_id = p_tenant_id and m.external_message_id = p_external_message_id and m.channel = p_channel
      and (p_account_id is null or m.account_id = p_account_id)
      and (p_conversation_external_id is null or pigeonpost.is_chat(c, p_conversation_external_id))
    -- By the external id, whatever the statistics say: the index of times would lead through all that came since.
    offset 0) f
  -- Of one transaction all have the same time; then it is the older conversation's, whatever the order of storing.
  order by f.created_at desc, f.conversation_id
  limit 1
$$;

-- A send whose outcome was lost, or is not recorded yet, has no external id to be found by. What came back with the
-- attempt's id tells which message it was: it gets its external id here, and with it, by trigger, what was parked under
-- that. A recording that is under way is waited for; it then has named the message itself, and this finds none.
create or replace function pigeonpost.identify_message(
  p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid default null
) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  -- Providers hand back what they like.
  if p_reference !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return null;
  end if;
  update pigeonpost.messages m set external_message_id = p_external_message_id
  where m.tenant_id = p_tenant_id and m.attempt_id = p_reference::uuid and m.external_message_id is null
    and m.direction = 'outbound' and m.channel = p_channel and (p_account_id is null or m.account_id = p_account_id)
  returning m.id into v_id;
  return v_id;
end
$$;
comment on function pigeonpost.identify_message(integer, text, text, text, uuid) is
  'Gives the external id to the outbound message that was sent with this attempt id and has none yet; null where there is none. What was parked under the external id is applied.';

-- Called by the triggers that bring a message, or the external id of one, under the shared lock.
create or replace function pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_update jsonb;
  v_channel text;
begin
  for v_update, v_channel in
    with mine as (
      delete from pigeonpost.parked_updates p
      using pigeonpost.messages m, pigeonpost.conversations c
      where m.tenant_id = p_tenant_id and m.id = p_message_id
        and c.tenant_id = m.tenant_id and c.id = m.conversation_id
        and p.tenant_id = m.tenant_id and p.external_message_id = m.external_message_id and p.channel = m.channel
        and (p.account_id is null or p.account_id = m.account_id)
        and (p.conversation_external_id is null or pigeonpost.is_chat(c, p.conversation_external_id))
      returning p."update", p.channel, p.id
    )
    select mine."update", mine.channel from mine order by mine."update" ->> 'at', mine.id
  loop
    begin
      perform pigeonpost.apply_update_to(p_tenant_id, p_message_id, pigeonpost.normalise_update(v_channel, v_update));
    exception when sqlstate 'PPV01' then
      -- Nobody but who wrote past apply_update parks such a thing; it must not keep the message out.
      raise warning 'a parked update of message % is dropped: %', p_message_id, sqlerrm;
    end;
  end loop;
end
$$;

-- Several updates at once, [{ord, channel, account_id, id, chat, said}], in the order of their external ids, as all writers
-- of ours do.
create or replace function pigeonpost_private.apply_updates(p_tenant_id integer, p_updates jsonb) returns text[]
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with applied as materialized (
    select u.ord, pigeonpost.apply_update(p_tenant_id, u.channel, u.id, u.said, u.account_id, u.chat) as result
    from (
      select * from jsonb_to_recordset(p_updates) r (ord integer, channel text, account_id uuid, id text, chat text, said jsonb)
      order by r.id, r.ord) u
  )
  select coalesce(array_agg(a.result order by a.ord), '{}') from applied a
$$;
comment on function pigeonpost_private.apply_updates(integer, jsonb) is
  'Applies updates and answers each, in the order of ord: applied, ignored, parked.';

-- The locks under which inserts and early updates meet, all at once and in one order, for a transaction that brings both,
-- or several updates. One by one they would come in another order in each: inserts hold theirs shared until the commit,
-- updates that are about to park need theirs alone, and two such transactions wait for each other.
create or replace function pigeonpost_private.lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform case when b.alone then pg_advisory_xact_lock(1886416752, b.bucket)
    else pg_advisory_xact_lock_shared(1886416752, b.bucket) end
  from (
    select hashtext(p_tenant_id::text || w.id) & 63 as bucket, bool_or(w.alone) as alone
    from (
      select unnest(p_messages) as id, false as alone
      union all
      select u.id, not exists (
        select from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.external_message_id = u.id)
      from unnest(p_updates) u (id)
    ) w
    group by 1 order by 1 offset 0
  ) b;
end
$$;
comment on function pigeonpost_private.lock_external_ids(integer, text[], text[]) is
  'Takes the locks of messages and updates by their external ids, in an order that all writers keep.';

-- A send's outcome brings the external id after the row was stored; a receipt may have come between.
create or replace function pigeonpost_private.tg_messages__lock_external_id() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Tried in an `if` first: as a `perform` it cost every send 20 microseconds.
  if not pg_try_advisory_xact_lock_shared(1886416752, hashtext(new.tenant_id::text || new.external_message_id) & 63) then
    perform pg_advisory_xact_lock_shared(1886416752, hashtext(new.tenant_id::text || new.external_message_id) & 63);
  end if;
  return new;
end
$$;
create or replace trigger "200_lock_external_id" before update of external_message_id on pigeonpost.messages
  for each row when (new.external_message_id is not null and new.external_message_id is distinct from old.external_message_id)
  execute function pigeonpost_private.tg_messages__lock_external_id();

create or replace function pigeonpost_private.tg_messages__apply_parked() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- There hardly ever is one, and to look costs a tenth of to try.
  if exists (
    select from pigeonpost.parked_updates p
    where p.tenant_id = new.tenant_id and p.external_message_id = new.external_message_id
  ) then
    perform pigeonpost.apply_parked_updates(new.tenant_id, new.id);
  end if;
  return null;
end
$$;
create or replace trigger "800_apply_parked" after update of external_message_id on pigeonpost.messages
  for each row when (new.external_message_id is not null and new.external_message_id is distinct from old.external_message_id)
  execute function pigeonpost_private.tg_messages__apply_parked();
--! EndIncluded 100_updates.sql
--! Included 150_ingest.sql
-- ingest(): many messages in one call, set-based, each answered by itself. It leaves the very rows and events that
-- inserts one by one leave; only the way is shorter.
--
-- The usual rows (inbound, a known address) are stored by one statement, under which the row triggers of messages stand
-- back: they look at current_user, and only the definer function below runs as pigeonpost_ingest, a role that nobody
-- can become. Rows of any other kind go through the ordinary insert, each in a subtransaction, so that a bad one is
-- refused alone. The invoker's right to the tenant is checked by the guard, on the view that both sides meet at.

create or replace view pigeonpost.ingest_batches with (security_invoker = true) as
  select null::integer as tenant_id, null::jsonb as messages, null::jsonb as results where false;
comment on view pigeonpost.ingest_batches is 'The door of ingest(): an insert here is guarded as the invoker and carried out by a definer trigger; results comes back under returning.';
create or replace trigger "000_guard" instead of insert on pigeonpost.ingest_batches
  for each row execute function pigeonpost_private.tg__guard();

-- One message by the ordinary way, as the owner, for whom the triggers do everything.
create or replace function pigeonpost_private.ingest_one(p_tenant_id integer, p_message jsonb) returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known constant text[] := array['tenant_id', 'channel', 'direction', 'address', 'alternate_address', 'lead_id', 'customer_id',
    'sender_customer_id', 'conversation_id', 'conversation_external_id', 'account_id', 'external_message_id', 'content_type', 'body',
    'media_url', 'metadata', 'raw', 'reply_to_id', 'sent_at', 'status', 'priority', 'scheduled_for', 'valid_until', 'is_from_bot',
    'campaign_id', 'idempotency_key'];
  v_unknown text;
  v_id uuid;
  v_number bigint;
begin
  if jsonb_typeof(p_message) <> 'object' then
    raise exception 'a message is a JSON object' using errcode = 'PPV01', constraint = 'ingest_message_is_an_object',
      hint = 'Give an array of objects with the columns of pigeonpost.messages as names.';
  end if;
  if p_message ->> 'tenant_id' is distinct from p_tenant_id::text then
    raise exception 'tenant_id is missing' using errcode = 'PPV01', constraint = 'tenant_is_named', column = 'tenant_id',
      hint = 'Give the company''s number as tenant_id.';
  end if;
  select k into v_unknown from jsonb_object_keys(p_message) k where k <> all (v_known) limit 1;
  if found then
    raise exception 'field "%" is not known', v_unknown using errcode = 'PPV01', constraint = 'ingest_field_known', column = v_unknown,
      hint = 'Put what has no column of its own into metadata or raw.';
  end if;
  insert into pigeonpost.messages as m (tenant_id, channel, direction, address, alternate_address, lead_id, customer_id, sender_customer_id,
    conversation_id, conversation_external_id, account_id, external_message_id, content_type, body, media_url, metadata, raw, reply_to_id,
    sent_at, status, priority, scheduled_for, valid_until, is_from_bot, campaign_id, idempotency_key)
  select p_tenant_id, coalesce(r.channel, 'whatsapp'), r.direction, r.address, r.alternate_address, r.lead_id, r.customer_id,
    r.sender_customer_id, r.conversation_id, r.conversation_external_id, r.account_id, r.external_message_id,
    coalesce(r.content_type, 'text'), r.body, r.media_url, coalesce(r.metadata, '{}'), r.raw, r.reply_to_id, r.sent_at, r.status,
    coalesce(r.priority, 0), r.scheduled_for, r.valid_until, coalesce(r.is_from_bot, false), r.campaign_id, r.idempotency_key
  from jsonb_to_record(p_message) r (channel text, direction text, address text, alternate_address text, lead_id bigint, customer_id uuid,
    sender_customer_id uuid, conversation_id uuid, conversation_external_id text, account_id uuid, external_message_id text,
    content_type text, body text, media_url text, metadata jsonb, raw jsonb, reply_to_id uuid, sent_at timestamptz, status text,
    priority smallint, scheduled_for timestamptz, valid_until timestamptz, is_from_bot boolean, campaign_id text, idempotency_key text)
  on conflict (tenant_id, external_message_id, conversation_id) do nothing
  returning m.id, m.number into v_id, v_number;
  if found then
    return jsonb_build_object('outcome', 'stored', 'id', v_id, 'number', v_number);
  end if;
  select m.id, m.number into v_id, v_number from pigeonpost.messages m
  where m.tenant_id = p_tenant_id and m.external_message_id = p_message ->> 'external_message_id'
    and m.channel = coalesce(p_message ->> 'channel', m.channel)
  order by m.account_id::text is distinct from coalesce(p_message ->> 'account_id', m.account_id::text),
    m.address is distinct from pigeonpost.normalize_address(m.channel, p_message ->> 'address'), m.created_at desc, m.conversation_id
  limit 1;
  return jsonb_build_object('outcome', 'duplicate', 'id', v_id, 'number', v_number);
end
$$;

create or replace function pigeonpost_private.tg_ingest_batches__ingest() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_done jsonb := '{}';
  v_ids jsonb;
  v_numbers jsonb;
  v_events jsonb;
  v_with_media uuid[];
  v_stored integer := 0;
  v_odd record;
  v_answer jsonb;
  v_odd_ords bigint[] := '{}';
  v_odd_answers jsonb[] := '{}';
  v_message text;
  v_constraint text;
  v_column text;
  v_hint text;
  v_id uuid;
  v_repeated text[];
begin
  if jsonb_typeof(new.messages) is distinct from 'array' then
    raise exception 'messages is not a JSON array' using errcode = 'PPV01', constraint = 'ingest_messages_are_an_array',
      hint = 'Give an array of objects with the columns of pigeonpost.messages as names.';
  end if;
  begin
    with ids as materialized (
      select e ->> 'external_message_id' as id, count(*) as count from jsonb_array_elements(new.messages) e
      where e ->> 'external_message_id' <> '' group by 1
    ), locked as materialized (
      select pg_advisory_xact_lock_shared(1886416752, b.bucket)
      from (select distinct hashtext(new.tenant_id || i.id) & 63 as bucket from ids i order by 1) b
    )
    select array_agg(i.id) filter (where i.count > 1) into v_repeated from ids i where (select count(*) from locked) >= 0;

    with input as materialized (
      select r.*, r.ordinality as ord, pigeonpost.uuid_v7() as id
      from rows from (jsonb_to_recordset(new.messages) as (tenant_id text, channel text, direction text, address text, account_id uuid,
        external_message_id text, content_type text, body text, media_url text, metadata jsonb, raw jsonb, sent_at timestamptz,
        status text, is_from_bot boolean, alternate_address text, lead_id text, customer_id text, sender_customer_id text,
        conversation_id text, conversation_external_id text, reply_to_id text, priority text, scheduled_for text, valid_until text,
        campaign_id text, idempotency_key text)) with ordinality r
      where r.tenant_id = new.tenant_id::text and r.direction = 'inbound' and r.external_message_id <> '' and r.address ~ '^\+[1-9][0-9]{6,14}$'
        and coalesce(r.content_type, 'text') in ('text', 'image', 'audio', 'video', 'file', 'location', 'structured')
        and (r.body is null or octet_length(r.body) <= 1048576 and r.body !~ E'[\\x01-\\x08\\x0b-\\x1f]')
        and coalesce(jsonb_typeof(r.metadata), 'object') = 'object' and octet_length(r.external_message_id) <= 1024
        and coalesce(r.status, 'read') in ('delivered', 'read') and isfinite(coalesce(r.sent_at, now()))
        and num_nonnulls(r.alternate_address, r.lead_id, r.customer_id, r.sender_customer_id, r.conversation_id,
          r.conversation_external_id, r.reply_to_id, r.priority, r.scheduled_for, r.valid_until, r.campaign_id, r.idempotency_key) = 0
        -- Of copies in one batch the first is stored, which may be one of the others.
        and (v_repeated is null or r.external_message_id <> all (v_repeated))
        -- Fields that are none are found out, and named, one by one.
        and (new.messages -> (r.ordinality - 1)::integer) - array['tenant_id', 'channel', 'direction', 'address', 'account_id',
          'external_message_id', 'content_type', 'body', 'media_url', 'metadata', 'raw', 'sent_at', 'status', 'is_from_bot',
          'alternate_address', 'lead_id', 'customer_id', 'sender_customer_id', 'conversation_id', 'conversation_external_id',
          'reply_to_id', 'priority', 'scheduled_for', 'valid_until', 'campaign_id', 'idempotency_key'] = '{}'
    ), default_account as materialized (
      select jsonb_object_agg(ch.channel, (
        select a.id from pigeonpost.accounts a where a.tenant_id = new.tenant_id and a.channel = ch.channel
        order by a.is_default desc, a.created_at, a.id limit 1)) as ids
      from (select distinct coalesce(i.channel, 'whatsapp') as channel from input i) ch
    ), resolved as materialized (
      -- In the order of addresses, as every writer of ours locks.
      select i.ord, i.id, i.address, i.external_message_id, i.content_type, i.body, i.media_url, i.metadata, i.raw, i.sent_at, i.status,
        i.is_from_bot, c.id as conversation_id, c.thread_id, c.customer_id, c.account_id, c.channel
      from (select * from input order by address, ord) i
      cross join lateral (
        select c.id, c.thread_id, c.customer_id, c.account_id, c.channel from pigeonpost.conversations c
        where c.tenant_id = new.tenant_id and c.address = i.address and c.channel = coalesce(i.channel, 'whatsapp')
          and c.account_id = coalesce(i.account_id, (select (d.ids ->> coalesce(i.channel, 'whatsapp'))::uuid from default_account d))
          and c.type = 'direct' and c.external_id is null and c.merged_into is null
        limit 1 for key share) c
    ), stored as (
      -- The constraint alone says what is here already: a look before it could be planned by the conversation's index, and
      -- would then read each conversation whole.
      insert into pigeonpost.messages as m (tenant_id, id, account_id, conversation_id, thread_id, customer_id, sender_customer_id,
        address, direction, channel, external_message_id, content_type, body, media_url, metadata, raw, status, occurred_at, sent_at,
        delivered_at, is_from_bot)
      select new.tenant_id, r.id, r.account_id, r.conversation_id, r.thread_id, r.customer_id, r.customer_id, r.address, 'inbound',
        r.channel, r.external_message_id, coalesce(r.content_type, 'text'), r.body, r.media_url, coalesce(r.metadata, '{}'), r.raw,
        case when r.status = 'read' then 'read' else 'delivered' end, coalesce(r.sent_at, now()), coalesce(r.sent_at, now()),
        now(), coalesce(r.is_from_bot, false)
      from resolved r
      order by r.ord
      on conflict (tenant_id, external_message_id, conversation_id) do nothing
      returning m.id, m.number, m.conversation_id, m.thread_id, m.customer_id, m.account_id, m.channel, m.status, m.content_type,
        m.media_url is not null or m.metadata ? 'media' as has_media
    ), opened as materialized (
      -- After the rows, since a second copy opens no thread, and before the foreign key looks for them.
      select pigeonpost_private.open_thread(new.tenant_id, s.thread_id, s.conversation_id, s.customer_id, s.channel)
      from (select distinct s.thread_id, s.conversation_id, s.customer_id, s.channel from stored s order by s.conversation_id) s
      where not exists (select from pigeonpost.threads t where t.tenant_id = new.tenant_id and t.id = s.thread_id)
    ), logged as (
      insert into pigeonpost.events (tenant_id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload)
      select new.tenant_id, 'message.inbound.created', s.id, s.conversation_id, s.thread_id, s.customer_id, s.account_id,
        pigeonpost_private.created_payload('inbound', s.content_type, s.status)
      from stored s where (select count(*) from opened) >= 0
      order by s.number
      returning event_id, id, message_id
    )
    -- No join: the planner takes each of these for one row, and would loop over them quadratically.
    select (select jsonb_object_agg(r.ord, r.id) from resolved r), (select jsonb_object_agg(s.id, s.number) from stored s),
      (select jsonb_object_agg(l.message_id, jsonb_build_array(l.event_id, l.id)) from logged l),
      (select array_agg(s.id order by s.number) from stored s where s.has_media)
    into v_ids, v_numbers, v_events, v_with_media;
    v_stored := (select count(*) from jsonb_object_keys(v_numbers));
    select coalesce(jsonb_object_agg(i.key, jsonb_build_object('outcome', 'stored', 'id', i.value, 'number', v_numbers -> i.value)), '{}')
    into v_done
    from jsonb_each_text(v_ids) i where v_numbers ? i.value;
  exception
    -- A value that is of no such type (a date, a uuid): the rows are looked at one by one, and only it is refused.
    when data_exception then
      v_done := '{}';
      v_stored := 0;
  end;

  if v_done <> '{}' then
    if pigeonpost_private.may_ring() then
      perform pg_notify('pigeonpost_events',
        pigeonpost_private.bell((e.value ->> 0)::uuid, (e.value ->> 1)::bigint, 'message.inbound.created', new.tenant_id))
      from jsonb_each(v_events) e order by (e.value ->> 1)::bigint;
    end if;
    if v_with_media is not null then
      perform pigeonpost_private.refer_media(m) from pigeonpost.messages m
      where m.tenant_id = new.tenant_id and m.id = any (v_with_media);
    end if;
    if exists (select from pigeonpost.parked_updates p where p.tenant_id = new.tenant_id) then
      for v_id in
        select m.id from pigeonpost.messages m join pigeonpost.parked_updates p
          on p.tenant_id = m.tenant_id and p.external_message_id = m.external_message_id
        where m.tenant_id = new.tenant_id and m.id in (select k::uuid from jsonb_object_keys(v_numbers) k)
        group by m.id
      loop
        perform pigeonpost.apply_parked_updates(new.tenant_id, v_id);
      end loop;
    end if;
  end if;

  if v_stored = jsonb_array_length(new.messages) then
    new.results := v_done;
    return new;
  end if;
  for v_odd in
    select e.ord, e.value from jsonb_array_elements(new.messages) with ordinality e (value, ord)
    where not v_done ? e.ord::text
    order by pigeonpost.normalize_address(coalesce(e.value ->> 'channel', 'whatsapp'), e.value ->> 'address'), e.ord
  loop
    begin
      v_answer := pigeonpost_private.ingest_one(new.tenant_id, v_odd.value);
    exception
      when serialization_failure or deadlock_detected or query_canceled or insufficient_resources or admin_shutdown then
        raise;
      when others then
        get stacked diagnostics v_message = message_text, v_constraint = constraint_name, v_column = column_name, v_hint = pg_exception_hint;
        v_answer := jsonb_build_object('outcome', 'refused', 'code', sqlstate, 'constraint', nullif(v_constraint, ''),
          'field', nullif(v_column, ''), 'message', v_message, 'hint', nullif(v_hint, ''));
    end;
    v_odd_ords := v_odd_ords || v_odd.ord;
    v_odd_answers := v_odd_answers || v_answer;
  end loop;
  -- Put together once: adding them to one object, row by row, copies it as often.
  if v_odd_ords <> '{}' then
    v_done := v_done || (select jsonb_object_agg(o.ord, o.answer) from unnest(v_odd_ords, v_odd_answers) o (ord, answer));
  end if;
  new.results := v_done;
  return new;
end
$$;
create or replace trigger "500_ingest" instead of insert on pigeonpost.ingest_batches
  for each row execute function pigeonpost_private.tg_ingest_batches__ingest();

create or replace function pigeonpost.ingest(p_messages jsonb)
returns table (ordinal integer, outcome text, id uuid, number bigint, code text, constraint_name text, field text, message text, hint text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_given text;
  v_tenant_id integer;
  v_results jsonb;
begin
  if jsonb_typeof(p_messages) is distinct from 'array' then
    raise exception 'messages is not a JSON array' using errcode = 'PPV01', constraint = 'ingest_messages_are_an_array',
      hint = 'Give an array of objects with the columns of pigeonpost.messages as names.';
  end if;
  if p_messages = '[]' then
    return;
  end if;
  select min(e ->> 'tenant_id') into v_given from jsonb_array_elements(p_messages) e;
  if exists (select from jsonb_array_elements(p_messages) e where e ->> 'tenant_id' <> v_given) then
    raise exception 'the messages are not of one tenant' using errcode = 'PPV01', constraint = 'ingest_is_of_one_tenant', column = 'tenant_id',
      hint = 'Give each message the same tenant_id; one transaction writes one tenant.';
  end if;
  if v_given is null or v_given !~ '^[1-9][0-9]{0,9}$' or v_given::bigint > 2147483647 then
    raise exception 'tenant_id % is missing or no number of a tenant', coalesce(v_given, 'null') using errcode = 'PPV01',
      constraint = 'tenant_is_named', column = 'tenant_id', hint = 'Give the company''s number as tenant_id.';
  end if;
  v_tenant_id := v_given;
  insert into pigeonpost.ingest_batches (tenant_id, messages) values (v_tenant_id, p_messages) returning results into v_results;
  return query
    select r.key::integer, r.value ->> 'outcome', (r.value ->> 'id')::uuid, (r.value ->> 'number')::bigint, r.value ->> 'code',
      r.value ->> 'constraint', r.value ->> 'field', r.value ->> 'message', r.value ->> 'hint'
    from jsonb_each(v_results) r order by r.key::integer;
end
$$;
comment on function pigeonpost.ingest(jsonb) is
  'Stores many messages of one tenant in one call: an array of objects named as the columns of pigeonpost.messages. Answers each by its ordinal (from 1): stored, duplicate, or refused with SQLSTATE, constraint, field and hint; one bad row does not sink the rest.';
--! EndIncluded 150_ingest.sql
--! Included 155_webhooks.sql
-- Webhooks: what the HTTP server has to know before it knows the tenant.
-- A provider proves itself by a signature over the webhook, and only the account that its path names says by which
-- secret; so whose account that is has to be found without a tenant.

-- By each tenant's own index: accounts have none on the id alone, since all of a tenant's indexes lead with it. The
-- callers remember the answer, which never changes.
create or replace function pigeonpost_private.tenant_of_account(p_account_id uuid) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.tenant_id from pigeonpost.tenants t
  cross join lateral (
    select from pigeonpost.accounts a where a.tenant_id = t.tenant_id and a.id = p_account_id offset 0) a
  limit 1
$$;
comment on function pigeonpost_private.tenant_of_account(uuid) is
  'The tenant of an account, null where there is none. For the HTTP server alone; it tells nothing else of the account.';

-- Keeps webhooks' exact bytes. `p_webhooks`: [{channel, account_id, method, path, headers, body (base64), digest (base64; no
-- two the same), error_code, error_field, error_message}]. A delivery that is there already keeps its row: one that was
-- processed as it is, one that had failed with what became of this try.
create or replace function pigeonpost_private.keep_webhooks(p_tenant_id integer, p_webhooks jsonb) returns uuid[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_new bigint;
begin
  with given as materialized (
    select g.*, decode(g.digest, 'base64') as key, pigeonpost.uuid_v7() as id
    from rows from (jsonb_to_recordset(p_webhooks) as (channel text, account_id uuid, method text, path text, headers jsonb, body text,
      digest text, error_code text, error_field text, error_message text)) with ordinality g
  ), kept as (
    insert into pigeonpost.webhook_inbox as w (tenant_id, id, channel, account_id, method, path, headers, body, digest, status,
      error_code, error_field, error_message, attempts, processed_at)
    select p_tenant_id, g.id, g.channel, g.account_id, g.method, g.path, g.headers, decode(g.body, 'base64'), g.key,
      case when g.error_code is null then 'processed' else 'failed' end,
      g.error_code, g.error_field, g.error_message, 1, case when g.error_code is null then now() end
    -- In one order, so that two writers of the same deliveries do not wait for each other.
    from given g order by g.key
    on conflict (tenant_id, digest) do update set status = excluded.status, error_code = excluded.error_code,
      error_field = excluded.error_field, error_message = excluded.error_message, attempts = w.attempts + 1,
      processed_at = excluded.processed_at
    where w.status <> 'processed'
    returning w.id
  )
  select (select array_agg(g.id order by g.ordinality) from given g), (select count(*) from kept k where k.id in (select g.id from given g))
  into v_ids, v_new;
  if v_new < cardinality(v_ids) then
    -- Some were here before, or were committed by another after that statement began; this one sees them all.
    select array_agg(w.id order by g.ordinality) into v_ids
    from jsonb_array_elements(p_webhooks) with ordinality g (value, ordinality)
    left join pigeonpost.webhook_inbox w on w.tenant_id = p_tenant_id and w.digest = decode(g.value ->> 'digest', 'base64');
  end if;
  return v_ids;
end
$$;
comment on function pigeonpost_private.keep_webhooks(integer, jsonb) is
  'Keeps webhooks in the inbox and returns their ids there, in the order given.';

-- Webhooks that bring messages and updates and nothing beside them, which is nearly all: one statement, so one flight to
-- the database and back, commit and all. What takes more than that is refused as a whole, and its caller goes the long way.
create or replace function pigeonpost_private.receive_webhooks(
  p_tenant_id integer, p_webhooks jsonb, p_messages jsonb, p_updates jsonb
) returns jsonb
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_inbox uuid[];
  v_results jsonb;
  v_messages jsonb := '[]';
  v_updates jsonb := '[]';
  v_copies uuid[];
  v_refused boolean;
begin
  v_inbox := pigeonpost_private.keep_webhooks(p_tenant_id, p_webhooks);
  if p_updates <> '[]' then
    perform pigeonpost_private.lock_external_ids(p_tenant_id,
      array(select e ->> 'external_message_id' from jsonb_array_elements(p_messages) e),
      array(select e ->> 'id' from jsonb_array_elements(p_updates) e));
  end if;
  if p_messages <> '[]' then
    -- The door of ingest(), whose other half puts into rows what is a list here.
    insert into pigeonpost.ingest_batches (tenant_id, messages) values (p_tenant_id, p_messages) returning results into v_results;
    select jsonb_agg(jsonb_build_array(r.value -> 'id', r.value ->> 'outcome' = 'duplicate') order by r.key::integer),
      array_agg((r.value ->> 'id')::uuid) filter (where r.value ->> 'outcome' = 'duplicate'), bool_or(r.value ->> 'outcome' = 'refused')
    into v_messages, v_copies, v_refused from jsonb_each(v_results) r;
    if v_refused or v_copies <> '{}' and exists (
      select from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = any (v_copies) and m.metadata -> 'stub' = 'true'
    ) then
      raise exception 'a message is refused, or fills in another' using errcode = 'PPC01', constraint = 'webhooks_are_plain',
        hint = 'Store the webhooks one by one.';
    end if;
  end if;
  if p_updates <> '[]' then
    v_updates := to_jsonb(pigeonpost_private.apply_updates(p_tenant_id, p_updates));
  end if;
  return jsonb_build_object('inbox', to_jsonb(v_inbox), 'messages', v_messages, 'updates', v_updates);
end
$$;
comment on function pigeonpost_private.receive_webhooks(integer, jsonb, jsonb, jsonb) is
  'Keeps webhooks, stores the messages and applies the updates that they brought: {inbox: [id], messages: [[id, whether it was here]], updates: [result]}, in the orders given. All or nothing.';
--! EndIncluded 155_webhooks.sql
--! Included 900_grants.sql
-- Grants and ownership. Everything belongs to a role that nobody logs in as; what each role may do is all here.

grant usage on schema pigeonpost to pigeonpost_bridge, pigeonpost_reader, pigeonpost_app;
grant usage on schema pigeonpost_private to pigeonpost_app;
-- ALTER ... OWNER asks that the new owner may create in the schema.
grant create on schema pigeonpost_private to pigeonpost_ingest;

revoke all on all tables in schema pigeonpost, pigeonpost_private from public, pigeonpost_bridge, pigeonpost_reader, pigeonpost_app;
revoke all on all functions in schema pigeonpost, pigeonpost_private from public;
grant execute on all functions in schema pigeonpost to pigeonpost_bridge, pigeonpost_reader, pigeonpost_app;
revoke all on function pigeonpost.grant_tenant(name, integer), pigeonpost.revoke_tenant(name, integer)
  from pigeonpost_bridge, pigeonpost_reader, pigeonpost_app;
revoke all on function pigeonpost.fold(integer) from pigeonpost_reader;

-- Readers: all that is said, nothing that opens a door.
grant select on pigeonpost.tenants, pigeonpost.tenant_roles, pigeonpost.accounts, pigeonpost.customers, pigeonpost.customer_identities,
  pigeonpost.conversations, pigeonpost.conversation_participants, pigeonpost.threads, pigeonpost.messages,
  pigeonpost.message_history, pigeonpost.message_statuses, pigeonpost.message_reactions, pigeonpost.delivery_attempts,
  pigeonpost.events, pigeonpost.event_consumers, pigeonpost.provider_routes, pigeonpost.media, pigeonpost.media_files
  to pigeonpost_reader, pigeonpost_bridge, pigeonpost_app;
grant insert, update on pigeonpost.event_consumers to pigeonpost_reader, pigeonpost_bridge, pigeonpost_app;

-- Bridges: bring messages and what becomes of them.
grant insert on pigeonpost.messages, pigeonpost.message_statuses, pigeonpost.message_reactions, pigeonpost.ingest_batches to pigeonpost_bridge;
grant update (status, body, media_url, metadata, raw, external_message_id, is_processed, error_code, error_message,
  sent_at, delivered_at, read_at, failed_at, revoked_at) on pigeonpost.messages to pigeonpost_bridge;
grant update on pigeonpost.message_reactions to pigeonpost_bridge;
-- Of two receipts that say the same the earlier stands.
grant update (occurred_at, error_code, error_message) on pigeonpost.message_statuses to pigeonpost_bridge, pigeonpost_app;
grant select, insert on pigeonpost.parked_updates to pigeonpost_bridge;
grant update (status) on pigeonpost.threads to pigeonpost_bridge;
grant usage on sequence pigeonpost.messages_number_seq to pigeonpost_bridge;
-- Document 002's views, where `public` had no room for them (130_et_views.sql).
do $$
declare
  v_name text;
begin
  foreach v_name in array array['pigeonpost.et_threads', 'pigeonpost.et_messages'] loop
    if to_regclass(v_name) is not null then
      execute format('grant select, insert, update on %s to pigeonpost_bridge, pigeonpost_app', v_name);
      execute format('grant select on %s to pigeonpost_reader', v_name);
    end if;
  end loop;
end
$$;

-- The API and the worker. History and the log are written by triggers alone, and so is what holds a conversation
-- together: its sides, its threads and the pointer to the current one.
grant insert on pigeonpost.accounts, pigeonpost.api_keys, pigeonpost.customers, pigeonpost.customer_identities,
  pigeonpost.conversations, pigeonpost.conversation_participants, pigeonpost.messages,
  pigeonpost.message_statuses, pigeonpost.message_reactions, pigeonpost.parked_updates, pigeonpost.delivery_attempts,
  pigeonpost.webhook_inbox, pigeonpost.ingest_batches, pigeonpost.idempotent_requests to pigeonpost_app;
grant update on pigeonpost.accounts, pigeonpost.api_keys, pigeonpost.message_reactions, pigeonpost.parked_updates,
  pigeonpost.delivery_attempts, pigeonpost.webhook_inbox to pigeonpost_app;
grant update (lead_id, name, metadata, external_type, external_id, merged_into) on pigeonpost.customers to pigeonpost_app;
grant update (customer_id) on pigeonpost.customer_identities to pigeonpost_app;
grant update (status, external_id, group_name, group_avatar, group_metadata) on pigeonpost.conversations to pigeonpost_app;
grant update (role, joined_at, left_at, metadata) on pigeonpost.conversation_participants to pigeonpost_app;
grant update (status) on pigeonpost.threads to pigeonpost_app;
grant update (status, content_type, body, media_id, media_url, metadata, raw, reply_to_id, external_message_id, priority, scheduled_for,
  valid_until, attempts, next_attempt_at, attempt_id, leased_until, provider, provider_reason, accepted_on, error_code, error_message, is_processed, is_from_bot,
  campaign_id, sent_at, delivered_at, read_at, failed_at, revoked_at) on pigeonpost.messages to pigeonpost_app;
grant select on pigeonpost.ingest_batches to pigeonpost_bridge, pigeonpost_app;
grant update (status, response) on pigeonpost.idempotent_requests to pigeonpost_app;
grant select on pigeonpost.api_keys, pigeonpost.parked_updates, pigeonpost.webhook_inbox, pigeonpost.idempotent_requests to pigeonpost_app;
grant delete on pigeonpost.customer_identities, pigeonpost.conversation_participants, pigeonpost.parked_updates,
  pigeonpost.idempotent_requests to pigeonpost_app;
grant usage on all sequences in schema pigeonpost to pigeonpost_app;
grant select, insert, update, delete on pigeonpost.provider_routes, pigeonpost_private.account_wakeups, pigeonpost_private.account_limits,
  pigeonpost_private.account_days, pigeonpost_private.recipient_limits, pigeonpost_private.provider_breakers to pigeonpost_app;
grant insert, delete on pigeonpost.media to pigeonpost_app;
grant update (file_id, filename, status, error_code, error_message) on pigeonpost.media to pigeonpost_app;
grant insert, update on pigeonpost.media_files to pigeonpost_app;
grant select, insert, update, delete on pigeonpost_private.media_tasks to pigeonpost_app;
grant execute on function pigeonpost_private.media_of(pigeonpost.messages), pigeonpost_private.uploads_named_by(pigeonpost.messages),
  pigeonpost_private.media_state(pigeonpost.messages) to pigeonpost_app;
grant select on pigeonpost_private.clock_offset to pigeonpost_app;
grant select on pigeonpost_private.log_state, pigeonpost_private.message_counts to pigeonpost_app;
grant execute on function pigeonpost_private.clock(), pigeonpost_private.take_rate(integer, uuid, integer),
  pigeonpost_private.give_back_rate(integer, uuid, integer), pigeonpost_private.day_start(date, text),
  pigeonpost_private.take_day(integer, uuid, integer, timestamptz), pigeonpost_private.accept_message(integer, uuid),
  pigeonpost_private.iso_8601(timestamptz), pigeonpost_private.choose_provider(jsonb, pigeonpost.messages),
  pigeonpost_private.note_provider(integer, text, boolean, integer, text),
  pigeonpost_private.take_probe(integer, text, double precision) to pigeonpost_app;
grant execute on function pigeonpost_private.lock_external_ids(integer, text[], text[]),
  pigeonpost_private.apply_updates(integer, jsonb), pigeonpost_private.keep_webhooks(integer, jsonb),
  pigeonpost_private.receive_webhooks(integer, jsonb, jsonb, jsonb) to pigeonpost_app;
grant execute on function pigeonpost_private.tenant_of_account(uuid), pigeonpost_private.link_addresses(integer, text, text, text),
  pigeonpost_private.find_or_open_customer(integer, text, text, text) to pigeonpost_app;
grant execute on function pigeonpost_private.read_counts(integer), pigeonpost_private.count_changes(bigint, bigint, integer),
  pigeonpost_private.folded_id() to pigeonpost_app;

-- Which migrations are applied is what /health/ready tells.
do $$
begin
  if pg_catalog.to_regclass('graphile_migrate.migrations') is not null then
    grant usage on schema graphile_migrate to pigeonpost_app;
    grant select on graphile_migrate.migrations to pigeonpost_app;
  end if;
end
$$;

do $$
declare
  v_command text;
begin
  -- The schemas first: who is not a superuser may only give to a role what that role may create.
  for v_command in
    select format('alter schema %I owner to pigeonpost_owner', n.nspname)
    from pg_catalog.pg_namespace n
    where n.nspname in ('pigeonpost', 'pigeonpost_private') and n.nspowner <> 'pigeonpost_owner'::regrole
  loop
    execute v_command;
  end loop;
  for v_command in
    select format('alter %s %s owner to pigeonpost_owner',
      case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end, c.oid::regclass)
    from pg_catalog.pg_class c
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      and c.relkind in ('r', 'p', 'S', 'v') and c.relowner <> 'pigeonpost_owner'::regrole
    union all
    select format('alter routine %s owner to %I', p.oid::regprocedure, o.role)
    from pg_catalog.pg_proc p
    -- The one function under which the triggers of messages stand back belongs to a role of its own.
    cross join lateral (select case p.proname when 'tg_ingest_batches__ingest' then 'pigeonpost_ingest' else 'pigeonpost_owner' end as role) o
    where p.pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      and p.proowner <> o.role::regrole
  loop
    execute v_command;
  end loop;
end
$$;
--! EndIncluded 900_grants.sql
