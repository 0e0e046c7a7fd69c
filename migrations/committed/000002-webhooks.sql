--! Previous: sha1:ca625640f241687df73c022d3f6d6994f50098c8
--! Hash: sha1:22d6fe6ffff9940026766f0d2d449f9d65d4871b
--! Message: webhooks

-- Webhooks of real providers: one row for each delivery, however often it is tried.
alter table pigeonpost.webhook_inbox add column if not exists digest bytea;
create unique index if not exists webhook_inbox_one_delivery on pigeonpost.webhook_inbox (tenant_id, digest);

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
    m.address is distinct from pigeonpost.normalize_address(m.channel, p_message ->> 'address'), m.created_at desc
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
      returning m.id, m.number, m.conversation_id, m.thread_id, m.customer_id, m.account_id, m.channel, m.status, m.content_type
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
      (select jsonb_object_agg(l.message_id, jsonb_build_array(l.event_id, l.id)) from logged l)
    into v_ids, v_numbers, v_events;
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

  for v_odd in
    select e.ord, e.value from jsonb_array_elements(new.messages) with ordinality e (value, ord)
    where jsonb_array_length(new.messages) > v_stored and not v_done ? e.ord::text
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
  pigeonpost.events, pigeonpost.event_consumers, pigeonpost.provider_routes
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
  pigeonpost.webhook_inbox, pigeonpost.ingest_batches to pigeonpost_app;
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
grant select on pigeonpost.api_keys, pigeonpost.parked_updates, pigeonpost.webhook_inbox to pigeonpost_app;
grant delete on pigeonpost.customer_identities, pigeonpost.conversation_participants, pigeonpost.parked_updates to pigeonpost_app;
grant usage on all sequences in schema pigeonpost to pigeonpost_app;
grant select, insert, update, delete on pigeonpost.provider_routes, pigeonpost_private.account_wakeups, pigeonpost_private.account_limits,
  pigeonpost_private.account_days, pigeonpost_private.recipient_limits, pigeonpost_private.provider_breakers to pigeonpost_app;
grant select on pigeonpost_private.clock_offset to pigeonpost_app;
grant select on pigeonpost_private.log_state, pigeonpost_private.message_counts to pigeonpost_app;
grant execute on function pigeonpost_private.clock(), pigeonpost_private.take_rate(integer, uuid, integer),
  pigeonpost_private.give_back_rate(integer, uuid, integer), pigeonpost_private.day_start(date, text),
  pigeonpost_private.take_day(integer, uuid, integer, timestamptz), pigeonpost_private.accept_message(integer, uuid),
  pigeonpost_private.iso_8601(timestamptz), pigeonpost_private.choose_provider(jsonb, pigeonpost.messages),
  pigeonpost_private.note_provider(integer, text, boolean, integer, text),
  pigeonpost_private.take_probe(integer, text, double precision) to pigeonpost_app;
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
--! Included 910_comments.sql
-- What people read with \d+ and what tools show: every table, and the columns whose unit, source or owner is not plain.
-- Times are moments (timestamptz); what a counterpart or provider reported says so, the rest is our own clock.

comment on schema pigeonpost is 'Messages of every channel, and the rules that keep them. The contract: what is here stays, or says in the changelog how it goes.';
comment on schema pigeonpost_private is 'What the schema needs for itself. Nobody else may rely on it.';

comment on table pigeonpost.tenants is 'The companies. tenant_id leads every key of every table, never changes, and is the one number to shard by. Made by grant_tenant(), or by the first insert of the owner or of a role that is bound to all.';
comment on column pigeonpost.tenants.settings is 'The tenant''s own choices; {} means the defaults.';

comment on table pigeonpost.tenant_roles is 'Which role sees which tenant. Written by grant_tenant() and revoke_tenant() only.';
comment on column pigeonpost.tenant_roles.tenant_id is '0 means all tenants, those to come included.';

comment on table pigeonpost.accounts is 'The endpoints that a tenant owns: a WhatsApp number, a mailbox, a bot. A message that names none takes the default of its channel, else the first, else one that appears by itself.';
comment on column pigeonpost.accounts.channel is 'whatsapp, sms, email, telegram, discord, fakechat or another name, in lower case.';
comment on column pigeonpost.accounts.address is 'Ours, in the one spelling of normalize_address(); null where nobody has told it. One account per tenant, channel and address.';
comment on column pigeonpost.accounts.provider is 'Who delivers; null: messages wait with error_code no_provider.';
comment on column pigeonpost.accounts.status is 'connected; disconnected: what SQL inserts waits, the API refuses; disabled: outbound is refused.';
comment on column pigeonpost.accounts.rate_per_minute is 'Messages per minute, by all workers together; null means no limit. Default 20 (document 004).';
comment on column pigeonpost.accounts.burst is 'How many messages may go at once before the rate holds.';
comment on column pigeonpost.accounts.daily_limit is 'Messages accepted per day of time_zone; null means no limit. Default 1000 (document 004).';
comment on column pigeonpost.accounts.time_zone is 'An IANA name; where the account''s day begins.';
comment on column pigeonpost.accounts.settings is 'What the provider''s adapter asks for, secrets excepted.';
comment on column pigeonpost.accounts.secret_ref is 'Where the secret is, as env:NAME or file:PATH. The secret itself is never in the database.';
comment on column pigeonpost.accounts.is_default is 'At most one of a tenant and channel.';

comment on table pigeonpost.api_keys is 'Keys of the HTTP API. Of the key itself only the hash is kept.';
comment on column pigeonpost.api_keys.prefix is 'How the key begins, for people to tell keys apart.';
comment on column pigeonpost.api_keys.hash is 'SHA-256 of the whole key: 32 bytes.';
comment on column pigeonpost.api_keys.expires_at is 'Refused from then on; null means never.';
comment on column pigeonpost.api_keys.revoked_at is 'Refused from then on.';
comment on column pigeonpost.api_keys.last_used_at is 'To the minute.';

comment on table pigeonpost.customers is 'Who we talk to: document 001''s customer, document 002''s lead, document 004''s contact.';
comment on column pigeonpost.customers.lead_id is 'The CRM''s number of this customer, unique in the tenant. Generated ones start at 4294967296, above any 32-bit id.';
comment on column pigeonpost.customers.metadata is 'The writer''s own; an object. A merge keeps the winner''s value of a name that both have.';
comment on column pigeonpost.customers.external_type is 'The channel of the first address; all of them are in customer_identities.';
comment on column pigeonpost.customers.external_id is 'The first address, in the one spelling of normalize_address().';
comment on column pigeonpost.customers.last_message_at is 'Folded from the log, tens of milliseconds behind; customer_counters() is exact.';
comment on column pigeonpost.customers.unread_count is 'Inbound messages that are not read yet. Folded; customer_counters() is exact.';
comment on column pigeonpost.customers.total_messages is 'Messages of the direct conversations. Folded; customer_counters() is exact.';
comment on column pigeonpost.customers.merged_into is 'Set: this one is a tombstone, and whoever holds its id arrives there. Setting it merges; a merge is not undone.';

comment on table pigeonpost.customer_identities is 'Every address by which a channel knows a customer: phone, WhatsApp LID, mail address, user id. One customer per tenant, channel and address.';
comment on column pigeonpost.customer_identities.address is 'In the one spelling of normalize_address().';

comment on table pigeonpost.conversations is 'Who talks with which account of ours: direct (a customer and an account, both columns here), multi (two participants or more) or group (with a name). Rows that merge_customers() joined stay as tombstones.';
comment on column pigeonpost.conversations.number is 'For people and for documents that want integers: from 1, over all tenants.';
comment on column pigeonpost.conversations.status is 'open, closed or pending. Closing archives the thread; a new message in either direction reopens; pending stays pending.';
comment on column pigeonpost.conversations.customer_id is 'The counterpart of a direct conversation; null in others.';
comment on column pigeonpost.conversations.address is 'The counterpart''s address, by which inserts find a direct conversation; one of customer_identities or null.';
comment on column pigeonpost.conversations.external_id is 'The channel''s own id: a group, a chat, a mail thread. Null for a direct conversation without topics.';
comment on column pigeonpost.conversations.group_avatar is 'A URL.';
comment on column pigeonpost.conversations.group_metadata is 'The writer''s own; an object.';
comment on column pigeonpost.conversations.thread_id is 'The current sitting. Drawn ahead of its row in threads, which the first stored message makes; archiving rotates it.';
comment on column pigeonpost.conversations.last_message_at is 'Folded from the log, tens of milliseconds behind; conversation_counters() is exact.';
comment on column pigeonpost.conversations.unread_count is 'Inbound messages that are not read yet. Folded; conversation_counters() is exact.';
comment on column pigeonpost.conversations.total_messages is 'Folded; conversation_counters() is exact.';
comment on column pigeonpost.conversations.merged_into is 'Set: this one is a tombstone, and its messages are there.';

comment on table pigeonpost.conversation_participants is 'Customers and accounts in a conversation. The two of a direct one follow its columns and stay.';
comment on column pigeonpost.conversation_participants.role is 'owner, admin or member.';
comment on column pigeonpost.conversation_participants.joined_at is 'Of the last time, for who left and came back.';
comment on column pigeonpost.conversation_participants.left_at is 'Null while they are there.';
comment on column pigeonpost.conversation_participants.metadata is 'The writer''s own; an object.';

comment on table pigeonpost.threads is 'The sittings of a conversation, at most one of them active. They open by themselves; set status to archived to end one.';
comment on column pigeonpost.threads.number is 'For people and for documents that want integers: from 1, over all tenants.';
comment on column pigeonpost.threads.customer_id is 'The counterpart; null in a group.';
comment on column pigeonpost.threads.archived_at is 'Null while it is active.';

comment on table pigeonpost.messages is 'Every message, inbound, outbound and system. Insert tenant, channel, direction, who (address, lead_id, customer_id, conversation_id or conversation_external_id), external_message_id and body, with on conflict (tenant_id, external_message_id, conversation_id) do nothing; the rest follows.';
comment on column pigeonpost.messages.number is 'For people and for documents that want integers: from 1, over all tenants; gaps are second copies.';
comment on column pigeonpost.messages.account_id is 'Ours. Left out: the default of the channel, else the first, else one that appears.';
comment on column pigeonpost.messages.thread_id is 'Set by trigger, whatever is given.';
comment on column pigeonpost.messages.customer_id is 'The counterpart of a direct conversation; null in others.';
comment on column pigeonpost.messages.sender_customer_id is 'Who wrote an inbound message.';
comment on column pigeonpost.messages.address is 'The counterpart''s address as it was, in the one spelling; in a group the sender''s, or, outbound, the group''s.';
comment on column pigeonpost.messages.conversation_external_id is 'Given by the writer: the channel''s id of the group, chat or mail thread.';
comment on column pigeonpost.messages.alternate_address is 'Given by the writer: a second address of the same person (a LID beside the phone). Links the two.';
comment on column pigeonpost.messages.lead_id is 'Given by the writer in place of an address; the row keeps customer_id instead.';
comment on column pigeonpost.messages.direction is 'inbound, outbound or system. System messages are stored and never sent.';
comment on column pigeonpost.messages.external_message_id is 'The channel''s own id, which refuses a second copy in the same conversation. An inbound message has one; an outbound row that is inserted with one was sent by its bridge.';
comment on column pigeonpost.messages.content_type is 'text, image, audio, video, file, location or structured. Document 002''s "document" is our file.';
comment on column pigeonpost.messages.body is 'At most 1048576 bytes, without control characters but tab and newline. Null once revoked.';
comment on column pigeonpost.messages.body_version is 'From 1; each edit and the revoke count one up. The older ones are in message_history.';
comment on column pigeonpost.messages.media_url is 'As it was given; providers'' links may die in minutes.';
comment on column pigeonpost.messages.metadata is 'The writer''s own; an object. sender_name and group_name name a customer or group that is new.';
comment on column pigeonpost.messages.raw is 'The platform''s own message object.';
comment on column pigeonpost.messages.status is 'Outbound: scheduled, queued, sending, sent, delivered, read, retrying, failed, canceled, unknown; inbound: delivered, read; system: delivered. Only forward: see status_may_change().';
comment on column pigeonpost.messages.priority is 'Higher goes first; 0 by default, campaigns -10.';
comment on column pigeonpost.messages.scheduled_for is 'Not sent before.';
comment on column pigeonpost.messages.valid_until is 'Not sent after: it fails instead.';
comment on column pigeonpost.messages.attempts is 'Tries begun; each is a row of delivery_attempts.';
comment on column pigeonpost.messages.next_attempt_at is 'When a scheduled or retrying message is due.';
comment on column pigeonpost.messages.attempt_id is 'The try that is under way, or was last; the key of providers that take one.';
comment on column pigeonpost.messages.leased_until is 'Until then it is a worker''s; expired, it is queued again, or unknown if it was being sent.';
comment on column pigeonpost.messages.provider is 'Who took the last try.';
comment on column pigeonpost.messages.is_processed is 'For one consumer of yours: set it with mark_processed().';
comment on column pigeonpost.messages.created_by is 'The API key''s id.';
comment on column pigeonpost.messages.idempotency_key is 'The sender''s own; a second row with it is an error (23505).';
comment on column pigeonpost.messages.occurred_at is 'What history is sorted by: sent_at as the writer gave it, else created_at.';
comment on column pigeonpost.messages.sent_at is 'By the channel''s clock. Null while an outbound message waits.';
comment on column pigeonpost.messages.delivered_at is 'Outbound: the earliest that a receipt said. Inbound: when it was stored.';
comment on column pigeonpost.messages.read_at is 'Outbound: the earliest that a receipt said. Inbound: when it was marked as read.';
comment on column pigeonpost.messages.failed_at is 'Null again once it is queued anew or proves to have arrived.';
comment on column pigeonpost.messages.revoked_at is 'Deleted by its sender: the row stays, the body goes to message_history.';

comment on table pigeonpost.message_history is 'One row per edit or revoke, written by a trigger alone. No application role may change it.';
comment on column pigeonpost.message_history.kind is 'edit or revoke.';
comment on column pigeonpost.message_history.body_version is 'The version that this made; previous_body is the one before.';
comment on column pigeonpost.message_history.edited_at is 'When it was recorded.';
comment on column pigeonpost.message_history.edited_by is 'The login role, or, from the API, whom it worked for.';
comment on column pigeonpost.message_history.metadata is 'An object.';

comment on table pigeonpost.message_statuses is 'Every status that a message went through, and every recipient''s receipt in a group.';
comment on column pigeonpost.message_statuses.recipient is 'Who, in a group; null for the message''s own status.';
comment on column pigeonpost.message_statuses.occurred_at is 'By the channel''s clock where it told.';

comment on table pigeonpost.message_reactions is 'The last reaction of each sender to a message.';
comment on column pigeonpost.message_reactions.sender is 'Their address; empty where the channel did not tell.';
comment on column pigeonpost.message_reactions.emoji is 'Null: taken back.';
comment on column pigeonpost.message_reactions.reacted_at is 'By the channel''s clock; a later one replaces an earlier one, in whatever order they come.';

comment on table pigeonpost.parked_updates is 'Receipts, edits, revokes and reactions whose message is not here yet. The insert that brings it applies them.';
comment on column pigeonpost.parked_updates."update" is 'As apply_update() was given it, with the time at which it came.';

comment on table pigeonpost.delivery_attempts is 'Each try to send a message.';
comment on column pigeonpost.delivery_attempts.attempt is 'From 1.';
comment on column pigeonpost.delivery_attempts.reason is 'Why this provider was chosen.';
comment on column pigeonpost.delivery_attempts.outcome is 'sent, retry, failed or unknown.';
comment on column pigeonpost.delivery_attempts.duration_ms is 'Milliseconds from the request to its answer.';
comment on column pigeonpost.delivery_attempts.started_at is 'When the request left.';

comment on table pigeonpost.events is 'The log: every change, appended in the transaction that made it, by triggers alone. Read it with read_events() or consume_events(), which never show a gap to come and join the bodies.';
comment on column pigeonpost.events.id is 'The cursor. Drawn before commit, so a higher one may be there first: read up to settle_events().';
comment on column pigeonpost.events.payload is 'What the ids do not say; never a body and never an address.';

comment on table pigeonpost.event_consumers is 'Named readers of the log and how far they are.';
comment on column pigeonpost.event_consumers.tenant_id is '0 for our own, which read all tenants.';
comment on column pigeonpost.event_consumers.cursor is 'The id of the last event that was handled.';

comment on table pigeonpost.webhook_inbox is 'Every inbound webhook: exact bytes, headers but the secret ones, and what became of it.';
comment on column pigeonpost.webhook_inbox.path is 'With its query string.';
comment on column pigeonpost.webhook_inbox.headers is 'An object of strings.';
comment on column pigeonpost.webhook_inbox.body is 'The exact bytes.';
comment on column pigeonpost.webhook_inbox.digest is 'SHA-256 of channel, path and body, by which a delivery that is tried again finds its row; null in rows that were kept without.';
comment on column pigeonpost.webhook_inbox.status is 'received, processed or failed; failed ones can be replayed.';
comment on column pigeonpost.webhook_inbox.attempts is 'How often it was tried.';
comment on column pigeonpost.webhook_inbox.received_at is 'When its last byte was here.';
comment on column pigeonpost.webhook_inbox.processed_at is 'When its rows were committed.';

comment on table pigeonpost_private.log_state is 'How far the log is settled. One row, moved by settle_events().';
comment on column pigeonpost_private.log_state.settled_id is 'No event at or below it is still to come.';
comment on column pigeonpost_private.log_state.floor_id is 'Events at or below it may be gone.';
comment on table pigeonpost_private.log_rounds is 'Rounds of settling that are not over. Who stores one takes any row that nobody holds.';
comment on column pigeonpost_private.log_rounds.slot is 'From 1 to 16; nothing but a name for the row.';
comment on column pigeonpost_private.log_rounds.settled_id is 'How far the log was settled when this round was stored, or further.';
comment on column pigeonpost_private.log_rounds.round_id is 'What settles next, when those of waits_for have ended.';
comment on column pigeonpost_private.log_rounds.waits_for is 'Virtual transaction ids, as pg_locks shows them.';

comment on table pigeonpost_private.message_counts is 'How many messages each account has, by direction, type and status: what document 004''s statistics add up. Folded from the log.';
comment on column pigeonpost_private.message_counts.messages is 'How many.';

comment on column pigeonpost_private.account_days.accepted is 'How many messages count for that day so far.';
comment on column pigeonpost_private.recipient_limits.next_at is 'Nothing goes there before.';
comment on column pigeonpost_private.provider_breakers.pause_ms is 'Milliseconds of the pause that open_until ends; doubled by a probe that fails.';

comment on table pigeonpost_private.account_wakeups is 'When each account''s next turn is due.';
comment on column pigeonpost_private.account_wakeups.due_at is 'Moved to an earlier moment only, but by the turn itself; infinity: nothing waits.';
comment on column pigeonpost_private.account_wakeups.leased_until is 'Until then a worker has the turn, or the account pauses.';
comment on column pigeonpost_private.account_wakeups.lease_id is 'Whose turn it is; null while the account pauses.';

comment on function pigeonpost.apply_update_to(integer, uuid, jsonb) is
  'apply_update() for a message whose id is known: applied or ignored.';
comment on function pigeonpost.is_chat(pigeonpost.conversations, text) is
  'Whether a channel means this conversation by that id: a group''s own, or, for a direct chat, an address of the counterpart.';
comment on function pigeonpost.find_message(integer, text, text, uuid, text) is
  'The newest message with that external id on that channel, of that account and chat where they are given; null where there is none.';
comment on function pigeonpost.apply_parked_updates(integer, uuid) is
  'Applies what was parked for a message, oldest first. The triggers call it; nobody else needs to.';
comment on function pigeonpost.tg_et_messages__insert() is 'An insert into et_messages is one into messages, with the caller''s own rights.';
comment on function pigeonpost.tg_et_messages__update() is 'text_content, media_url and raw_json of et_messages may change; a new text is an edit.';
comment on function pigeonpost.tg_et_threads__insert() is 'Refuses: threads open by themselves.';
comment on function pigeonpost.tg_et_threads__update() is 'Setting status to archived ends a thread.';
--! EndIncluded 910_comments.sql
