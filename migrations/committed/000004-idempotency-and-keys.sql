--! Previous: sha1:be62f7d5da234d87773ae482088eabd95b5b854c
--! Hash: sha1:44f6a07a33b91a1f2812c82fc9e936a42373d10a
--! Message: idempotency-and-keys

-- Requests that may be repeated: what a POST with an Idempotency-Key answered, in the transaction of what it did.
create table if not exists pigeonpost.idempotent_requests (
  tenant_id integer not null,
  key text not null,
  request_hash bytea not null,
  status integer,
  response json,
  created_at timestamptz not null default now(),
  constraint idempotent_requests_pkey primary key (tenant_id, key),
  constraint idempotent_requests_hash_is_sha256 check (octet_length(request_hash) = 32),
  constraint idempotent_requests_status_is_success check (status between 200 and 299),
  constraint idempotent_requests_answer_is_whole check ((status is null) = (response is null))
);
create index if not exists idempotent_requests_created on pigeonpost.idempotent_requests (tenant_id, created_at);

-- How often an API key may ask.
alter table pigeonpost.api_keys add column if not exists rate_per_minute integer;
alter table pigeonpost.api_keys drop constraint if exists api_keys_rate_is_positive;
alter table pigeonpost.api_keys add constraint api_keys_rate_is_positive check (rate_per_minute >= 1);

--! Included 020_tenancy.sql
-- Tenancy: whoever is not bound to a tenant neither sees nor touches its rows.
-- The database guarantees it because bridges, notebooks and our own API share it, and only it sees all of them.
--
-- Two gates. Row-level security hides rows. The guard, the first BEFORE trigger of every table, runs as the
-- invoker and refuses a foreign tenant before any definer trigger behind it can write there.

-- Owner of the schema (or a superuser): every tenant. pigeonpost_app: the tenant that its transaction has set.
-- Anyone else: the tenants that grant_tenant() bound to a role of theirs; tenant 0 there means all.
-- Volatile, so that it sees the tenant which the insert that it is asked about has made: `returning` and
-- `on conflict (…)` hold a new row against the reader's policy too.
create or replace function pigeonpost.my_tenants() returns integer[]
language plpgsql volatile parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_has_role('pigeonpost_owner', 'usage')
     or exists (select from pigeonpost.tenant_roles r where r.tenant_id = 0 and pg_has_role(r.role, 'usage')) then
    return array(select t.tenant_id from pigeonpost.tenants t);
  end if;
  return array(
    select r.tenant_id from pigeonpost.tenant_roles r where pg_has_role(r.role, 'usage')
    union
    select nullif(current_setting('pigeonpost.tenant', true), '')::integer where pg_has_role('pigeonpost_app', 'usage')
  );
end
$$;
comment on function pigeonpost.my_tenants() is 'The tenants whose rows the current role may see.';

create or replace function pigeonpost_private.tg__guard() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' and new.tenant_id is not null and pg_has_role('pigeonpost_owner', 'usage') then
    return new;
  end if;
  if tg_op = 'UPDATE' and new.tenant_id is distinct from old.tenant_id then
    raise exception 'tenant_id never changes' using errcode = 'PPT02', constraint = 'tenant_never_changes',
      table = tg_table_name, column = 'tenant_id', hint = 'Insert the row under the other tenant instead.';
  end if;
  if new.tenant_id is null then
    raise exception 'tenant_id is missing' using errcode = 'PPV01', constraint = 'tenant_is_named',
      table = tg_table_name, column = 'tenant_id', hint = 'Give the company''s number as tenant_id.';
  end if;
  if pg_has_role('pigeonpost_owner', 'usage') then
    return new;
  end if;
  if new.tenant_id = nullif(current_setting('pigeonpost.tenant', true), '')::integer
     and pg_has_role('pigeonpost_app', 'usage') then
    return new;
  end if;
  if exists (
    select from pigeonpost.tenant_roles r
    where r.tenant_id in (new.tenant_id, 0) and pg_has_role(r.role, 'usage')
  ) then
    return new;
  end if;
  raise exception 'role % is not bound to tenant %', current_user, coalesce(new.tenant_id::text, 'null')
    using errcode = 'PPT01', constraint = 'tenant_is_granted', table = tg_table_name, column = 'tenant_id',
      hint = format('The owner can run: select pigeonpost.grant_tenant(%L, %s);', current_user, coalesce(new.tenant_id::text, '1'));
end
$$;
comment on function pigeonpost_private.tg__guard() is
  'First BEFORE trigger of every tenant table. Runs as the invoker: inside a definer everyone looks like the owner.';

-- Called by definer triggers, after the guard, and by grant_tenant(). The guard lets pigeonpost_app write to any tenant
-- that it has set; that is no leave to found one. Here everyone looks like the owner, so it asks for the role that the
-- caller has set, or logged in as: nobody can set one that is not theirs.
create or replace function pigeonpost_private.ensure_tenant(p_tenant_id integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller name;
begin
  if not exists (select from pigeonpost.tenants t where t.tenant_id = p_tenant_id) then
    if p_tenant_id < 1 then
      raise exception 'tenant % cannot be', p_tenant_id using errcode = 'PPV01', constraint = 'tenants_id_is_positive',
        table = 'tenants', column = 'tenant_id', hint = 'Number tenants from 1.';
    end if;
    v_caller := coalesce(nullif(current_setting('role'), 'none'), session_user);
    if not pg_has_role(v_caller, 'pigeonpost_owner', 'usage') and not exists (
      select from pigeonpost.tenant_roles r where r.tenant_id = 0 and pg_has_role(v_caller, r.role, 'usage')
    ) then
      raise exception 'tenant % does not exist', p_tenant_id using errcode = 'PPT01', constraint = 'tenant_exists',
        table = 'tenants', column = 'tenant_id',
        hint = format('The owner can run: insert into pigeonpost.tenants (tenant_id) values (%s);', p_tenant_id);
    end if;
    insert into pigeonpost.tenants (tenant_id) values (p_tenant_id) on conflict (tenant_id) do nothing;
  end if;
end
$$;

create or replace function pigeonpost.grant_tenant(p_role name, p_tenant_id integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_tenant_id is not null then
    perform pigeonpost_private.ensure_tenant(p_tenant_id);
  end if;
  insert into pigeonpost.tenant_roles (tenant_id, role)
  values (coalesce(p_tenant_id, 0), quote_ident(p_role)::regrole)
  on conflict (tenant_id, role) do nothing;
end
$$;
comment on function pigeonpost.grant_tenant(name, integer) is
  'Binds a role to a tenant, creating the tenant if need be. A null tenant binds it to all, those to come included. Owner only.';

create or replace function pigeonpost.revoke_tenant(p_role name, p_tenant_id integer) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from pigeonpost.tenant_roles r
  where r.tenant_id = coalesce(p_tenant_id, 0) and r.role = quote_ident(p_role)::regrole;
  return found;
end
$$;
comment on function pigeonpost.revoke_tenant(name, integer) is
  'Takes back what grant_tenant gave; a null tenant takes back the grant on all. True when there was one. Owner only.';

alter table pigeonpost.tenant_roles enable row level security;
drop policy if exists own_bindings on pigeonpost.tenant_roles;
create policy own_bindings on pigeonpost.tenant_roles for select using (pg_catalog.pg_has_role(role, 'usage'));

-- The same gates on every tenant table. Partitions are reached through their parent only.
do $$
declare
  v_table text;
  v_check constant text := $sql$
    tenant_id = nullif(pg_catalog.current_setting('pigeonpost.tenant', true), '')::integer
      and pg_catalog.pg_has_role('pigeonpost_app', 'usage')
    or exists (
      select from pigeonpost.tenant_roles r
      where r.tenant_id in (%I.tenant_id, 0) and pg_catalog.pg_has_role(r.role, 'usage'))
  $sql$;
begin
  for v_table in
    select c.relname from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relname <> 'tenant_roles'
    order by c.relname
  loop
    execute format('alter table pigeonpost.%I enable row level security', v_table);
    execute format('drop policy if exists tenant_rows on pigeonpost.%I', v_table);
    -- my_tenants() reads tenants itself when a role is bound to all of them, so there the policy cannot ask it.
    execute format('create policy tenant_rows on pigeonpost.%I using (%s) with check (%s)', v_table,
      case when v_table = 'tenants' then format(v_check, v_table)
        else 'tenant_id = any ((select pigeonpost.my_tenants())::integer[])' end,
      format(v_check, v_table));
    -- What only definer triggers may write (see 900_grants.sql) has been guarded where it came in; 6 microseconds each.
    continue when v_table in ('events', 'message_history');
    execute format($sql$
      create or replace trigger "000_guard" before insert or update on pigeonpost.%I
        for each row execute function pigeonpost_private.tg__guard()
    $sql$, v_table);
  end loop;
  -- Nothing of ours stands behind it that could write elsewhere, so the policy alone is enough.
  alter table pigeonpost_private.account_wakeups enable row level security;
  drop policy if exists tenant_rows on pigeonpost_private.account_wakeups;
  execute format('create policy tenant_rows on pigeonpost_private.account_wakeups
    using (tenant_id = any ((select pigeonpost.my_tenants())::integer[])) with check (%s)', format(v_check, 'account_wakeups'));
end
$$;
--! EndIncluded 020_tenancy.sql
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
comment on column pigeonpost.api_keys.rate_per_minute is 'Requests per minute that each server takes by this key; null means no limit.';

comment on table pigeonpost.idempotent_requests is 'What a POST with an Idempotency-Key answered, kept for a day so that the same request gets the same answer. Messages keep their keys themselves, for ever.';
comment on column pigeonpost.idempotent_requests.key is 'The header as it came; the tenant''s, whichever API key brings it.';
comment on column pigeonpost.idempotent_requests.request_hash is 'SHA-256 of method, path and body: 32 bytes.';
comment on column pigeonpost.idempotent_requests.status is 'Of HTTP. Null for as long as the transaction that answers it is open, which nobody else sees.';
comment on column pigeonpost.idempotent_requests.response is 'The answer''s text, byte for byte, without a secret that is shown once.';

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
comment on column pigeonpost.webhook_inbox.path is 'With its query string, less what is secret in it.';
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
