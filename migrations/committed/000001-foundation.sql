--! Previous: -
--! Hash: sha1:ca625640f241687df73c022d3f6d6994f50098c8
--! Message: foundation

-- Roles. They belong to the cluster, not to the database, so another database of the cluster may have made them.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['pigeonpost_owner', 'pigeonpost_bridge', 'pigeonpost_reader', 'pigeonpost_app', 'pigeonpost_ingest'] loop
    continue when exists (select from pg_catalog.pg_roles r where r.rolname = v_role);
    begin
      execute pg_catalog.format('create role %I nologin', v_role);
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
  -- ingest() runs as a role of its own, by which the row triggers know that they may stand back.
  if not pg_catalog.pg_has_role('pigeonpost_ingest', 'pigeonpost_owner', 'member') then
    grant pigeonpost_owner to pigeonpost_ingest;
  end if;
  -- Who migrates hands everything over to these roles, and runs the API as one of them, so it must be able to become
  -- them. From 16 on, who creates a role is given its administration only.
  if not (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) then
    begin
      execute pg_catalog.format('grant pigeonpost_owner, pigeonpost_ingest, pigeonpost_app to %I', current_user);
    exception when insufficient_privilege then
      if not (pg_catalog.pg_has_role('pigeonpost_owner', 'usage') and pg_catalog.pg_has_role('pigeonpost_ingest', 'usage')
          and pg_catalog.pg_has_role('pigeonpost_app', 'usage')) then
        raise exception 'role % may not act for pigeonpost_owner', current_user using errcode = 'insufficient_privilege',
          hint = pg_catalog.format('Another role made it in this cluster; a superuser can run: grant pigeonpost_owner, pigeonpost_ingest, pigeonpost_app to %I;',
            current_user);
      end if;
    end;
  end if;
end
$$;

create schema if not exists pigeonpost;
create schema if not exists pigeonpost_private;

--! Included 010_support.sql
-- Small functions that every topic uses: ids and the spelling of addresses and bodies.
-- The database has them so that a row is the same whoever inserts it, a bridge in Python or our own API.

do $do$
begin
  if pg_catalog.current_setting('server_version_num')::integer >= 180000 then
    execute $sql$
      create or replace function pigeonpost.uuid_v7() returns uuid
      language sql volatile parallel safe
      as 'select pg_catalog.uuidv7()'
    $sql$;
  else
    execute $sql$
      create or replace function pigeonpost.uuid_v7() returns uuid
      language sql volatile parallel safe
      as $body$
        select encode(
          set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
              placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
            52, 1), 53, 1), 'hex')::uuid
      $body$
    $sql$;
  end if;
end
$do$;
comment on function pigeonpost.uuid_v7() is
  'A version 7 UUID (RFC 9562): Postgres'' own from 18 on, a fallback of the same layout below. Sorts by time of creation.';

-- One spelling per address, so that 27831234567@s.whatsapp.net and +27 83 123 4567 are one customer.
-- It does not judge numbers by country; the API does, with libphonenumber. Applied to its own result it changes nothing:
-- an address is normalised where it comes in and again where it is kept.
create or replace function pigeonpost.normalize_address(p_channel text, p_address text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_channel constant text := lower(btrim(p_channel));
  v_address text := btrim(p_address, E' \t\r\n');
  v_digits text;
begin
  if v_address ~ '^\+[1-9][0-9]{6,14}$' then
    return v_address;
  end if;
  if v_channel = 'email' then
    return nullif(lower(btrim(coalesce(substring(v_address from '<([^<>]*)>$'), v_address), E' \t\r\n')), '');
  end if;
  if v_channel not in ('whatsapp', 'sms', 'fakechat') then
    return nullif(v_address, '');
  end if;
  v_address := regexp_replace(v_address, '^((whatsapp|tel|sms):\s*)+', '', 'i');
  -- A JID may name the agent and the device too, which are no part of who they are. A LID or a group keeps its domain.
  if v_address ~* '^\+?[0-9]+([._][0-9]+)?(:[0-9]+)?@(s\.whatsapp\.net|c\.us)$' then
    return '+' || substring(v_address from '[0-9]+');
  end if;
  if v_address like '%@%' then
    return regexp_replace(lower(v_address), '([:_][0-9]+)+@', '@', 'g');
  end if;
  if v_address ~ '^\+?\(?[0-9][0-9 ().\-/]*$' then
    if v_address ~ '^(\+|00)' then
      -- "+44 (0)20 …": the zero is dialled inside the country only.
      v_address := regexp_replace(v_address, '\(0\)', '');
    end if;
    v_digits := regexp_replace(v_address, '[^0-9]', '', 'g');
    -- Fewer than 7 digits are a short code, which has no country.
    return case
      when v_address like '+%' then '+' || v_digits
      when v_digits like '00%' then '+' || substring(v_digits from 3)
      when length(v_digits) >= 7 then '+' || v_digits
      else v_digits end;
  end if;
  return nullif(v_address, '');
end
$$;
comment on function pigeonpost.normalize_address(text, text) is
  'The one spelling of an address on a channel: phones as E.164, WhatsApp JIDs of phones too, mail in lower case without a display name, anything else trimmed. Null when empty.';

-- NUL and lone surrogates cannot be in a text of this database; CRLF is a newline in another spelling.
create or replace function pigeonpost.sanitize_body(p_body text) returns text
language sql immutable strict parallel safe
as $$
  select pg_catalog.regexp_replace(p_body, E'[\\x01-\\x08\\x0b-\\x1f]', '', 'g')
$$;
comment on function pigeonpost.sanitize_body(text) is
  'The body without C0 control characters, tab and newline excepted.';
--! EndIncluded 010_support.sql

create sequence if not exists pigeonpost.conversations_number_seq as bigint;
create sequence if not exists pigeonpost.threads_number_seq as bigint;
create sequence if not exists pigeonpost.messages_number_seq as bigint;
create sequence if not exists pigeonpost.events_id_seq as bigint;
-- Above the 32-bit range, so that a CRM's own lead ids never meet ours.
create sequence if not exists pigeonpost.customers_lead_id_seq as bigint minvalue 4294967296;

create table pigeonpost.tenants (
  tenant_id integer not null,
  name text,
  settings jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tenants_pkey primary key (tenant_id),
  constraint tenants_id_is_positive check (tenant_id > 0),
  constraint tenants_settings_are_an_object check (jsonb_typeof(settings) = 'object')
);

create table pigeonpost.tenant_roles (
  tenant_id integer not null,
  role regrole not null,
  created_at timestamptz not null default now(),
  constraint tenant_roles_pkey primary key (tenant_id, role),
  constraint tenant_roles_tenant_is_positive_or_all check (tenant_id >= 0)
);

create table pigeonpost.accounts (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  channel text not null,
  address text,
  name text,
  provider text,
  status text not null default 'connected',
  status_reason text,
  rate_per_minute integer default 20,
  burst integer not null default 1,
  daily_limit integer default 1000,
  time_zone text not null default 'UTC',
  settings jsonb not null default '{}'::jsonb,
  secret_ref text,
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint accounts_pkey primary key (tenant_id, id),
  constraint accounts_address_is_unique unique nulls not distinct (tenant_id, channel, address),
  constraint accounts_tenant_exists foreign key (tenant_id) references pigeonpost.tenants (tenant_id),
  constraint accounts_status_known check (status in ('connected', 'disconnected', 'disabled')),
  constraint accounts_channel_not_empty check (channel <> ''),
  constraint accounts_rate_is_positive check (rate_per_minute > 0),
  constraint accounts_burst_is_positive check (burst > 0),
  constraint accounts_daily_limit_in_range check (daily_limit >= 0),
  constraint accounts_secret_ref_is_a_name check (secret_ref ~ '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$'),
  constraint accounts_settings_are_an_object check (jsonb_typeof(settings) = 'object'),
  constraint accounts_recipient_interval_in_range check (case jsonb_typeof(settings -> 'recipient_interval_ms')
    when 'number' then (settings ->> 'recipient_interval_ms')::numeric between 0 and 86400000 else not settings ? 'recipient_interval_ms' end)
);
create index accounts_choice on pigeonpost.accounts (tenant_id, channel, is_default desc, created_at, id);
create unique index accounts_one_default on pigeonpost.accounts (tenant_id, channel) where is_default;

create table pigeonpost.provider_routes (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  position integer not null,
  channel text,
  account_id uuid,
  country_prefix text,
  content_type text,
  provider text not null,
  created_at timestamptz not null default now(),
  constraint provider_routes_pkey primary key (tenant_id, id),
  constraint provider_routes_position_is_unique unique (tenant_id, position),
  constraint provider_routes_tenant_exists foreign key (tenant_id) references pigeonpost.tenants (tenant_id),
  constraint provider_routes_account_exists foreign key (tenant_id, account_id)
    references pigeonpost.accounts (tenant_id, id) on delete cascade,
  constraint provider_routes_position_is_positive check (position > 0),
  constraint provider_routes_channel_is_a_name check (channel <> '' and channel = lower(btrim(channel))),
  constraint provider_routes_country_prefix_is_dialled check (country_prefix ~ '^\+[1-9][0-9]{0,14}$'),
  constraint provider_routes_content_type_known check (
    content_type in ('text', 'image', 'audio', 'video', 'file', 'location', 'structured')),
  constraint provider_routes_provider_not_empty check (provider <> '')
);
create index provider_routes_account on pigeonpost.provider_routes (tenant_id, account_id);

create table pigeonpost.api_keys (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  name text not null,
  prefix text not null,
  hash bytea not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_hash_is_unique unique (tenant_id, hash),
  constraint api_keys_tenant_exists foreign key (tenant_id) references pigeonpost.tenants (tenant_id),
  constraint api_keys_hash_is_sha256 check (octet_length(hash) = 32)
);

create table pigeonpost.customers (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  lead_id bigint not null default nextval('pigeonpost.customers_lead_id_seq'),
  name text,
  metadata jsonb not null default '{}'::jsonb,
  external_type text,
  external_id text,
  last_message_at timestamptz,
  unread_count bigint not null default 0,
  total_messages bigint not null default 0,
  merged_into uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint customers_pkey primary key (tenant_id, id),
  constraint customers_lead_id_is_unique unique (tenant_id, lead_id),
  constraint customers_merged_into_exists foreign key (tenant_id, merged_into) references pigeonpost.customers (tenant_id, id),
  constraint customers_not_merged_into_itself check (merged_into <> id),
  constraint customers_metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint customers_counters_in_range check (unread_count >= 0 and total_messages >= 0)
);

create table pigeonpost.customer_identities (
  tenant_id integer not null,
  channel text not null,
  address text not null,
  customer_id uuid not null,
  created_at timestamptz not null default now(),
  constraint customer_identities_pkey primary key (tenant_id, channel, address),
  constraint customer_identities_customer_exists foreign key (tenant_id, customer_id)
    references pigeonpost.customers (tenant_id, id),
  constraint customer_identities_address_not_empty check (address <> '')
);
create index customer_identities_customer on pigeonpost.customer_identities (tenant_id, customer_id);

create table pigeonpost.conversations (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  number bigint not null default nextval('pigeonpost.conversations_number_seq'),
  type text not null default 'direct',
  status text not null default 'open',
  account_id uuid not null,
  channel text not null,
  customer_id uuid,
  address text,
  external_id text,
  group_name text,
  group_avatar text,
  group_metadata jsonb not null default '{}'::jsonb,
  thread_id uuid not null default pigeonpost.uuid_v7(),
  last_message_at timestamptz,
  unread_count bigint not null default 0,
  total_messages bigint not null default 0,
  merged_into uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint conversations_pkey primary key (tenant_id, id),
  constraint conversations_number_is_unique unique (tenant_id, number),
  -- A key, so that rotating the pointer needs the row lock that inserts of messages (for key share) exclude.
  constraint conversations_thread_is_unique unique (tenant_id, thread_id),
  constraint conversations_customer_exists foreign key (tenant_id, customer_id)
    references pigeonpost.customers (tenant_id, id),
  constraint conversations_merged_into_exists foreign key (tenant_id, merged_into)
    references pigeonpost.conversations (tenant_id, id),
  constraint conversations_not_merged_into_itself check (merged_into <> id),
  constraint conversations_type_known check (type in ('direct', 'multi', 'group')),
  constraint conversations_status_known check (status in ('open', 'closed', 'pending')),
  constraint conversations_direct_has_customer check ((type = 'direct') = (customer_id is not null)),
  constraint conversations_group_has_name check (type <> 'group' or group_name <> '' and group_name is not null),
  constraint conversations_group_metadata_is_an_object check (jsonb_typeof(group_metadata) = 'object'),
  constraint conversations_counters_in_range check (unread_count >= 0 and total_messages >= 0)
);
-- A customer and an account have one direct conversation, but where a channel has topics of its own (a mail thread).
create unique index conversations_one_direct on pigeonpost.conversations (tenant_id, account_id, customer_id, external_id)
  nulls not distinct where type = 'direct' and merged_into is null;
create unique index conversations_one_external on pigeonpost.conversations (tenant_id, account_id, external_id)
  where type <> 'direct' and merged_into is null and external_id is not null;
-- The one row that an insert of a message looks up.
create index conversations_address on pigeonpost.conversations (tenant_id, account_id, address)
  where type = 'direct' and external_id is null;
create index conversations_customer on pigeonpost.conversations (tenant_id, customer_id, channel, created_at);
create index conversations_recent on pigeonpost.conversations (tenant_id, last_message_at);

create table pigeonpost.conversation_participants (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  conversation_id uuid not null,
  customer_id uuid,
  account_id uuid,
  role text not null default 'member',
  joined_at timestamptz not null default now(),
  left_at timestamptz,
  metadata jsonb not null default '{}'::jsonb,
  constraint conversation_participants_pkey primary key (tenant_id, id),
  constraint conversation_participants_customer_is_unique unique (tenant_id, conversation_id, customer_id),
  constraint conversation_participants_account_is_unique unique (tenant_id, conversation_id, account_id),
  constraint conversation_participants_conversation_exists foreign key (tenant_id, conversation_id)
    references pigeonpost.conversations (tenant_id, id) on delete cascade,
  constraint conversation_participants_customer_exists foreign key (tenant_id, customer_id)
    references pigeonpost.customers (tenant_id, id),
  constraint conversation_participants_role_known check (role in ('owner', 'admin', 'member')),
  constraint conversation_participants_is_customer_or_account check (num_nonnulls(customer_id, account_id) = 1),
  constraint conversation_participants_metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
create index conversation_participants_customer on pigeonpost.conversation_participants (tenant_id, customer_id);

create table pigeonpost.threads (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  number bigint not null default nextval('pigeonpost.threads_number_seq'),
  conversation_id uuid not null,
  customer_id uuid,
  channel text not null,
  status text not null default 'active',
  created_at timestamptz not null default now(),
  archived_at timestamptz,
  constraint threads_pkey primary key (tenant_id, id),
  constraint threads_number_is_unique unique (tenant_id, number),
  constraint threads_conversation_is_unique unique (tenant_id, conversation_id, id),
  constraint threads_conversation_exists foreign key (tenant_id, conversation_id)
    references pigeonpost.conversations (tenant_id, id) on delete cascade,
  constraint threads_status_known check (status in ('active', 'archived'))
);
create unique index threads_one_active on pigeonpost.threads (tenant_id, conversation_id) where status = 'active';
create index threads_lead on pigeonpost.threads (tenant_id, customer_id, channel, status);

create table pigeonpost.messages (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  number bigint not null default nextval('pigeonpost.messages_number_seq'),
  account_id uuid not null,
  conversation_id uuid not null,
  thread_id uuid not null,
  customer_id uuid,
  sender_customer_id uuid,
  address text,
  conversation_external_id text,
  alternate_address text,
  lead_id bigint,
  direction text not null,
  channel text not null default 'whatsapp',
  external_message_id text,
  content_type text not null default 'text',
  body text,
  body_version integer not null default 1,
  media_id uuid,
  media_url text,
  metadata jsonb not null default '{}'::jsonb,
  raw jsonb,
  reply_to_id uuid,
  status text not null,
  priority smallint not null default 0,
  scheduled_for timestamptz,
  valid_until timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  attempt_id uuid,
  leased_until timestamptz,
  provider text,
  provider_reason text,
  accepted_on date,
  error_code text,
  error_message text,
  is_processed boolean not null default false,
  is_from_bot boolean not null default false,
  created_by uuid,
  campaign_id text,
  idempotency_key text,
  occurred_at timestamptz not null default now(),
  sent_at timestamptz,
  delivered_at timestamptz,
  read_at timestamptz,
  failed_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint messages_pkey primary key (tenant_id, id),
  constraint messages_number_is_unique unique (tenant_id, number),
  constraint messages_external_id_is_unique unique (tenant_id, external_message_id, conversation_id),
  -- The thread is one of this conversation, and through it the conversation exists: one check where three would be made.
  constraint messages_thread_is_the_conversations foreign key (tenant_id, conversation_id, thread_id)
    references pigeonpost.threads (tenant_id, conversation_id, id) on delete cascade on update cascade
);
-- Direction, content type, status, size of the body and the shape of metadata are held by the triggers of
-- fixtures/080_messages.sql and 090_statuses.sql alone: Postgres parses a check constraint anew for each statement,
-- and six of them took 20 to 35 microseconds of every single-row insert.
create unique index messages_idempotency_key_is_unique on pigeonpost.messages (tenant_id, idempotency_key)
  where idempotency_key is not null;
create index messages_conversation on pigeonpost.messages (tenant_id, conversation_id, occurred_at, number);
create index messages_thread on pigeonpost.messages (tenant_id, thread_id, occurred_at, number);
create index messages_account_customer on pigeonpost.messages (tenant_id, account_id, customer_id, created_at);
create index messages_customer on pigeonpost.messages (tenant_id, customer_id, occurred_at);
create index messages_sender on pigeonpost.messages (tenant_id, sender_customer_id);
create index messages_sent_at on pigeonpost.messages (tenant_id, sent_at);
create index messages_campaign on pigeonpost.messages (tenant_id, campaign_id) where campaign_id is not null;
create index messages_status on pigeonpost.messages (tenant_id, status);
create index messages_unread on pigeonpost.messages (tenant_id, conversation_id) where direction = 'inbound' and status = 'delivered';
-- What may be sent now, in the order in which it goes; what is due later waits in another status.
create index messages_claim on pigeonpost.messages (tenant_id, account_id, priority desc, number) where status = 'queued';
create index messages_waiting on pigeonpost.messages (tenant_id, account_id, (coalesce(scheduled_for, created_at))) where status = 'queued';
create index messages_due on pigeonpost.messages (tenant_id, account_id, next_attempt_at) where status in ('scheduled', 'retrying');
create index messages_expiring on pigeonpost.messages (tenant_id, account_id, valid_until)
  where valid_until is not null and status in ('queued', 'scheduled', 'retrying');
-- For what comes back with the attempt's id alone: what is under way or in doubt, and leaves with its external id.
create index messages_attempt on pigeonpost.messages (tenant_id, attempt_id) where attempt_id is not null and external_message_id is null;
create index messages_sending on pigeonpost.messages (tenant_id, account_id, leased_until) where status = 'sending';

create table pigeonpost.message_history (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  message_id uuid not null,
  conversation_id uuid not null,
  customer_id uuid,
  direction text not null,
  kind text not null,
  body_version integer not null,
  body text,
  previous_body text,
  edited_at timestamptz not null default now(),
  edited_by text not null,
  metadata jsonb not null default '{}'::jsonb,
  constraint message_history_pkey primary key (tenant_id, id),
  constraint message_history_version_is_unique unique (tenant_id, message_id, body_version),
  constraint message_history_message_exists foreign key (tenant_id, message_id)
    references pigeonpost.messages (tenant_id, id) on delete cascade,
  constraint message_history_kind_known check (kind in ('edit', 'revoke'))
);

create table pigeonpost.message_statuses (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  message_id uuid not null,
  status text not null,
  previous_status text,
  recipient text,
  occurred_at timestamptz not null default now(),
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  constraint message_statuses_pkey primary key (tenant_id, id),
  constraint message_statuses_message_exists foreign key (tenant_id, message_id)
    references pigeonpost.messages (tenant_id, id) on delete cascade
);
create index message_statuses_message on pigeonpost.message_statuses (tenant_id, message_id, created_at);
create unique index message_statuses_one_per_recipient on pigeonpost.message_statuses (tenant_id, message_id, recipient, status)
  where recipient is not null;

create table pigeonpost.message_reactions (
  tenant_id integer not null,
  message_id uuid not null,
  sender text not null,
  emoji text,
  reacted_at timestamptz not null,
  constraint message_reactions_pkey primary key (tenant_id, message_id, sender),
  constraint message_reactions_message_exists foreign key (tenant_id, message_id)
    references pigeonpost.messages (tenant_id, id) on delete cascade
);

create table pigeonpost.parked_updates (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  channel text not null,
  account_id uuid,
  conversation_external_id text,
  external_message_id text not null,
  "update" jsonb not null,
  created_at timestamptz not null default now(),
  constraint parked_updates_pkey primary key (tenant_id, id)
);
create index parked_updates_external_id on pigeonpost.parked_updates (tenant_id, external_message_id);

create table pigeonpost.delivery_attempts (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  message_id uuid not null,
  attempt integer not null,
  provider text,
  reason text,
  outcome text not null,
  error_code text,
  error_message text,
  external_message_id text,
  duration_ms integer,
  started_at timestamptz not null default now(),
  constraint delivery_attempts_pkey primary key (tenant_id, id),
  constraint delivery_attempts_message_exists foreign key (tenant_id, message_id)
    references pigeonpost.messages (tenant_id, id) on delete cascade,
  constraint delivery_attempts_outcome_known check (outcome in ('sent', 'retry', 'failed', 'unknown'))
);
create index delivery_attempts_message on pigeonpost.delivery_attempts (tenant_id, message_id, attempt);

create table pigeonpost.events (
  tenant_id integer not null,
  id bigint not null default nextval('pigeonpost.events_id_seq'),
  event_id uuid not null default pigeonpost.uuid_v7(),
  type text not null,
  message_id uuid,
  conversation_id uuid,
  thread_id uuid,
  customer_id uuid,
  account_id uuid,
  payload jsonb,
  created_at timestamptz not null default now(),
  constraint events_pkey primary key (tenant_id, id)
) partition by range (id);
create index events_id on pigeonpost.events (id);
create table pigeonpost.events_p0 partition of pigeonpost.events for values from (0) to (10000000);
create table pigeonpost.events_p1 partition of pigeonpost.events for values from (10000000) to (20000000);
create table pigeonpost.events_default partition of pigeonpost.events default;

create table pigeonpost.event_consumers (
  tenant_id integer not null,
  name text not null,
  cursor bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint event_consumers_pkey primary key (tenant_id, name),
  constraint event_consumers_name_not_empty check (name <> '')
);

create table pigeonpost.webhook_inbox (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  channel text not null,
  account_id uuid,
  method text not null default 'POST',
  path text not null,
  headers jsonb not null default '{}'::jsonb,
  body bytea not null,
  status text not null default 'received',
  error_code text,
  error_field text,
  error_message text,
  attempts integer not null default 0,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  constraint webhook_inbox_pkey primary key (tenant_id, id),
  constraint webhook_inbox_status_known check (status in ('received', 'processed', 'failed'))
);
create index webhook_inbox_open on pigeonpost.webhook_inbox (tenant_id, received_at) where status <> 'processed';
create index webhook_inbox_received on pigeonpost.webhook_inbox (tenant_id, received_at);

-- The log's position, as the relay, the readers and retention share it. One row.
create table pigeonpost_private.log_state (
  only_one boolean not null default true,
  settled_id bigint not null default 0,
  floor_id bigint not null default 0,
  constraint log_state_pkey primary key (only_one),
  constraint log_state_is_one_row check (only_one)
);
insert into pigeonpost_private.log_state default values;

-- Rounds of settling (fixtures/070_events.sql). Several, because who stores one holds its row until it commits, and a
-- consumer may work for long in the transaction in which it has read.
create table pigeonpost_private.log_rounds (
  slot smallint not null,
  settled_id bigint not null default 0,
  round_id bigint,
  waits_for text[] not null default '{}',
  constraint log_rounds_pkey primary key (slot)
);
insert into pigeonpost_private.log_rounds (slot) select generate_series(1, 16);

-- How many messages there are of each kind, as far as fold() has come. See fixtures/145_counts.sql.
create table pigeonpost_private.message_counts (
  tenant_id integer not null,
  account_id uuid not null,
  direction text not null,
  content_type text not null,
  status text not null,
  messages bigint not null,
  constraint message_counts_pkey primary key (tenant_id, account_id, direction, content_type, status)
);

create table pigeonpost_private.account_wakeups (
  tenant_id integer not null,
  account_id uuid not null,
  due_at timestamptz not null,
  leased_until timestamptz,
  lease_id uuid,
  constraint account_wakeups_pkey primary key (tenant_id, account_id)
);
create index account_wakeups_due on pigeonpost_private.account_wakeups (due_at);

-- What limits and routing remember. See fixtures/120_limits.sql and 125_routing.sql.
create table pigeonpost_private.account_limits (
  tenant_id integer not null,
  account_id uuid not null,
  tat timestamptz not null,
  granted integer not null default 0,
  constraint account_limits_pkey primary key (tenant_id, account_id)
);

create table pigeonpost_private.account_days (
  tenant_id integer not null,
  account_id uuid not null,
  day date not null,
  accepted integer not null,
  granted integer not null default 0,
  constraint account_days_pkey primary key (tenant_id, account_id, day)
);

create table pigeonpost_private.recipient_limits (
  tenant_id integer not null,
  account_id uuid not null,
  address text not null,
  next_at timestamptz not null,
  constraint recipient_limits_pkey primary key (tenant_id, account_id, address)
);

create table pigeonpost_private.provider_breakers (
  tenant_id integer not null,
  provider text not null,
  failures integer not null default 0,
  pause_ms integer not null default 0,
  open_until timestamptz,
  probe_until timestamptz,
  last_error text,
  updated_at timestamptz not null default now(),
  constraint provider_breakers_pkey primary key (tenant_id, provider)
);

-- How far the clock of delivery is ahead of the server's. Empty, but in tests.
create table pigeonpost_private.clock_offset (
  only_one boolean not null default true,
  ahead interval not null,
  constraint clock_offset_pkey primary key (only_one),
  constraint clock_offset_is_one_row check (only_one)
);

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
--! Included 030_accounts.sql
-- Accounts: the addresses of ours that a tenant sends from and receives at.
-- A message that names none takes the tenant's default of its channel, else the first, else one that appears by itself,
-- so that a bridge can start with an insert and nothing else.

create or replace function pigeonpost_private.tg_accounts__normalise() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.channel := lower(btrim(new.channel));
  new.address := pigeonpost.normalize_address(new.channel, new.address);
  if new.channel = '' then
    raise exception 'channel is empty' using errcode = 'PPV01', constraint = 'accounts_channel_not_empty',
      table = 'accounts', column = 'channel', hint = 'Use whatsapp, sms, email, telegram, discord or another name.';
  end if;
  if new.status not in ('connected', 'disconnected', 'disabled') then
    raise exception 'status "%" is not known', new.status using errcode = 'PPV01', constraint = 'accounts_status_known',
      table = 'accounts', column = 'status', hint = 'Use connected, disconnected or disabled.';
  end if;
  if new.status = 'connected' then
    new.status_reason := null;
  end if;
  -- The list of time zones is read from disk each time.
  if new.time_zone <> 'UTC' and (tg_op = 'INSERT' or new.time_zone <> old.time_zone)
     and not exists (select from pg_timezone_names z where z.name = new.time_zone) then
    raise exception 'time_zone "%" is not known', new.time_zone
      using errcode = 'PPV01', constraint = 'accounts_time_zone_known', table = 'accounts', column = 'time_zone',
        hint = 'Use a name such as UTC or Europe/Berlin.';
  end if;
  if tg_op = 'INSERT' then
    perform pigeonpost_private.ensure_tenant(new.tenant_id);
  else
    new.updated_at := now();
  end if;
  return new;
end
$$;
create or replace trigger "100_normalise" before insert or update on pigeonpost.accounts
  for each row execute function pigeonpost_private.tg_accounts__normalise();

-- p_channel is in lower case and not empty: normalise_message() sees to it.
create or replace function pigeonpost_private.find_or_open_account(p_tenant_id integer, p_channel text) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  loop
    select a.id into v_id from pigeonpost.accounts a
    where a.tenant_id = p_tenant_id and a.channel = p_channel
    order by a.is_default desc, a.created_at, a.id
    limit 1;
    exit when found;
    -- fakechat is built in, so its account can deliver at once; any other waits for the operator to name a provider.
    insert into pigeonpost.accounts (tenant_id, channel, provider)
    values (p_tenant_id, p_channel, case when p_channel = 'fakechat' then 'fakechat' end)
    on conflict on constraint accounts_address_is_unique do nothing;
  end loop;
  return v_id;
end
$$;
--! EndIncluded 030_accounts.sql
--! Included 040_customers.sql
-- Customers and the addresses by which channels know them.
-- An address belongs to one customer of a tenant: the primary key of customer_identities is what two racing
-- bridges meet at, so that 8 writers and one new address leave one customer.

create or replace function pigeonpost_private.tg_customers__normalise() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform pigeonpost_private.ensure_tenant(new.tenant_id);
    new.lead_id := coalesce(new.lead_id, nextval('pigeonpost.customers_lead_id_seq'));
    if new.external_type is not null then
      new.external_type := lower(btrim(new.external_type));
      new.external_id := pigeonpost.normalize_address(new.external_type, new.external_id);
    end if;
  else
    new.updated_at := now();
    if new.merged_into is distinct from old.merged_into and (old.merged_into is not null or exists (
      select from pigeonpost.customers c
      where c.tenant_id = new.tenant_id and c.id = new.merged_into and c.merged_into is not null)) then
      raise exception 'customer % is merged already', case when old.merged_into is null then new.merged_into else new.id end
        using errcode = 'PPC01', constraint = 'merged_customers_are_alive', table = 'customers', column = 'merged_into',
          hint = 'A merge is not undone; give two customers that are not merged.';
    end if;
  end if;
  return new;
end
$$;
create or replace trigger "100_normalise" before insert or update on pigeonpost.customers
  for each row execute function pigeonpost_private.tg_customers__normalise();

-- Whoever adds a customer with its address has added the address too, so that the customer's next message finds it.
-- find_or_open_customer() has by now; an address that is another customer's is refused by the key of the identities.
create or replace function pigeonpost_private.tg_customers__identify() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pigeonpost.customer_identities i
    where i.tenant_id = new.tenant_id and i.channel = new.external_type and i.address = new.external_id and i.customer_id = new.id
  ) then
    insert into pigeonpost.customer_identities (tenant_id, channel, address, customer_id)
    values (new.tenant_id, new.external_type, new.external_id, new.id);
  end if;
  return null;
end
$$;
create or replace trigger "600_identify" after insert on pigeonpost.customers
  for each row when (new.external_type is not null and new.external_id is not null)
  execute function pigeonpost_private.tg_customers__identify();

create or replace function pigeonpost_private.tg_customer_identities__normalise() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.channel := lower(btrim(new.channel));
  new.address := pigeonpost.normalize_address(new.channel, new.address);
  if new.address is null then
    raise exception 'address is empty' using errcode = 'PPV01', constraint = 'customer_identities_address_not_empty',
      table = 'customer_identities', column = 'address', hint = 'Give a phone number, mail address or user id.';
  end if;
  return new;
end
$$;
create or replace trigger "100_normalise" before insert or update of channel, address on pigeonpost.customer_identities
  for each row execute function pigeonpost_private.tg_customer_identities__normalise();

-- An address that is no longer a customer's, or that moved to another, leads to that customer's conversations no more:
-- inserts of messages look it up there. (A merge has moved the conversations before it moves the addresses.)
create or replace function pigeonpost_private.tg_customer_identities__forget() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pigeonpost.conversations c set address = (
    select i.address from pigeonpost.customer_identities i
    where i.tenant_id = old.tenant_id and i.customer_id = old.customer_id and i.channel = old.channel
    order by i.created_at, i.address limit 1)
  where c.tenant_id = old.tenant_id and c.customer_id = old.customer_id and c.channel = old.channel and c.address = old.address
    and c.type = 'direct' and c.merged_into is null;
  return null;
end
$$;
create or replace trigger "600_forget" after delete on pigeonpost.customer_identities
  for each row execute function pigeonpost_private.tg_customer_identities__forget();
create or replace trigger "600_forget_moved" after update of channel, address, customer_id on pigeonpost.customer_identities
  for each row when (old.channel <> new.channel or old.address <> new.address or old.customer_id <> new.customer_id)
  execute function pigeonpost_private.tg_customer_identities__forget();

-- The customer that an address belongs to, given to p_customer_id where it is nobody's yet.
create or replace function pigeonpost_private.learn_address(
  p_tenant_id integer, p_channel text, p_address text, p_customer_id uuid
) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  loop
    select i.customer_id into v_id from pigeonpost.customer_identities i
    where i.tenant_id = p_tenant_id and i.channel = p_channel and i.address = p_address;
    exit when found;
    insert into pigeonpost.customer_identities (tenant_id, channel, address, customer_id)
    values (p_tenant_id, p_channel, p_address, p_customer_id)
    on conflict (tenant_id, channel, address) do nothing;
  end loop;
  return v_id;
end
$$;

-- The customer behind an address, made if there is none. The identity goes in first, in the same statement as its
-- customer: it is the one that racing writers collide on, and the loser must leave no customer behind.
create or replace function pigeonpost_private.find_or_open_customer(
  p_tenant_id integer, p_channel text, p_address text, p_name text default null
) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  loop
    select i.customer_id into v_id from pigeonpost.customer_identities i
    where i.tenant_id = p_tenant_id and i.channel = p_channel and i.address = p_address;
    exit when found;
    with identity as (
      insert into pigeonpost.customer_identities (tenant_id, channel, address, customer_id)
      values (p_tenant_id, p_channel, p_address, pigeonpost.uuid_v7())
      on conflict (tenant_id, channel, address) do nothing
      returning customer_id
    )
    insert into pigeonpost.customers (tenant_id, id, external_type, external_id, name)
    select p_tenant_id, i.customer_id, p_channel, p_address, p_name from identity i
    returning id into v_id;
    exit when found;
  end loop;
  return v_id;
end
$$;

create or replace function pigeonpost_private.find_or_open_lead(p_tenant_id integer, p_lead_id bigint) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  loop
    select c.id into v_id from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.lead_id = p_lead_id;
    exit when found;
    insert into pigeonpost.customers (tenant_id, lead_id) values (p_tenant_id, p_lead_id)
    on conflict (tenant_id, lead_id) do nothing
    returning id into v_id;
    exit when found;
  end loop;
  return v_id;
end
$$;

-- Who a customer is now, after the merges that may have followed one another; null where there is none. Locked, so that
-- a merge under way is waited for and no conversation opens on a tombstone.
create or replace function pigeonpost_private.living_customer(p_tenant_id integer, p_id uuid) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
  v_merged_into uuid := p_id;
begin
  while v_merged_into is not null loop
    v_id := v_merged_into;
    select c.merged_into into v_merged_into from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = v_id
    for key share;
    if not found then
      return null;
    end if;
  end loop;
  return v_id;
end
$$;
--! EndIncluded 040_customers.sql
--! Included 045_merge.sql
-- Merging: two customers who turn out to be one, and their conversations.
-- The loser stays as a tombstone that points at the winner, so whoever holds its id, its lead id or one of its
-- conversations still arrives. Rows are locked in the order of their ids, and `for update`, which inserts of messages
-- exclude with their key-share lock: an insert either is there to be moved or finds the tombstone.

-- Moves one direct conversation of the loser into the winner's. Second copies of a message go first, after what hangs
-- on them is moved to the copy that stays.
create or replace function pigeonpost_private.merge_conversation(p_tenant_id integer, p_winner uuid, p_loser uuid) returns jsonb
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_winner pigeonpost.conversations;
  v_loser pigeonpost.conversations;
  v_copy record;
  v_messages jsonb := '[]';
begin
  perform from pigeonpost.conversations c
  where c.tenant_id = p_tenant_id and c.id in (p_winner, p_loser) order by c.id for update;
  select * into v_winner from pigeonpost.conversations c where c.tenant_id = p_tenant_id and c.id = p_winner;
  select * into v_loser from pigeonpost.conversations c where c.tenant_id = p_tenant_id and c.id = p_loser;

  for v_copy in
    select l.id as loser_id, w.id as winner_id, l.status as status, l.body_version as loser_version, w.body_version as winner_version,
      l.revoked_at as loser_revoked_at,
      l.metadata ->> 'edited_at' > coalesce(w.metadata ->> 'edited_at', '') as is_later, l.body, l.metadata ->> 'edited_at' as edited_at,
      l.sent_at, l.delivered_at, l.read_at
    from pigeonpost.messages l
    join pigeonpost.messages w on w.tenant_id = l.tenant_id and w.external_message_id = l.external_message_id and w.conversation_id = p_winner
    where l.tenant_id = p_tenant_id and l.conversation_id = p_loser and l.external_message_id is not null
    order by l.id
  loop
    update pigeonpost.message_history h
    set message_id = v_copy.winner_id, conversation_id = p_winner, body_version = h.body_version + v_copy.winner_version - 1
    where h.tenant_id = p_tenant_id and h.message_id = v_copy.loser_id;
    if v_copy.loser_version > 1 then
      -- Negative: these versions stand in the history already (tg_messages__advance).
      update pigeonpost.messages m
      set body = case when v_copy.is_later then v_copy.body else m.body end,
        metadata = case when v_copy.is_later then m.metadata || jsonb_build_object('edited_at', v_copy.edited_at) else m.metadata end,
        revoked_at = least(m.revoked_at, v_copy.loser_revoked_at),
        body_version = -(v_copy.winner_version + v_copy.loser_version - 1)
      where m.tenant_id = p_tenant_id and m.id = v_copy.winner_id;
    end if;
    update pigeonpost.message_statuses s set message_id = v_copy.winner_id
    where s.tenant_id = p_tenant_id and s.message_id = v_copy.loser_id and not exists (
      select from pigeonpost.message_statuses o where o.tenant_id = p_tenant_id and o.message_id = v_copy.winner_id
        and o.recipient = s.recipient and o.status = s.status);
    update pigeonpost.message_reactions r set message_id = v_copy.winner_id
    where r.tenant_id = p_tenant_id and r.message_id = v_copy.loser_id and not exists (
      select from pigeonpost.message_reactions o where o.tenant_id = p_tenant_id and o.message_id = v_copy.winner_id and o.sender = r.sender);
    update pigeonpost.delivery_attempts d set message_id = v_copy.winner_id
    where d.tenant_id = p_tenant_id and d.message_id = v_copy.loser_id;
    update pigeonpost.messages m set reply_to_id = v_copy.winner_id
    where m.tenant_id = p_tenant_id and m.reply_to_id = v_copy.loser_id and m.conversation_id in (p_winner, p_loser);
    -- The furthest status and the earliest times, as receipts for one message would have left them.
    update pigeonpost.messages m set
      status = case when pigeonpost.status_may_change(m.direction, m.status, v_copy.status) then v_copy.status else m.status end,
      sent_at = case when m.direction = 'outbound' then least(m.sent_at, v_copy.sent_at) else m.sent_at end,
      delivered_at = least(m.delivered_at, v_copy.delivered_at),
      read_at = least(m.read_at, v_copy.read_at)
    where m.tenant_id = p_tenant_id and m.id = v_copy.winner_id and v_copy.status in ('sent', 'delivered', 'read');
    delete from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = v_copy.loser_id;
    v_messages := v_messages || jsonb_build_object('from', v_copy.loser_id, 'into', v_copy.winner_id);
  end loop;

  -- One active thread stays: the winner's, or the loser's where the winner has none; a closed winner opens for it.
  update pigeonpost.conversations c set merged_into = p_winner, thread_id = pigeonpost.uuid_v7(), last_message_at = null,
    unread_count = 0, total_messages = 0
  where c.tenant_id = p_tenant_id and c.id = p_loser;
  update pigeonpost.conversations c set merged_into = p_winner where c.tenant_id = p_tenant_id and c.merged_into = p_loser;
  if not exists (select from pigeonpost.threads t where t.tenant_id = p_tenant_id and t.conversation_id = p_winner and t.status = 'active')
     and exists (select from pigeonpost.threads t where t.tenant_id = p_tenant_id and t.id = v_loser.thread_id and t.status = 'active') then
    update pigeonpost.conversations c
    set thread_id = v_loser.thread_id, status = case when c.status = 'closed' then v_loser.status else c.status end
    where c.tenant_id = p_tenant_id and c.id = p_winner;
  else
    update pigeonpost.threads t set status = 'archived'
    where t.tenant_id = p_tenant_id and t.conversation_id = p_loser and t.status = 'active';
  end if;
  -- The messages follow their threads by the foreign key.
  update pigeonpost.threads t set conversation_id = p_winner, customer_id = v_winner.customer_id
  where t.tenant_id = p_tenant_id and t.conversation_id = p_loser;
  update pigeonpost.message_history h set conversation_id = p_winner
  where h.tenant_id = p_tenant_id and h.conversation_id = p_loser;
  delete from pigeonpost.conversation_participants p where p.tenant_id = p_tenant_id and p.conversation_id = p_loser;
  -- Of the times only those of messages that are left; of the counts what was folded so far: the dropped copies stand in
  -- the log as created and as removed, and fold() meets both in their order.
  update pigeonpost.conversations c set
    last_message_at = case when coalesce(v_winner.last_message_at, v_loser.last_message_at) is not null then (
      select max(m.occurred_at) from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.conversation_id = p_winner) end,
    unread_count = v_winner.unread_count + v_loser.unread_count,
    total_messages = v_winner.total_messages + v_loser.total_messages,
    address = coalesce(v_winner.address, v_loser.address)
  where c.tenant_id = p_tenant_id and c.id = p_winner;
  return jsonb_build_object('from', p_loser, 'into', p_winner, 'messages', v_messages);
end
$$;

create or replace function pigeonpost_private.tg_customers__merge() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_loser pigeonpost.customers;
  v_conversation record;
  v_same uuid;
  v_joined jsonb := '[]';
begin
  for v_conversation in
    select c.id, c.account_id, c.external_id from pigeonpost.conversations c
    where c.tenant_id = new.tenant_id and c.customer_id = new.id and c.type = 'direct' and c.merged_into is null
    order by c.id
  loop
    select c.id into v_same from pigeonpost.conversations c
    where c.tenant_id = new.tenant_id and c.customer_id = new.merged_into and c.account_id = v_conversation.account_id
      and c.external_id is not distinct from v_conversation.external_id and c.type = 'direct' and c.merged_into is null;
    if found then
      v_joined := v_joined || pigeonpost_private.merge_conversation(new.tenant_id, v_same, v_conversation.id);
    else
      perform from pigeonpost.conversations c where c.tenant_id = new.tenant_id and c.id = v_conversation.id for update;
      update pigeonpost.conversations c set customer_id = new.merged_into
      where c.tenant_id = new.tenant_id and c.id = v_conversation.id;
      update pigeonpost.threads t set customer_id = new.merged_into
      where t.tenant_id = new.tenant_id and t.conversation_id = v_conversation.id;
    end if;
  end loop;
  update pigeonpost.messages m set customer_id = new.merged_into where m.tenant_id = new.tenant_id and m.customer_id = new.id;
  update pigeonpost.messages m set sender_customer_id = new.merged_into where m.tenant_id = new.tenant_id and m.sender_customer_id = new.id;
  update pigeonpost.message_history h set customer_id = new.merged_into
  where h.tenant_id = new.tenant_id and h.customer_id = new.id;
  -- Who was in a conversation twice is there once, with the longer stay and the higher role.
  update pigeonpost.conversation_participants o set
    joined_at = least(o.joined_at, p.joined_at),
    role = case when 'owner' in (o.role, p.role) then 'owner' when 'admin' in (o.role, p.role) then 'admin' else 'member' end,
    metadata = p.metadata || o.metadata
  from pigeonpost.conversation_participants p
  where p.tenant_id = new.tenant_id and p.customer_id = new.id
    and o.tenant_id = p.tenant_id and o.conversation_id = p.conversation_id and o.customer_id = new.merged_into;
  update pigeonpost.conversation_participants o set left_at = case when p.left_at is not null then greatest(o.left_at, p.left_at) end
  from pigeonpost.conversation_participants p
  where p.tenant_id = new.tenant_id and p.customer_id = new.id and o.left_at is not null
    and o.tenant_id = p.tenant_id and o.conversation_id = p.conversation_id and o.customer_id = new.merged_into;
  delete from pigeonpost.conversation_participants p
  using pigeonpost.conversation_participants o
  where p.tenant_id = new.tenant_id and p.customer_id = new.id
    and o.tenant_id = p.tenant_id and o.conversation_id = p.conversation_id and o.customer_id = new.merged_into;
  update pigeonpost.conversation_participants p set customer_id = new.merged_into
  where p.tenant_id = new.tenant_id and p.customer_id = new.id;
  update pigeonpost.customer_identities i set customer_id = new.merged_into
  where i.tenant_id = new.tenant_id and i.customer_id = new.id;
  select * into v_loser from pigeonpost.customers c where c.tenant_id = new.tenant_id and c.id = new.id;
  update pigeonpost.customers c set
    name = coalesce(c.name, v_loser.name),
    metadata = v_loser.metadata || c.metadata,
    external_type = coalesce(c.external_type, v_loser.external_type),
    external_id = case when c.external_type is null then v_loser.external_id else c.external_id end,
    last_message_at = case when coalesce(c.last_message_at, v_loser.last_message_at) is not null then (
      select max(m.occurred_at) from pigeonpost.messages m where m.tenant_id = new.tenant_id and m.customer_id = new.merged_into) end,
    unread_count = c.unread_count + v_loser.unread_count,
    total_messages = c.total_messages + v_loser.total_messages
  where c.tenant_id = new.tenant_id and c.id = new.merged_into;
  update pigeonpost.customers c set unread_count = 0, total_messages = 0, last_message_at = null where c.tenant_id = new.tenant_id and c.id = new.id;
  perform pigeonpost_private.append_event(new.tenant_id, 'customer.merged', p_customer_id => new.merged_into,
    p_payload => jsonb_build_object('merged_customer_id', new.id, 'joined_conversations', v_joined));
  return null;
end
$$;
create or replace trigger "700_merge" after update of merged_into on pigeonpost.customers
  for each row when (new.merged_into is not null and old.merged_into is null)
  execute function pigeonpost_private.tg_customers__merge();

create or replace function pigeonpost.current_customer(p_tenant_id integer, p_id uuid) returns uuid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive line as (
    select c.id, c.merged_into from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = p_id
    union all
    select c.id, c.merged_into from pigeonpost.customers c join line l on c.tenant_id = p_tenant_id and c.id = l.merged_into
  )
  select l.id from line l where l.merged_into is null
$$;
comment on function pigeonpost.current_customer(integer, uuid) is
  'Who a customer is now, after the merges that may have followed one another: itself where there was none; null where there is no such customer.';

create or replace function pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_winner pigeonpost.customers;
  v_loser pigeonpost.customers;
  v_living uuid;
begin
  perform from pigeonpost.customers c
  where c.tenant_id = p_tenant_id and c.id in (p_winner, p_loser) order by c.id for update;
  select * into v_winner from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = p_winner;
  select * into v_loser from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = p_loser;
  if v_winner.id is null or v_loser.id is null then
    raise exception 'customer % does not exist in tenant %', case when v_winner.id is null then p_winner else p_loser end, p_tenant_id
      using errcode = 'PPN01', constraint = 'merged_customers_exist', table = 'customers', column = 'id',
        hint = 'Give the ids of two customers of this tenant.';
  end if;
  v_living := pigeonpost.current_customer(p_tenant_id, p_winner);
  if v_living = pigeonpost.current_customer(p_tenant_id, p_loser) then
    return v_living;
  end if;
  if v_winner.merged_into is not null or v_loser.merged_into is not null then
    raise exception 'customer % is merged already', case when v_winner.merged_into is not null then p_winner else p_loser end
      using errcode = 'PPC01', constraint = 'merged_customers_are_alive', table = 'customers', column = 'merged_into',
        hint = format('Use %s, which it was merged into.', case when v_winner.merged_into is not null then v_living
          else pigeonpost.current_customer(p_tenant_id, p_loser) end);
  end if;
  update pigeonpost.customers c set merged_into = p_winner where c.tenant_id = p_tenant_id and c.id = p_loser;
  return p_winner;
end
$$;
comment on function pigeonpost.merge_customers(integer, uuid, uuid) is
  'Joins the loser into the winner: identities, conversations, threads, participants and messages move, second copies of a message go, one active thread stays. Event customer.merged. Merging twice changes nothing.';

-- Two addresses that one message gives for one person belong to one customer from then on. Of two customers the one
-- with a lead id of the CRM's wins, then the older.
create or replace function pigeonpost_private.link_addresses(p_tenant_id integer, p_channel text, p_address text, p_alternate text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  loop
    select array_agg(distinct i.customer_id) into v_ids from pigeonpost.customer_identities i
    where i.tenant_id = p_tenant_id and i.channel = p_channel and i.address in (p_address, p_alternate);
    if cardinality(v_ids) = 2 then
      -- Another may be merging them, or one of them, this moment.
      perform from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = any (v_ids) order by c.id for update;
      continue when exists (
        select from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = any (v_ids) and c.merged_into is not null);
      select array_agg(c.id order by c.lead_id >= 4294967296, c.created_at, c.id) into v_ids
      from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = any (v_ids);
      perform pigeonpost.merge_customers(p_tenant_id, v_ids[1], v_ids[2]);
      return;
    end if;
    if v_ids is null then
      perform pigeonpost_private.find_or_open_customer(p_tenant_id, p_channel, least(p_address, p_alternate));
      continue;
    end if;
    insert into pigeonpost.customer_identities (tenant_id, channel, address, customer_id)
    select p_tenant_id, p_channel, a.address, v_ids[1]
    from unnest(array[p_address, p_alternate]) a (address)
    order by a.address
    on conflict (tenant_id, channel, address) do nothing;
    exit when (
      select count(distinct i.customer_id) = 1 from pigeonpost.customer_identities i
      where i.tenant_id = p_tenant_id and i.channel = p_channel and i.address in (p_address, p_alternate));
  end loop;
end
$$;
--! EndIncluded 045_merge.sql
--! Included 050_conversations.sql
-- Conversations: who talks with which account of ours, and which sitting (thread) is the current one.
-- A direct conversation has exactly two sides, and both are columns, so that no count and no race can break it.

create or replace function pigeonpost_private.tg_conversations__normalise() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_customer_id uuid;
begin
  if new.type is null or new.type not in ('direct', 'multi', 'group') then
    raise exception 'type "%" is not known', new.type using errcode = 'PPV01', constraint = 'conversations_type_known',
      table = 'conversations', column = 'type', hint = 'Use direct, multi or group.';
  end if;
  if new.status is null or new.status not in ('open', 'closed', 'pending') then
    raise exception 'status "%" is not known', new.status using errcode = 'PPV01', constraint = 'conversations_status_known',
      table = 'conversations', column = 'status', hint = 'Use open, closed or pending.';
  end if;
  if new.type = 'group' and coalesce(btrim(new.group_name), '') = '' then
    raise exception 'a group has a name' using errcode = 'PPV01', constraint = 'conversations_group_has_name',
      table = 'conversations', column = 'group_name', hint = 'Give group_name, or use type multi.';
  end if;
  if tg_op = 'INSERT' then
    if new.account_id is null then
      new.account_id := pigeonpost_private.find_or_open_account(new.tenant_id,
        coalesce(nullif(lower(btrim(new.channel)), ''), 'whatsapp'));
    end if;
    select a.channel into new.channel from pigeonpost.accounts a
    where a.tenant_id = new.tenant_id and a.id = new.account_id;
    if not found then
      raise exception 'account % does not exist in tenant %', new.account_id, new.tenant_id
        using errcode = 'PPA01', constraint = 'conversations_account_exists', table = 'conversations', column = 'account_id',
          hint = 'Give the id of an account of this tenant, or leave account_id out.';
    end if;
    new.address := pigeonpost.normalize_address(new.channel, new.address);
    if (new.type = 'direct') <> (new.customer_id is not null) then
      raise exception '%', case when new.type = 'direct' then 'a direct conversation has a customer'
          else 'only a direct conversation has one customer' end
        using errcode = 'PPV01', constraint = 'conversations_direct_has_customer', table = 'conversations', column = 'customer_id',
          hint = 'Give customer_id to a direct conversation; in others the customers are participants.';
    end if;
    if new.type = 'direct' then
      v_customer_id := pigeonpost_private.living_customer(new.tenant_id, new.customer_id);
      if v_customer_id is null then
        raise exception 'customer % does not exist in tenant %', new.customer_id, new.tenant_id
          using errcode = 'PPN01', constraint = 'conversations_customer_exists', table = 'conversations', column = 'customer_id',
            hint = 'Give the id of a customer of this tenant.';
      end if;
      new.customer_id := v_customer_id;
      -- Inserts of messages find the conversation by its address, so that is one of this customer's or none.
      if new.address is null then
        select i.address into new.address from pigeonpost.customer_identities i
        where i.tenant_id = new.tenant_id and i.customer_id = new.customer_id and i.channel = new.channel
        order by i.created_at, i.address limit 1;
      elsif pigeonpost_private.learn_address(new.tenant_id, new.channel, new.address, new.customer_id) <> new.customer_id then
        new.address := null;
      end if;
    end if;
    return new;
  end if;
  new.updated_at := now();
  if new.type <> old.type or new.account_id <> old.account_id and new.merged_into is null and old.merged_into is null then
    raise exception 'type and account of a conversation never change'
      using errcode = 'PPC01', constraint = 'conversations_sides_never_change', table = 'conversations',
        hint = 'Open another conversation instead.';
  end if;
  if new.status = 'closed' and old.status <> 'closed' then
    new.thread_id := pigeonpost.uuid_v7();
  end if;
  return new;
end
$$;
create or replace trigger "100_normalise" before insert or update of type, status, account_id, group_name, group_avatar, group_metadata
  on pigeonpost.conversations
  for each row execute function pigeonpost_private.tg_conversations__normalise();

create or replace function pigeonpost_private.tg_conversations__open() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.type = 'direct' then
    insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id, account_id)
    values (new.tenant_id, new.id, new.customer_id, null), (new.tenant_id, new.id, null, new.account_id);
  end if;
  return null;
end
$$;
create or replace trigger "700_open" after insert on pigeonpost.conversations
  for each row execute function pigeonpost_private.tg_conversations__open();

-- Runs after the row is locked against inserts of messages, so every thread row that they opened is visible here.
create or replace function pigeonpost_private.tg_conversations__archive_thread() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Whoever archives that thread at this moment holds its row and waits for ours. Were we to wait for theirs, Postgres
  -- would break the ring after a second, and might choose an insert that stands in the queue.
  perform from pigeonpost.threads t
  where t.tenant_id = new.tenant_id and t.id = old.thread_id and t.status = 'active'
  for no key update skip locked;
  if not found and exists (
    select from pigeonpost.threads t where t.tenant_id = new.tenant_id and t.id = old.thread_id and t.status = 'active'
  ) then
    raise exception 'the thread of conversation % is being archived', new.id
      using errcode = '40001', constraint = 'conversations_close_alone', table = 'conversations', column = 'status',
        hint = 'Run the transaction again.';
  end if;
  update pigeonpost.threads t set status = 'archived'
  where t.tenant_id = new.tenant_id and t.id = old.thread_id and t.status = 'active';
  if not found and current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    -- An insert of a message may have made the row since this transaction's snapshot, which then cannot see it; it would
    -- stay active and shut every later thread out. A row of that id that is not seen makes `on conflict` fail with 40001.
    begin
      insert into pigeonpost.threads (tenant_id, id, conversation_id, customer_id, channel)
      values (new.tenant_id, old.thread_id, new.id, new.customer_id, new.channel)
      on conflict (tenant_id, id) do nothing;
      raise sqlstate 'PPZ01';
    exception when sqlstate 'PPZ01' then
      null;
    end;
  end if;
  return null;
end
$$;
create or replace trigger "600_archive_thread" after update of status on pigeonpost.conversations
  for each row when (new.status = 'closed' and old.status <> 'closed')
  execute function pigeonpost_private.tg_conversations__archive_thread();

-- The direct conversation of an account with a customer, made if there is none, locked `for key share` so that its
-- thread pointer holds until this transaction ends. Follows the tombstones that a merge leaves.
create or replace function pigeonpost_private.find_or_open_direct(
  p_tenant_id integer, p_account_id uuid, p_channel text, p_customer_id uuid, p_address text, p_external_id text
) returns pigeonpost.conversations
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conversation pigeonpost.conversations;
begin
  loop
    select c.* into v_conversation from pigeonpost.conversations c
    where c.tenant_id = p_tenant_id and c.account_id = p_account_id and c.customer_id = p_customer_id
      and c.external_id is not distinct from p_external_id and c.type = 'direct' and c.merged_into is null
    for key share;
    -- A merge may have made it a tombstone while this waited for the lock.
    exit when found and v_conversation.merged_into is null;
    p_customer_id := pigeonpost_private.living_customer(p_tenant_id, p_customer_id);
    insert into pigeonpost.conversations (tenant_id, type, account_id, channel, customer_id, address, external_id)
    values (p_tenant_id, 'direct', p_account_id, p_channel, p_customer_id, p_address, p_external_id)
    on conflict (tenant_id, account_id, customer_id, external_id) where type = 'direct' and merged_into is null do nothing;
  end loop;
  return v_conversation;
end
$$;

-- A conversation by its id, locked likewise; null columns where there is none.
create or replace function pigeonpost_private.find_conversation(p_tenant_id integer, p_id uuid)
returns pigeonpost.conversations
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conversation pigeonpost.conversations;
begin
  loop
    select c.* into v_conversation from pigeonpost.conversations c
    where c.tenant_id = p_tenant_id and c.id = p_id
    for key share;
    exit when not found or v_conversation.merged_into is null;
    p_id := v_conversation.merged_into;
  end loop;
  return v_conversation;
end
$$;

-- A group by the channel's id, made with that id for a name if nobody has told us a better one.
create or replace function pigeonpost_private.find_or_open_group(
  p_tenant_id integer, p_account_id uuid, p_channel text, p_external_id text, p_name text
) returns pigeonpost.conversations
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conversation pigeonpost.conversations;
begin
  loop
    select c.* into v_conversation from pigeonpost.conversations c
    where c.tenant_id = p_tenant_id and c.account_id = p_account_id and c.external_id = p_external_id
      and c.type <> 'direct' and c.merged_into is null
    for key share;
    exit when found and v_conversation.merged_into is null;
    insert into pigeonpost.conversations (tenant_id, type, account_id, channel, external_id, group_name)
    values (p_tenant_id, 'group', p_account_id, p_channel, p_external_id, coalesce(nullif(p_name, ''), p_external_id))
    on conflict (tenant_id, account_id, external_id) where type <> 'direct' and merged_into is null and external_id is not null
    do nothing;
  end loop;
  return v_conversation;
end
$$;
--! EndIncluded 050_conversations.sql
--! Included 055_participants.sql
-- Participants: who is in a conversation. A direct one is full with its two sides; a multi one never has fewer than two.
-- The latter is looked at when the transaction commits, so that it may be built and changed in any order, and under the
-- conversation's lock: counting without it let 290 of 300 racing removals through.

create or replace function pigeonpost_private.tg_conversation_participants__normalise() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conversation record;
begin
  if new.role is null or new.role not in ('owner', 'admin', 'member') then
    raise exception 'role "%" is not known', new.role using errcode = 'PPV01', constraint = 'conversation_participants_role_known',
      table = 'conversation_participants', column = 'role', hint = 'Use owner, admin or member.';
  end if;
  if num_nonnulls(new.customer_id, new.account_id) <> 1 then
    raise exception 'a participant is a customer or an account' using errcode = 'PPV01',
      constraint = 'conversation_participants_is_customer_or_account', table = 'conversation_participants', column = 'customer_id',
      hint = 'Give customer_id or account_id, and not both.';
  end if;
  if new.account_id is not null and not exists (
    select from pigeonpost.accounts a where a.tenant_id = new.tenant_id and a.id = new.account_id
  ) then
    raise exception 'account % does not exist in tenant %', new.account_id, new.tenant_id
      using errcode = 'PPA01', constraint = 'conversation_participants_account_exists', table = 'conversation_participants',
        column = 'account_id', hint = 'Give the id of an account of this tenant.';
  end if;
  select c.type, c.customer_id, c.account_id into v_conversation from pigeonpost.conversations c
  where c.tenant_id = new.tenant_id and c.id = new.conversation_id;
  if v_conversation.type = 'direct'
     and new.customer_id is distinct from v_conversation.customer_id
     and new.account_id is distinct from v_conversation.account_id then
    raise exception 'conversation % is direct: a customer and an account, and no third', new.conversation_id
      using errcode = 'PPC01', constraint = 'direct_is_full', table = 'conversation_participants',
        hint = 'Open a conversation of type multi for more than two.';
  end if;
  return new;
end
$$;
create or replace trigger "100_normalise" before insert or update of conversation_id, customer_id, account_id, role
  on pigeonpost.conversation_participants
  for each row execute function pigeonpost_private.tg_conversation_participants__normalise();

create or replace function pigeonpost_private.ensure_participant(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pigeonpost.conversation_participants p
    where p.tenant_id = p_tenant_id and p.conversation_id = p_conversation_id and p.customer_id = p_customer_id
      and p.left_at is null
  ) then
    insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
    values (p_tenant_id, p_conversation_id, p_customer_id)
    on conflict (tenant_id, conversation_id, customer_id) do update set left_at = null, joined_at = now()
    where conversation_participants.left_at is not null;
  end if;
end
$$;

create or replace function pigeonpost_private.tg__check_multi() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id integer;
  v_id uuid;
  v_count integer;
begin
  if tg_table_name = 'conversations' then
    v_tenant_id := new.tenant_id;
    v_id := new.id;
  else
    v_tenant_id := old.tenant_id;
    v_id := old.conversation_id;
    -- Of two participants who turned out to be one, the second goes: nobody has left.
    if tg_op = 'DELETE' and exists (
      select from pigeonpost.customers c
      where c.tenant_id = old.tenant_id and c.id = old.customer_id and c.merged_into is not null
    ) then
      return null;
    end if;
  end if;
  if current_setting('transaction_isolation') = 'read committed' then
    perform from pigeonpost.conversations c
    where c.tenant_id = v_tenant_id and c.id = v_id and c.type = 'multi' and c.merged_into is null for no key update;
  else
    -- There the count below would be an old one, and a lock alone tells nobody: a write makes the second one fail (40001).
    update pigeonpost.conversations c set updated_at = now()
    where c.tenant_id = v_tenant_id and c.id = v_id and c.type = 'multi' and c.merged_into is null;
  end if;
  if not found then
    return null;
  end if;
  select count(*) into v_count from (
    select from pigeonpost.conversation_participants p
    where p.tenant_id = v_tenant_id and p.conversation_id = v_id and p.left_at is null limit 2) two;
  if v_count < 2 then
    raise exception 'conversation % is multi and has % participant(s)', v_id, v_count
      using errcode = 'PPC01', constraint = 'multi_has_two_participants', table = 'conversation_participants',
        hint = 'Keep at least two, or close the conversation.';
  end if;
  return null;
end
$$;
do $$
begin
  -- A constraint trigger cannot be replaced in place; only additions cannot break the rule, so they fire nothing.
  if not exists (select from pg_catalog.pg_trigger t where t.tgname = '650_check_multi' and t.tgrelid = 'pigeonpost.conversations'::regclass) then
    create constraint trigger "650_check_multi" after insert on pigeonpost.conversations
      deferrable initially deferred for each row when (new.type = 'multi')
      execute function pigeonpost_private.tg__check_multi();
  end if;
  if not exists (select from pg_catalog.pg_trigger t where t.tgname = '650_check_multi' and t.tgrelid = 'pigeonpost.conversation_participants'::regclass) then
    create constraint trigger "650_check_multi" after delete or update of left_at, conversation_id on pigeonpost.conversation_participants
      deferrable initially deferred for each row
      execute function pigeonpost_private.tg__check_multi();
  end if;
end
$$;

-- The two sides of a direct conversation follow the conversation's columns: they neither leave nor change.
create or replace function pigeonpost_private.tg_conversation_participants__keep_direct() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from pigeonpost.conversations c
    where c.tenant_id = old.tenant_id and c.id = old.conversation_id and c.type = 'direct' and c.merged_into is null
      and (old.customer_id = c.customer_id or old.account_id = c.account_id)
      and (tg_op = 'DELETE' or new.left_at is not null or (new.conversation_id, new.customer_id, new.account_id)
        is distinct from (old.conversation_id, old.customer_id, old.account_id))
  ) then
    raise exception 'conversation % is direct: both sides stay', old.conversation_id
      using errcode = 'PPC01', constraint = 'direct_keeps_both', table = 'conversation_participants',
        hint = 'Close the conversation instead.';
  end if;
  return coalesce(new, old);
end
$$;
create or replace trigger "200_keep_direct" before delete or update of left_at, conversation_id, customer_id, account_id
  on pigeonpost.conversation_participants
  for each row execute function pigeonpost_private.tg_conversation_participants__keep_direct();
--! EndIncluded 055_participants.sql
--! Included 060_threads.sql
-- Threads: the sittings of a conversation, at most one of them active (threads_one_active).
-- The current one is named by conversations.thread_id before its row exists; the first stored message makes the row.
-- Archiving rotates the pointer, which needs the lock that inserts of messages exclude: no message can fall between.

create or replace function pigeonpost_private.tg_threads__normalise() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.status is null or new.status not in ('active', 'archived') then
    raise exception 'status "%" is not known', new.status using errcode = 'PPV01', constraint = 'threads_status_known',
      table = 'threads', column = 'status', hint = 'Use archived; a thread is active from the start.';
  end if;
  if old.status = 'archived' and new.status = 'active' then
    raise exception 'an archived thread stays archived'
      using errcode = 'PPC01', constraint = 'threads_stay_archived', table = 'threads', column = 'status',
        hint = 'The next message opens a new thread by itself.';
  end if;
  if new.status = 'archived' and old.status = 'active' then
    new.archived_at := coalesce(new.archived_at, now());
    -- Waits for the inserts that have read the pointer, before this row changes: one of them may be about to make it, to
    -- find that another has, and would then wait for us.
    perform from pigeonpost.conversations c
    where c.tenant_id = new.tenant_id and c.id = new.conversation_id and c.thread_id = new.id
    for update;
  end if;
  return new;
end
$$;
create or replace trigger "100_normalise" before update of status on pigeonpost.threads
  for each row execute function pigeonpost_private.tg_threads__normalise();

create or replace function pigeonpost_private.tg_threads__rotate() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pigeonpost.conversations c set thread_id = pigeonpost.uuid_v7()
  where c.tenant_id = new.tenant_id and c.id = new.conversation_id and c.thread_id = new.id;
  return null;
end
$$;
create or replace trigger "600_rotate" after update of status on pigeonpost.threads
  for each row when (new.status = 'archived' and old.status = 'active')
  execute function pigeonpost_private.tg_threads__rotate();

-- The row of the sitting that the pointer names, made by the first stored message; reopens a closed conversation.
create or replace function pigeonpost_private.open_thread(
  p_tenant_id integer, p_thread_id uuid, p_conversation_id uuid, p_customer_id uuid, p_channel text
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into pigeonpost.threads (tenant_id, id, conversation_id, customer_id, channel)
  values (p_tenant_id, p_thread_id, p_conversation_id, p_customer_id, p_channel)
  -- Without a target: two that open it at once meet at three keys, and whichever is looked at is no error.
  on conflict do nothing;
  update pigeonpost.conversations c set status = 'open'
  where c.tenant_id = p_tenant_id and c.id = p_conversation_id and c.status = 'closed';
end
$$;

create or replace function pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update pigeonpost.threads t set status = 'archived'
  where t.tenant_id = p_tenant_id and t.id = p_thread_id and t.status = 'active';
  return found;
end
$$;
comment on function pigeonpost.archive_thread(integer, uuid) is
  'Ends a sitting; the next stored message of its conversation opens a new thread. False when there was no active one.';
--! EndIncluded 060_threads.sql
--! Included 070_events.sql
-- Events: a log first, a bell second.
-- Every change appends a row in the transaction that makes it, so the log is complete whoever wrote; NOTIFY only says
-- that there is something to read, carries no body and no address, and can neither fail an insert nor be relied on.

-- Whether the trigger should ring. Not when told off (two-phase commit refuses NOTIFY), not while a relay holds the
-- bell's key (it rings in batches after commit), and not into a queue that is past half full, since a full one would
-- fail our commit. Inlined into the triggers' `if`: as a `perform` it costs twenty times as much.
create or replace function pigeonpost_private.may_ring() returns boolean
language sql volatile
as $$
  select case
    when pg_catalog.current_setting('pigeonpost.notify', true) = 'off' then false
    when not pg_catalog.pg_try_advisory_xact_lock_shared(1886416755, 0) then false
    else pg_catalog.pg_notification_queue_usage() < 0.5
  end
$$;

create or replace function pigeonpost_private.bell(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer) returns text
language sql immutable
as $$
  select '{"event_id":"' || p_event_id || '","id":' || p_id || ',"type":"' || p_type || '","tenant_id":' || p_tenant_id || '}'
$$;
comment on function pigeonpost_private.bell(uuid, bigint, text, integer) is
  'What NOTIFY on channel pigeonpost_events says, the same whether a trigger or the relay rings.';

-- The one appender of the triggers that do not run on every message; messages have theirs inlined.
create or replace function pigeonpost_private.append_event(
  p_tenant_id integer, p_type text, p_conversation_id uuid default null, p_thread_id uuid default null,
  p_customer_id uuid default null, p_account_id uuid default null, p_message_id uuid default null, p_payload jsonb default null
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event pigeonpost.events;
begin
  insert into pigeonpost.events (tenant_id, type, conversation_id, thread_id, customer_id, account_id, message_id, payload)
  values (p_tenant_id, p_type, p_conversation_id, p_thread_id, p_customer_id, p_account_id, p_message_id, p_payload)
  returning * into v_event;
  if pigeonpost_private.may_ring() then
    perform pg_notify('pigeonpost_events', pigeonpost_private.bell(v_event.event_id, v_event.id, v_event.type, v_event.tenant_id));
  end if;
end
$$;

create or replace function pigeonpost_private.tg_customers__emit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pigeonpost_private.append_event(new.tenant_id, 'customer.created', p_customer_id => new.id);
  return null;
end
$$;
create or replace trigger "900_emit" after insert on pigeonpost.customers
  for each row execute function pigeonpost_private.tg_customers__emit();

create or replace function pigeonpost_private.tg_conversations__emit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform pigeonpost_private.append_event(new.tenant_id, 'conversation.opened', new.id,
      p_customer_id => new.customer_id, p_account_id => new.account_id);
  elsif new.status = 'closed' then
    perform pigeonpost_private.append_event(new.tenant_id, 'conversation.closed', new.id, old.thread_id, new.customer_id, new.account_id);
  elsif old.status = 'closed' then
    perform pigeonpost_private.append_event(new.tenant_id, 'conversation.opened', new.id, new.thread_id, new.customer_id,
      new.account_id, p_payload => '{"reopened": true}');
  end if;
  return null;
end
$$;
create or replace trigger "900_emit" after insert on pigeonpost.conversations
  for each row execute function pigeonpost_private.tg_conversations__emit();
create or replace trigger "900_emit_status" after update of status on pigeonpost.conversations
  for each row when (new.status is distinct from old.status)
  execute function pigeonpost_private.tg_conversations__emit();

-- Those who are there when a conversation is made stand in conversation.opened; only later ones are news.
create or replace function pigeonpost_private.tg_conversation_participants__emit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    if old.left_at is null and exists (
      select from pigeonpost.conversations c where c.tenant_id = old.tenant_id and c.id = old.conversation_id
    ) then
      perform pigeonpost_private.append_event(old.tenant_id, 'conversation.participant.removed', old.conversation_id,
        p_customer_id => old.customer_id, p_account_id => old.account_id, p_payload => jsonb_build_object('role', old.role));
    end if;
  elsif new.left_at is not null and tg_op = 'UPDATE' and old.left_at is null then
    perform pigeonpost_private.append_event(new.tenant_id, 'conversation.participant.removed', new.conversation_id,
      p_customer_id => new.customer_id, p_account_id => new.account_id, p_payload => jsonb_build_object('role', new.role));
  elsif new.left_at is null and (tg_op = 'INSERT' or old.left_at is not null) then
    if not exists (
      select from pigeonpost.conversations c
      where c.tenant_id = new.tenant_id and c.id = new.conversation_id and c.created_at = now()
    ) then
      perform pigeonpost_private.append_event(new.tenant_id, 'conversation.participant.added', new.conversation_id,
        p_customer_id => new.customer_id, p_account_id => new.account_id, p_payload => jsonb_build_object('role', new.role));
    end if;
  end if;
  return null;
end
$$;
create or replace trigger "900_emit" after insert or update of left_at or delete on pigeonpost.conversation_participants
  for each row execute function pigeonpost_private.tg_conversation_participants__emit();

create or replace function pigeonpost_private.tg_threads__emit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pigeonpost_private.append_event(new.tenant_id,
    case when tg_op = 'INSERT' then 'thread.opened' else 'thread.archived' end,
    new.conversation_id, new.id, new.customer_id);
  return null;
end
$$;
create or replace trigger "900_emit" after insert on pigeonpost.threads
  for each row execute function pigeonpost_private.tg_threads__emit();
create or replace trigger "900_emit_archived" after update of status on pigeonpost.threads
  for each row when (new.status = 'archived' and old.status = 'active')
  execute function pigeonpost_private.tg_threads__emit();

create or replace function pigeonpost_private.tg_accounts__emit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pigeonpost_private.append_event(new.tenant_id, 'account.' || new.status, p_account_id => new.id,
    p_payload => nullif(jsonb_strip_nulls(jsonb_build_object('reason', new.status_reason)), '{}'));
  return null;
end
$$;
create or replace trigger "900_emit" after update of status on pigeonpost.accounts
  for each row when (new.status is distinct from old.status)
  execute function pigeonpost_private.tg_accounts__emit();

-- How far the log can be read without a gap. Ids are drawn before commit, so a reader that trusts the highest id it
-- sees loses what commits later. H: the sequence. S: who may still be below it, that is who holds a writer's lock on
-- the log after H was read. When all of S are gone, everything up to H is committed or never will be.
--
-- A round (H, S) that is not over is stored for the calls to come. Who stores one holds its row until the transaction
-- ends, so it takes any row that is free: a consumer that works for long keeps nobody from settling.
create or replace function pigeonpost.settle_events() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settled bigint;
  v_rounds pigeonpost_private.log_rounds[];
  v_last bigint;
  v_writers text[];
  v_slot smallint;
begin
  select greatest((select s.settled_id from pigeonpost_private.log_state s), max(r.settled_id)),
    array_agg(r) filter (where r.round_id is not null)
  into v_settled, v_rounds from pigeonpost_private.log_rounds r;
  -- A snapshot that is older than the locks would miss what they say is settled, and a standby does not know who
  -- writes: take what was settled in its time.
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') or pg_is_in_recovery() then
    return v_settled;
  end if;
  select case when is_called then last_value else 0 end into v_last from pigeonpost.events_id_seq;
  if v_last <= v_settled then
    return v_settled;
  end if;
  select coalesce(array_agg(distinct l.virtualtransaction), '{}') into v_writers from pg_locks l
  where l.locktype = 'relation' and l.relation = 'pigeonpost.events'::regclass and l.mode = 'RowExclusiveLock'
    and l.database = (select d.oid from pg_database d where d.datname = current_database());
  if v_writers = '{}' then
    v_settled := v_last;
  else
    -- After a crash a prepared transaction stands under another name, -1/xid: while there is one, no round of before ends.
    select greatest(v_settled, max(r.round_id)) into v_settled from unnest(v_rounds) r
    where not r.waits_for && v_writers
      and not exists (select from unnest(v_writers) w where w like '-1/%');
  end if;
  if current_setting('transaction_read_only') = 'on' then
    return v_settled;
  end if;
  if v_writers <> '{}' and not exists (select from unnest(v_rounds) r where r.round_id > v_settled) then
    select r.slot into v_slot from pigeonpost_private.log_rounds r
    where coalesce(r.round_id, 0) <= v_settled order by r.slot limit 1 for update skip locked;
    update pigeonpost_private.log_rounds r set settled_id = v_settled, round_id = v_last, waits_for = v_writers
    where r.slot = v_slot;
  end if;
  perform from pigeonpost_private.log_state s where s.settled_id < v_settled for update skip locked;
  if found then
    update pigeonpost_private.log_state s set settled_id = v_settled where s.settled_id < v_settled;
  end if;
  return v_settled;
end
$$;
comment on function pigeonpost.settle_events() is
  'Moves and returns the id up to which the log has no gaps to come. Cheap; the relay calls it, and read_events does.';

create or replace function pigeonpost.log_floor() returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$ select s.floor_id from pigeonpost_private.log_state s $$;
comment on function pigeonpost.log_floor() is
  'The id up to which the log is no longer kept. A cursor below it gets an error (PPS01), never a gap.';

create or replace function pigeonpost_private.iso_8601(p_time timestamptz) returns text
language sql immutable strict parallel safe
set datestyle = 'ISO'
as $$ select pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- An event in the shape of the documents. The body is joined here and nowhere stored: the version that the event
-- speaks of, from the message or from its history, and none once it is revoked.
create or replace function pigeonpost.event_payload(p_event pigeonpost.events) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_message record;
  v_conversation record;
  v_version integer;
  v_body text;
  v_result jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event_id', p_event.event_id, 'message_id', p_event.message_id, 'conversation_id', p_event.conversation_id,
    'thread_id', p_event.thread_id, 'customer_id', p_event.customer_id, 'account_id', p_event.account_id))
    || coalesce(p_event.payload, '{}')
    || jsonb_build_object('timestamp', to_char(p_event.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
begin
  if p_event.type like 'message.%' then
    select m.direction, m.channel, m.content_type, m.external_message_id, m.body, m.body_version, m.revoked_at, m.status
    into v_message
    from pigeonpost.messages m where m.tenant_id = p_event.tenant_id and m.id = p_event.message_id;
    if not found then
      return v_result || '{"body": null, "redacted": "erased"}';
    end if;
    v_result := v_result || jsonb_build_object('direction', v_message.direction, 'channel', v_message.channel,
      'content_type', v_message.content_type, 'external_message_id', v_message.external_message_id);
    if p_event.type in ('message.status', 'message.reclassified') then
      return v_result;
    end if;
    if v_message.revoked_at is not null then
      return v_result || '{"body": null, "redacted": "revoked"}';
    end if;
    v_version := coalesce((p_event.payload ->> 'version')::integer, 1);
    if v_version = v_message.body_version then
      v_body := v_message.body;
    else
      -- Its own row, and for the first version, which has none, the one after it: the rows of two copies that a merge
      -- joined follow one another, and there what came before is not the version before.
      select case h.body_version when v_version then h.body else h.previous_body end into v_body
      from pigeonpost.message_history h
      where h.tenant_id = p_event.tenant_id and h.message_id = p_event.message_id
        and h.body_version in (v_version, v_version + 1)
      order by h.body_version limit 1;
      if not found then
        return v_result || '{"body": null, "redacted": "erased"}';
      end if;
    end if;
    return v_result || jsonb_build_object('body', v_body);
  elsif p_event.type in ('conversation.opened', 'conversation.closed') then
    select c.type, c.status, c.channel, c.group_name into v_conversation
    from pigeonpost.conversations c where c.tenant_id = p_event.tenant_id and c.id = p_event.conversation_id;
    return v_result || jsonb_build_object('type', v_conversation.type, 'channel', v_conversation.channel, 'participants', (
      select coalesce(jsonb_agg(p.customer_id order by p.joined_at, p.id), '[]') from pigeonpost.conversation_participants p
      where p.tenant_id = p_event.tenant_id and p.conversation_id = p_event.conversation_id and p.customer_id is not null
        and p.joined_at <= p_event.created_at and (p.left_at is null or p.left_at > p_event.created_at)));
  end if;
  return v_result;
end
$$;
comment on function pigeonpost.event_payload(pigeonpost.events) is
  'The event as documents 000 and 001 show it: ids, timestamp (ISO 8601, UTC), and for messages direction and body. A body that is no more is null with "redacted".';

create or replace function pigeonpost.read_events(p_after bigint default null, p_limit integer default 500, p_tenant_id integer default null)
returns table (id bigint, event_id uuid, tenant_id integer, type text, payload jsonb, created_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settled bigint := pigeonpost.settle_events();
  v_floor bigint;
begin
  if p_tenant_id is not null then
    return query
      select e.id, e.event_id, e.tenant_id, e.type, pigeonpost.event_payload(e), e.created_at
      from pigeonpost.events e
      where e.tenant_id = p_tenant_id and e.id > coalesce(p_after, 0) and e.id <= v_settled
      order by e.id limit p_limit;
  else
    return query
      select e.id, e.event_id, e.tenant_id, e.type, pigeonpost.event_payload(e), e.created_at
      from pigeonpost.events e
      where e.id > coalesce(p_after, 0) and e.id <= v_settled
      order by e.id limit p_limit;
  end if;
  -- Looked at last: a partition may have gone while this was reading.
  v_floor := pigeonpost.log_floor();
  if p_after < v_floor then
    raise exception 'events up to % are no longer kept, and the cursor is at %', v_floor, p_after
      using errcode = 'PPS01', constraint = 'cursor_above_floor', table = 'events', column = 'p_after',
        hint = format('Read on from %s, or give null for the oldest that is kept; what lay between is gone.', v_floor);
  end if;
end
$$;
comment on function pigeonpost.read_events(bigint, integer, integer) is
  'Events after a cursor (an id; null for the oldest that is kept), oldest first, of the tenants that the role may see; never with a gap to come. Keep the last id as the next cursor.';

create or replace function pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer default 500)
returns table (id bigint, event_id uuid, tenant_id integer, type text, payload jsonb, created_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_cursor bigint;
  v_last bigint;
  v_settled bigint;
  v_floor bigint;
  v_count integer := 0;
begin
  insert into pigeonpost.event_consumers (tenant_id, name, cursor) values (p_tenant_id, p_consumer, pigeonpost.log_floor())
  on conflict on constraint event_consumers_pkey do nothing;
  select c.cursor into v_cursor from pigeonpost.event_consumers c
  where c.tenant_id = p_tenant_id and c.name = p_consumer for update;
  v_settled := pigeonpost.settle_events();
  v_last := v_cursor;
  for id, event_id, tenant_id, type, payload, created_at in
    select e.id, e.event_id, e.tenant_id, e.type, pigeonpost.event_payload(e), e.created_at
    from pigeonpost.events e
    where e.tenant_id = p_tenant_id and e.id > v_cursor and e.id <= v_settled
    order by e.id limit p_limit
  loop
    v_last := id;
    v_count := v_count + 1;
    return next;
  end loop;
  -- Looked at last: a partition may have gone while this was reading.
  v_floor := pigeonpost.log_floor();
  if v_cursor < v_floor then
    raise exception 'events up to % are no longer kept, and consumer "%" is at %', v_floor, p_consumer, v_cursor
      using errcode = 'PPS01', constraint = 'cursor_above_floor', table = 'event_consumers', column = 'cursor',
        hint = format('What lay between is gone. To go on: update pigeonpost.event_consumers set cursor = %s where tenant_id = %s and name = %L;',
          v_floor, p_tenant_id, p_consumer);
  end if;
  -- All that is settled was looked at, so a tenant in which nothing happens holds no partition back.
  if p_limit is null or v_count < p_limit then
    v_last := greatest(v_last, v_settled);
  end if;
  -- A sign of life, too: who is silent past a limit is waited for no longer (160_retention.sql).
  update pigeonpost.event_consumers c set cursor = v_last, updated_at = now()
  where c.tenant_id = p_tenant_id and c.name = p_consumer
    and (c.cursor <> v_last or c.updated_at < now() - interval '1 minute');
end
$$;
comment on function pigeonpost.consume_events(text, integer, integer) is
  'The next events for a named consumer, whose cursor moves in the caller''s transaction: what it does in the database in that transaction happens exactly once. Two calls at once wait for each other. A new name starts with the oldest event that is kept.';
--! EndIncluded 070_events.sql
--! Included 080_messages.sql
-- Messages: one insert does everything. It finds or makes customer, conversation, participants and thread, refuses a
-- duplicate, and appends the event, for any client that can insert a row.
--
-- The insert updates no row that another insert may update (counters are folded from the log): two batches over the
-- same conversations then have nothing to deadlock on.

-- How the triggers are cut: plpgsql prepares each expression anew in each transaction, so for single-row inserts the
-- number of expressions on the usual path is what costs. That path is one test, one query and one assignment or two;
-- everything else stands in functions behind it.

-- Everything about one row that needs no other row. What it accepts unchanged is what `is_plain` says.
create or replace function pigeonpost_private.normalise_message(p_message pigeonpost.messages) returns pigeonpost.messages
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  new pigeonpost.messages := p_message;
  v_field text;
begin
  if new.direction is null or new.direction not in ('inbound', 'outbound', 'system') then
    raise exception 'direction "%" is not known', new.direction using errcode = 'PPV01', constraint = 'messages_direction_known',
      table = 'messages', column = 'direction', hint = 'Use inbound, outbound or system.';
  end if;
  if new.content_type is null or new.content_type not in ('text', 'image', 'audio', 'video', 'file', 'location', 'structured') then
    raise exception 'content_type "%" is not known', new.content_type using errcode = 'PPV01', constraint = 'messages_content_type_known',
      table = 'messages', column = 'content_type', hint = 'Use text, image, audio, video, file, location or structured.';
  end if;
  if jsonb_typeof(new.metadata) is distinct from 'object' then
    raise exception 'metadata is not a JSON object' using errcode = 'PPV01', constraint = 'messages_metadata_is_an_object',
      table = 'messages', column = 'metadata', hint = 'Use {} when there is nothing to keep.';
  end if;
  if new.status is not null and new.status not in ('scheduled', 'queued', 'sending', 'sent', 'delivered', 'read', 'retrying', 'failed',
      'canceled', 'unknown') then
    raise exception 'status "%" is not known', new.status using errcode = 'PPV01', constraint = 'messages_status_known',
      table = 'messages', column = 'status',
      hint = 'Leave it out, or use scheduled, queued, sending, sent, delivered, read, retrying, failed, canceled or unknown.';
  end if;
  new.created_at := coalesce(new.created_at, now());
  if not isfinite(coalesce(new.sent_at, new.created_at)) then
    raise exception 'sent_at is no moment' using errcode = 'PPV01', constraint = 'messages_sent_at_is_finite',
      table = 'messages', column = 'sent_at', hint = 'Give the time at which it was sent, or leave it out.';
  end if;
  if greatest(octet_length(new.external_message_id), octet_length(new.address), octet_length(new.alternate_address),
      octet_length(new.conversation_external_id), octet_length(new.idempotency_key), octet_length(new.campaign_id),
      octet_length(new.channel)) > 1024 then
    select f.name into v_field
    from (values ('external_message_id', new.external_message_id), ('address', new.address), ('alternate_address', new.alternate_address),
      ('conversation_external_id', new.conversation_external_id), ('idempotency_key', new.idempotency_key),
      ('campaign_id', new.campaign_id), ('channel', new.channel)) f (name, value)
    where octet_length(f.value) > 1024 limit 1;
    raise exception '% is too long', v_field using errcode = 'PPV01', constraint = 'messages_' || v_field || '_at_most_1024_bytes',
      table = 'messages', column = v_field, hint = 'At most 1024 bytes: it is looked up by an index.';
  end if;
  new.channel := lower(btrim(new.channel));
  if coalesce(new.channel, '') = '' then
    raise exception 'channel is empty' using errcode = 'PPV01', constraint = 'messages_channel_not_empty',
      table = 'messages', column = 'channel', hint = 'Use whatsapp, sms, email, telegram, discord or another name.';
  end if;
  new.external_message_id := nullif(new.external_message_id, '');
  new.conversation_external_id := nullif(new.conversation_external_id, '');
  if new.conversation_external_id is not null and new.channel in ('whatsapp', 'sms', 'fakechat')
     and pigeonpost.normalize_address(new.channel, new.conversation_external_id) ~ '^(\+[1-9][0-9]{6,14}|[^@]+@lid)$' then
    -- A chat that is named by a person is a direct one (a WhatsApp client gives the same field for both), not a group.
    if new.address is null then
      new.address := new.conversation_external_id;
    elsif new.alternate_address is null then
      new.alternate_address := new.conversation_external_id;
    end if;
    new.conversation_external_id := null;
  end if;
  if new.address is null and new.alternate_address is not null then
    new.address := new.alternate_address;
    new.alternate_address := null;
  end if;
  if new.address is not null then
    new.address := pigeonpost.normalize_address(new.channel, new.address);
    if new.address is null then
      raise exception 'address is empty' using errcode = 'PPV01', constraint = 'messages_address_not_empty',
        table = 'messages', column = 'address', hint = 'Give the counterpart''s phone number, mail address or user id.';
    end if;
    if new.address like '+%' and new.channel in ('whatsapp', 'sms', 'fakechat') and new.address !~ '^\+[1-9][0-9]{6,14}$' then
      raise exception 'address "%" cannot be a phone number', new.address using errcode = 'PPV01', constraint = 'messages_address_is_possible',
        table = 'messages', column = 'address', hint = 'Phone number must be in E.164 format: + and 7 to 15 digits.';
    end if;
  end if;
  new.alternate_address := nullif(pigeonpost.normalize_address(new.channel, new.alternate_address), new.address);
  if new.alternate_address like '+%' and new.channel in ('whatsapp', 'sms', 'fakechat')
     and new.alternate_address !~ '^\+[1-9][0-9]{6,14}$' then
    raise exception 'alternate_address "%" cannot be a phone number', new.alternate_address using errcode = 'PPV01',
      constraint = 'messages_alternate_address_is_possible', table = 'messages', column = 'alternate_address',
      hint = 'Phone number must be in E.164 format: + and 7 to 15 digits.';
  end if;
  if new.body ~ E'[\\x01-\\x08\\x0b-\\x1f]' then
    if new.direction <> 'inbound' and replace(new.body, E'\r\n', E'\n') ~ E'[\\x01-\\x08\\x0b-\\x1f]' then
      raise exception 'body holds control characters' using errcode = 'PPV01', constraint = 'messages_body_has_no_control_characters',
        table = 'messages', column = 'body', hint = 'Send text: of the control characters only tab and newline are allowed.';
    end if;
    new.body := pigeonpost.sanitize_body(new.body);
  end if;
  if octet_length(new.body) > 1048576 then
    raise exception 'body is % bytes long', octet_length(new.body) using errcode = 'PPV01', constraint = 'messages_body_at_most_1_mib',
      table = 'messages', column = 'body', hint = 'At most 1048576 bytes; send longer content as a file.';
  end if;
  if new.direction = 'inbound' and new.external_message_id is null then
    raise exception 'an inbound message has an external_message_id' using errcode = 'PPV01', constraint = 'messages_inbound_has_external_id',
      table = 'messages', column = 'external_message_id', hint = 'Give the channel''s own id of the message: it is what refuses a second copy.';
  end if;
  new.body_version := 1;
  new.attempts := 0;
  new.leased_until := null;
  new.accepted_on := null;
  if new.direction = 'outbound' then
    if new.external_message_id is not null then
      if new.status is null or new.status not in ('sent', 'delivered', 'read', 'failed') then
        new.status := 'sent';
      end if;
      new.sent_at := coalesce(new.sent_at, new.created_at);
    elsif new.status is null or new.status not in ('sent', 'delivered', 'read', 'failed', 'canceled') then
      if new.scheduled_for > now() then
        new.status := 'scheduled';
        new.next_attempt_at := new.scheduled_for;
      else
        new.status := 'queued';
      end if;
    end if;
  else
    new.status := case when new.direction = 'inbound' and new.status = 'read' then 'read' else 'delivered' end;
    new.sent_at := coalesce(new.sent_at, new.created_at);
    new.delivered_at := coalesce(new.delivered_at, new.created_at);
  end if;
  new.occurred_at := coalesce(new.sent_at, new.created_at);
  return new;
end
$$;

-- Finds or makes account, customer, conversation and participants for a message that the usual path did not settle.
create or replace function pigeonpost_private.resolve_message(p_message pigeonpost.messages) returns pigeonpost.messages
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  new pigeonpost.messages := p_message;
  v_conversation pigeonpost.conversations;
  v_account_status text;
  v_account_channel text;
begin
  if new.alternate_address is not null and new.address is not null then
    perform pigeonpost_private.link_addresses(new.tenant_id, new.channel, new.address, new.alternate_address);
  end if;
  if new.conversation_id is not null then
    v_conversation := pigeonpost_private.find_conversation(new.tenant_id, new.conversation_id);
    if v_conversation.id is null then
      raise exception 'conversation % does not exist in tenant %', new.conversation_id, new.tenant_id
        using errcode = 'PPN01', constraint = 'messages_conversation_exists', table = 'messages', column = 'conversation_id',
          hint = 'Give the id of a conversation of this tenant, or the counterpart''s address.';
    end if;
    if new.account_id is not null and new.account_id <> v_conversation.account_id then
      raise exception 'conversation % belongs to another account', new.conversation_id
        using errcode = 'PPV01', constraint = 'messages_account_is_the_conversations', table = 'messages', column = 'account_id',
          hint = 'Leave account_id out, or give the conversation''s.';
    end if;
    new.account_id := v_conversation.account_id;
    new.channel := v_conversation.channel;
  elsif new.account_id is null and new.lead_id is not null then
    -- A writer who knows leads and no accounts (document 002): one active thread per lead and channel.
    new.customer_id := pigeonpost_private.living_customer(new.tenant_id,
      pigeonpost_private.find_or_open_lead(new.tenant_id, new.lead_id));
    select c.account_id into new.account_id from pigeonpost.conversations c
    where c.tenant_id = new.tenant_id and c.customer_id = new.customer_id and c.channel = new.channel
      and c.type = 'direct' and c.merged_into is null and c.external_id is null
    order by c.created_at desc, c.id desc limit 1;
    if new.account_id is null then
      new.account_id := pigeonpost_private.find_or_open_account(new.tenant_id, new.channel);
    end if;
  elsif new.account_id is null then
    new.account_id := pigeonpost_private.find_or_open_account(new.tenant_id, new.channel);
  else
    select a.channel into v_account_channel from pigeonpost.accounts a
    where a.tenant_id = new.tenant_id and a.id = new.account_id;
    if not found then
      raise exception 'account % does not exist in tenant %', new.account_id, new.tenant_id
        using errcode = 'PPA01', constraint = 'messages_account_exists', table = 'messages', column = 'account_id',
          hint = 'Give the id of an account of this tenant, or leave account_id out.';
    elsif v_account_channel <> new.channel then
      raise exception 'account % serves %, not %', new.account_id, v_account_channel, new.channel
        using errcode = 'PPA01', constraint = 'messages_account_serves_channel', table = 'messages', column = 'channel',
          hint = 'Give the account''s channel, or another account.';
    end if;
  end if;

  if v_conversation.id is null and new.conversation_external_id is not null and new.channel <> 'email' then
    v_conversation := pigeonpost_private.find_or_open_group(new.tenant_id, new.account_id, new.channel,
      new.conversation_external_id, new.metadata ->> 'group_name');
  elsif v_conversation.id is null then
    if new.customer_id is null and new.lead_id is not null then
      new.customer_id := pigeonpost_private.find_or_open_lead(new.tenant_id, new.lead_id);
    end if;
    if new.customer_id is null then
      if new.address is null then
        raise exception 'the message names no counterpart' using errcode = 'PPV01', constraint = 'messages_names_a_counterpart',
          table = 'messages', column = 'address', hint = 'Give address, customer_id, lead_id, conversation_id or conversation_external_id.';
      end if;
      new.customer_id := pigeonpost_private.find_or_open_customer(new.tenant_id, new.channel, new.address,
        new.metadata ->> 'sender_name');
    else
      new.customer_id := pigeonpost_private.living_customer(new.tenant_id, new.customer_id);
      if new.customer_id is null then
        raise exception 'customer % does not exist in tenant %', p_message.customer_id, new.tenant_id
          using errcode = 'PPN01', constraint = 'messages_customer_exists', table = 'messages', column = 'customer_id',
            hint = 'Give the id of a customer of this tenant, or an address.';
      end if;
      if new.address is null then
        select i.address into new.address from pigeonpost.customer_identities i
        where i.tenant_id = new.tenant_id and i.customer_id = new.customer_id and i.channel = new.channel
        order by i.created_at, i.address limit 1;
      else
        -- So that the next message, which may give the address alone, comes to the same customer.
        perform pigeonpost_private.learn_address(new.tenant_id, new.channel, new.address, new.customer_id);
      end if;
    end if;
    v_conversation := pigeonpost_private.find_or_open_direct(new.tenant_id, new.account_id, new.channel,
      new.customer_id, new.address, new.conversation_external_id);
  end if;

  new.conversation_id := v_conversation.id;
  new.thread_id := v_conversation.thread_id;
  new.account_id := v_conversation.account_id;
  new.channel := v_conversation.channel;
  if v_conversation.type = 'direct' then
    new.customer_id := v_conversation.customer_id;
    new.address := coalesce(new.address, v_conversation.address);
    new.sender_customer_id := case when new.direction = 'inbound' then v_conversation.customer_id end;
  else
    -- There a customer, lead or address says who wrote it.
    new.sender_customer_id := coalesce(new.sender_customer_id, new.customer_id);
    new.customer_id := null;
    if new.direction = 'inbound' then
      if new.sender_customer_id is null and new.lead_id is not null then
        new.sender_customer_id := pigeonpost_private.find_or_open_lead(new.tenant_id, new.lead_id);
      elsif new.sender_customer_id is null and new.address is not null then
        new.sender_customer_id := pigeonpost_private.find_or_open_customer(new.tenant_id, new.channel, new.address,
          new.metadata ->> 'sender_name');
      end if;
      if new.sender_customer_id is not null then
        new.sender_customer_id := pigeonpost_private.living_customer(new.tenant_id, new.sender_customer_id);
        if new.sender_customer_id is null then
          raise exception 'customer % does not exist in tenant %', coalesce(p_message.sender_customer_id, p_message.customer_id),
            new.tenant_id using errcode = 'PPN01', constraint = 'messages_sender_exists', table = 'messages',
              column = 'sender_customer_id', hint = 'Give the id of a customer of this tenant, or the sender''s address.';
        end if;
      end if;
    else
      new.sender_customer_id := null;
      new.address := coalesce(v_conversation.external_id, new.address);
    end if;
  end if;
  new.lead_id := null;

  if new.status in ('queued', 'scheduled') then
    select a.status into v_account_status from pigeonpost.accounts a
    where a.tenant_id = new.tenant_id and a.id = new.account_id;
    if v_account_status = 'disabled' then
      raise exception 'account % is disabled', new.account_id using errcode = 'PPA02', constraint = 'messages_account_is_enabled',
        table = 'messages', column = 'account_id', hint = 'Enable the account, or send from another.';
    end if;
  end if;
  return new;
end
$$;

create or replace function pigeonpost_private.tg_messages__resolve() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_given pigeonpost.messages := new;
begin
  -- The usual row needs nothing done to it: normalise_message() would return it as it is, but for status and times.
  if new.direction = 'inbound' and new.external_message_id <> ''
    and (new.address ~ '^\+[1-9][0-9]{6,14}$' or case new.channel
      when 'email' then new.address ~ '^[a-z0-9._+-]+@[a-z0-9.-]+$'
      else new.channel not in ('whatsapp', 'sms', 'fakechat') and new.address ~ '^\S(.*\S)?$' end)
    and new.content_type in ('text', 'image', 'audio', 'video', 'file', 'location', 'structured')
    and (new.body is null or octet_length(new.body) <= 1048576 and new.body !~ E'[\\x01-\\x08\\x0b-\\x1f]')
    and jsonb_typeof(new.metadata) = 'object' and new.created_at is not null and new.attempts = 0 and new.body_version = 1
    and octet_length(new.external_message_id) <= 1024 and coalesce(new.status, 'read') in ('delivered', 'read')
    and isfinite(coalesce(new.sent_at, new.created_at))
    and num_nonnulls(new.conversation_id, new.customer_id, new.conversation_external_id, new.sender_customer_id, new.lead_id,
      new.alternate_address, new.leased_until) = 0
  then
    -- Shared with all inserts whose ids hash alike; apply_update takes it exclusively when it is about to park. A
    -- statement of its own, before the query that looks for what was parked.
    if not pg_try_advisory_xact_lock_shared(1886416752, hashtext(new.tenant_id || new.external_message_id) & 63) then
      perform pg_advisory_xact_lock_shared(1886416752, hashtext(new.tenant_id || new.external_message_id) & 63);
    end if;
    -- One row answers: the direct conversation of this address with the account that is meant.
    select c.id, c.thread_id, c.customer_id, c.customer_id, c.account_id,
      case when new.status = 'read' then 'read' else 'delivered' end,
      coalesce(new.sent_at, new.created_at), coalesce(new.delivered_at, new.created_at), coalesce(new.sent_at, new.created_at)
    into new.conversation_id, new.thread_id, new.customer_id, new.sender_customer_id, new.account_id,
      new.status, new.sent_at, new.delivered_at, new.occurred_at
    from pigeonpost.conversations c
    where c.tenant_id = new.tenant_id and c.address = new.address and c.channel = new.channel
      and c.type = 'direct' and c.external_id is null and c.merged_into is null
      and c.account_id = coalesce(new.account_id, (
        select a.id from pigeonpost.accounts a where a.tenant_id = new.tenant_id and a.channel = new.channel
        order by a.is_default desc, a.created_at, a.id limit 1))
    for key share;
    if found then
      return new;
    end if;
  end if;
  new := pigeonpost_private.normalise_message(v_given);
  if new.external_message_id is not null then
    perform pg_advisory_xact_lock_shared(1886416752, hashtext(new.tenant_id || new.external_message_id) & 63);
  end if;
  return pigeonpost_private.resolve_message(new);
end
$$;
create or replace trigger "200_resolve" before insert on pigeonpost.messages
  for each row when (current_user <> 'pigeonpost_ingest') execute function pigeonpost_private.tg_messages__resolve();

-- Fires only for a row that was stored, so a redelivery opens no thread and reopens no conversation. Its name sorts
-- before the foreign keys' triggers, which look for the thread that it makes.
create or replace function pigeonpost_private.tg_messages__open() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event_id uuid;
  v_id bigint;
  v_is_quiet boolean;
begin
  -- A closed conversation has no thread row either: closing rotates the pointer.
  select exists (select from pigeonpost.threads t where t.tenant_id = new.tenant_id and t.id = new.thread_id)
    and not exists (select from pigeonpost.parked_updates p
      where p.tenant_id = new.tenant_id and p.external_message_id = new.external_message_id)
    and (new.customer_id is not null or new.sender_customer_id is null or exists (
      select from pigeonpost.conversation_participants p
      where p.tenant_id = new.tenant_id and p.conversation_id = new.conversation_id and p.customer_id = new.sender_customer_id
        and p.left_at is null))
  into v_is_quiet;
  if not v_is_quiet then
    -- Here and not before the insert: a second copy brings nobody back who has left.
    if new.customer_id is null and new.sender_customer_id is not null then
      perform pigeonpost_private.ensure_participant(new.tenant_id, new.conversation_id, new.sender_customer_id);
    end if;
    perform pigeonpost_private.open_thread(new.tenant_id, new.thread_id, new.conversation_id, new.customer_id, new.channel);
  end if;

  -- Only what the log's readers cannot know later: what it came as, where that is not the usual (145_counts.sql).
  insert into pigeonpost.events (tenant_id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload)
  values (new.tenant_id, 'message.' || new.direction || '.created', new.id, new.conversation_id, new.thread_id,
    coalesce(new.sender_customer_id, new.customer_id), new.account_id,
    pigeonpost_private.created_payload(new.direction, new.content_type, new.status))
  returning event_id, id into v_event_id, v_id;
  if pigeonpost_private.may_ring() then
    perform pg_notify('pigeonpost_events',
      pigeonpost_private.bell(v_event_id, v_id, 'message.' || new.direction || '.created', new.tenant_id));
  end if;

  if not v_is_quiet then
    perform pigeonpost.apply_parked_updates(new.tenant_id, new.id);
  end if;
  return null;
end
$$;
create or replace trigger "700_open" after insert on pigeonpost.messages
  for each row when (current_user <> 'pigeonpost_ingest') execute function pigeonpost_private.tg_messages__open();

-- An edit by anyone is a new version; the trigger behind it keeps the old one.
create or replace function pigeonpost_private.tg_messages__history() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from pigeonpost.message_history h
    where h.tenant_id = new.tenant_id and h.message_id = new.id and h.body_version = new.body_version
  ) then
    return null;
  end if;
  insert into pigeonpost.message_history (tenant_id, message_id, conversation_id, customer_id, direction, kind,
    body_version, body, previous_body, edited_by, metadata)
  values (new.tenant_id, new.id, new.conversation_id, coalesce(new.sender_customer_id, new.customer_id), new.direction,
    case when new.revoked_at is not null and old.revoked_at is null then 'revoke' else 'edit' end,
    new.body_version, new.body, old.body,
    -- Whom the API works for, it says; a setting from anyone else says nothing.
    case when pg_has_role(coalesce(nullif(current_setting('role'), 'none'), session_user), 'pigeonpost_app', 'usage')
      then coalesce(nullif(current_setting('pigeonpost.actor', true), ''), session_user) else session_user end, '{}');
  perform pigeonpost_private.append_event(new.tenant_id,
    case when new.revoked_at is not null and old.revoked_at is null then 'message.revoked' else 'message.edited' end,
    new.conversation_id, new.thread_id, coalesce(new.sender_customer_id, new.customer_id), new.account_id, new.id,
    jsonb_build_object('version', new.body_version));
  return null;
end
$$;
create or replace trigger "500_history" after update of body, revoked_at, body_version on pigeonpost.messages
  for each row when (new.body_version <> old.body_version)
  execute function pigeonpost_private.tg_messages__history();

create or replace function pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  update pigeonpost.messages m set is_processed = true
  where m.tenant_id = p_tenant_id and m.id = any (p_ids) and not m.is_processed;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function pigeonpost.mark_processed(integer, uuid[]) is 'Sets is_processed; returns how many were not yet.';
--! EndIncluded 080_messages.sql
--! Included 090_statuses.sql
-- Statuses: they only move forward, whoever moves them, and every move is kept.
-- A late `delivered` after `read` is a silent no-op here, so no receiver needs to know what came before.

create or replace function pigeonpost.status_may_change(p_direction text, p_from text, p_to text) returns boolean
language sql immutable parallel safe
as $$
  select case p_direction
    when 'outbound' then case p_from
      when 'scheduled' then p_to in ('queued', 'sending', 'retrying', 'sent', 'delivered', 'read', 'failed', 'canceled')
      when 'queued' then p_to in ('scheduled', 'sending', 'retrying', 'sent', 'delivered', 'read', 'failed', 'canceled')
      when 'retrying' then p_to in ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'canceled', 'unknown')
      when 'sending' then p_to in ('queued', 'retrying', 'sent', 'delivered', 'read', 'failed', 'unknown')
      when 'sent' then p_to in ('delivered', 'read', 'failed')
      when 'delivered' then p_to = 'read'
      when 'failed' then p_to in ('queued', 'sent', 'delivered', 'read')
      when 'unknown' then p_to in ('queued', 'sent', 'delivered', 'read', 'failed')
      else false
    end
    when 'inbound' then p_from = 'delivered' and p_to = 'read'
    else false
  end
$$;
comment on function pigeonpost.status_may_change(text, text, text) is
  'The only table of transitions. From failed and unknown: to queued by retry or resolve, to sent, delivered and read by a receipt that proves it.';

create or replace function pigeonpost_private.tg_messages__advance() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.content_type <> old.content_type
     and new.content_type not in ('text', 'image', 'audio', 'video', 'file', 'location', 'structured') then
    raise exception 'content_type "%" is not known', new.content_type using errcode = 'PPV01', constraint = 'messages_content_type_known',
      table = 'messages', column = 'content_type', hint = 'Use text, image, audio, video, file, location or structured.';
  end if;
  if jsonb_typeof(new.metadata) <> 'object' then
    raise exception 'metadata is not a JSON object' using errcode = 'PPV01', constraint = 'messages_metadata_is_an_object',
      table = 'messages', column = 'metadata', hint = 'Use {} when there is nothing to keep.';
  end if;
  if new.direction <> old.direction or new.conversation_id <> old.conversation_id and not pg_has_role('pigeonpost_owner', 'usage') then
    raise exception 'direction and conversation of a message never change' using errcode = 'PPC01',
      constraint = 'messages_sides_never_change', table = 'messages', hint = 'Insert another message instead.';
  end if;
  if new.status <> old.status then
    if new.status not in ('scheduled', 'queued', 'sending', 'sent', 'delivered', 'read', 'retrying', 'failed', 'canceled', 'unknown') then
      raise exception 'status "%" is not known', new.status using errcode = 'PPV01', constraint = 'messages_status_known',
        table = 'messages', column = 'status',
        hint = 'Use scheduled, queued, sending, sent, delivered, read, retrying, failed, canceled or unknown.';
    end if;
    if not pigeonpost.status_may_change(new.direction, old.status, new.status) then
      new.status := old.status;
      new.error_code := old.error_code;
      new.error_message := old.error_message;
    end if;
  end if;
  if new.status <> old.status then
    case new.status
      when 'sent' then new.sent_at := coalesce(new.sent_at, now());
      when 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
        new.sent_at := coalesce(new.sent_at, new.delivered_at);
      when 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := coalesce(new.delivered_at, new.read_at);
        new.sent_at := coalesce(new.sent_at, new.delivered_at);
      when 'failed' then new.failed_at := coalesce(new.failed_at, now());
      when 'queued' then
        new.next_attempt_at := null;
        if old.status = 'failed' then
          new.attempts := 0;
          new.failed_at := null;
        end if;
      else null;
    end case;
    if new.status in ('sent', 'delivered', 'read') then
      new.error_code := null;
      new.error_message := null;
      new.failed_at := null;
      new.next_attempt_at := null;
    end if;
    if new.status <> 'sending' then
      new.leased_until := null;
    end if;
  end if;
  if new.body_version < 0 and pg_has_role('pigeonpost_owner', 'usage') then
    -- A merge brings versions whose history it has moved here; 500_history sees that they are recorded.
    new.body_version := -new.body_version;
    new.body := case when new.revoked_at is null then new.body end;
  elsif new.revoked_at is not null or old.revoked_at is not null then
    -- What is revoked stays so.
    new.revoked_at := coalesce(new.revoked_at, old.revoked_at);
    new.body := null;
    new.body_version := old.body_version + (old.revoked_at is null)::integer;
  elsif new.body is distinct from old.body and pigeonpost.sanitize_body(new.body) is distinct from old.body then
    new.body_version := old.body_version + 1;
    if octet_length(new.body) > 1048576 then
      raise exception 'body is % bytes long', octet_length(new.body) using errcode = 'PPV01', constraint = 'messages_body_at_most_1_mib',
        table = 'messages', column = 'body', hint = 'At most 1048576 bytes; send longer content as a file.';
    end if;
    new.body := pigeonpost.sanitize_body(new.body);
  else
    new.body := old.body;
    new.body_version := old.body_version;
  end if;
  new.updated_at := now();
  return new;
end
$$;
create or replace trigger "100_advance" before update on pigeonpost.messages
  for each row execute function pigeonpost_private.tg_messages__advance();

create or replace function pigeonpost_private.tg_messages__record_status() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event_id uuid;
  v_id bigint;
begin
  insert into pigeonpost.message_statuses (tenant_id, message_id, status, previous_status, occurred_at, error_code, error_message)
  values (new.tenant_id, new.id, new.status, old.status,
    case new.status when 'sent' then new.sent_at when 'delivered' then new.delivered_at when 'read' then new.read_at
      when 'failed' then new.failed_at else now() end,
    new.error_code, new.error_message);
  insert into pigeonpost.events (tenant_id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload)
  values (new.tenant_id, 'message.status', new.id, new.conversation_id, new.thread_id, new.customer_id, new.account_id,
    case when new.error_code is null and new.content_type = 'text'
      then jsonb_build_object('direction', new.direction, 'status', new.status, 'previous_status', old.status)
      else jsonb_strip_nulls(jsonb_build_object('direction', new.direction, 'status', new.status, 'previous_status', old.status,
        'error_code', new.error_code, 'content_type', nullif(new.content_type, 'text'))) end)
  returning event_id, id into v_event_id, v_id;
  if pigeonpost_private.may_ring() then
    perform pg_notify('pigeonpost_events', pigeonpost_private.bell(v_event_id, v_id, 'message.status', new.tenant_id));
  end if;
  return null;
end
$$;
create or replace trigger "600_record_status" after update of status on pigeonpost.messages
  for each row when (new.status <> old.status)
  execute function pigeonpost_private.tg_messages__record_status();
--! EndIncluded 090_statuses.sql
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
  select m.id from pigeonpost.messages m
  join pigeonpost.conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
  where m.tenant_id = p_tenant_id and m.external_message_id = p_external_message_id and m.channel = p_channel
    and (p_account_id is null or m.account_id = p_account_id)
    and (p_conversation_external_id is null or pigeonpost.is_chat(c, p_conversation_external_id))
  order by m.created_at desc
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
--! Included 110_delivery.sql
-- Delivery: what the database itself does for it. An account that can send again is due at once, whoever said so and
-- with any client, because its messages were waiting and no event of theirs comes any more.

create or replace function pigeonpost_private.tg_accounts__wake() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
  values (new.tenant_id, new.id, now())
  on conflict on constraint account_wakeups_pkey do update set
    due_at = least(w.due_at, excluded.due_at),
    -- A pause, which nobody works under, ends; a turn that is at work keeps its lease.
    leased_until = case when w.lease_id is not null then w.leased_until end;
  return null;
end
$$;
create or replace trigger "800_wake" after update of status, provider on pigeonpost.accounts
  for each row when (new.status = 'connected' and new.provider is not null
    and (new.status is distinct from old.status or new.provider is distinct from old.provider))
  execute function pigeonpost_private.tg_accounts__wake();
--! EndIncluded 110_delivery.sql
--! Included 120_limits.sql
-- Limits: how many messages of an account may leave, by the minute, by the day and by the recipient.
-- The database keeps them because any number of workers and API servers send for the same account, and only it can
-- count for all of them: each limit is taken by one statement that tests and moves it at once. (A read followed by an
-- update let 616 through where 90 were allowed.)

-- The clock of delivery: limits, schedules, backoff and leases. Tests set it ahead; nothing that inserts asks it.
create or replace function pigeonpost_private.clock() returns timestamptz
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ahead interval;
begin
  select o.ahead into v_ahead from pigeonpost_private.clock_offset o;
  return case when found then clock_timestamp() + v_ahead else clock_timestamp() end;
end
$$;
comment on function pigeonpost_private.clock() is
  'What time it is for delivery: the server''s, or ahead of it by clock_offset, which only the owner''s tests set.';
comment on table pigeonpost_private.clock_offset is 'One row while a test has set the clock of delivery ahead, else none.';
comment on column pigeonpost_private.clock_offset.ahead is 'Added to clock_timestamp(); positive.';

-- Rate. A generic cell rate algorithm: tat is the moment at which all that was granted would have left at an even pace,
-- and may be ahead of now by what the burst allows.
create or replace function pigeonpost_private.take_rate(
  p_tenant_id integer, p_account_id uuid, p_wanted integer, out granted integer, out again_in_ms double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  -- Read before the row's lock is waited for, so that waiting grants nothing.
  v_now timestamptz := pigeonpost_private.clock();
  v_pace record;
  v_tat timestamptz;
begin
  select interval '1 minute' / a.rate_per_minute as step, a.burst into v_pace
  from pigeonpost.accounts a where a.tenant_id = p_tenant_id and a.id = p_account_id;
  if v_pace.step is null or p_wanted < 1 then
    granted := p_wanted;
    again_in_ms := 0;
    return;
  end if;
  loop
    update pigeonpost_private.account_limits l
    set granted = least(p_wanted, floor(extract(epoch from v_pace.step * v_pace.burst - (greatest(l.tat, v_now) - v_now))
          / extract(epoch from v_pace.step))::integer),
      tat = greatest(l.tat, v_now) + v_pace.step * least(p_wanted,
        floor(extract(epoch from v_pace.step * v_pace.burst - (greatest(l.tat, v_now) - v_now)) / extract(epoch from v_pace.step))::integer)
    where l.tenant_id = p_tenant_id and l.account_id = p_account_id
      and l.tat <= v_now + v_pace.step * (v_pace.burst - 1)
    returning l.granted, l.tat into granted, v_tat;
    exit when found;
    select 0, l.tat into granted, v_tat from pigeonpost_private.account_limits l
    where l.tenant_id = p_tenant_id and l.account_id = p_account_id;
    exit when found;
    insert into pigeonpost_private.account_limits (tenant_id, account_id, tat) values (p_tenant_id, p_account_id, v_now)
    on conflict on constraint account_limits_pkey do nothing;
  end loop;
  again_in_ms := case when granted < p_wanted
    then greatest(0, ceil(1000 * extract(epoch from v_tat - v_pace.step * (v_pace.burst - 1) - v_now))) else 0 end;
end
$$;
comment on function pigeonpost_private.take_rate(integer, uuid, integer) is
  'Grants up to so many sends of an account by its rate and burst, and tells in how many ms the next one is worth asking for. What is not sent goes back by give_back_rate().';

create or replace function pigeonpost_private.give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  update pigeonpost_private.account_limits l set tat = l.tat - interval '1 minute' / a.rate_per_minute * p_count
  from pigeonpost.accounts a
  where l.tenant_id = p_tenant_id and l.account_id = p_account_id and a.tenant_id = p_tenant_id and a.id = p_account_id
    and a.rate_per_minute is not null
$$;
comment on function pigeonpost_private.give_back_rate(integer, uuid, integer) is 'Takes back what take_rate() granted and nobody sent.';
comment on table pigeonpost_private.account_limits is 'How far each account has used its rate.';
comment on column pigeonpost_private.account_limits.tat is 'When all that was granted would have left at an even pace; ahead of now by what the burst allows.';
comment on column pigeonpost_private.account_limits.granted is 'What the last statement was granted.';

-- Where a day of the account begins. An hour that the clocks skip or repeat at midnight does not move it: the day begins
-- when the local date changes.
create or replace function pigeonpost_private.day_start(p_day date, p_time_zone text) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_start timestamptz := p_day::timestamp at time zone p_time_zone;
begin
  return case when ((v_start - interval '1 hour') at time zone p_time_zone)::date = p_day then v_start - interval '1 hour' else v_start end;
end
$$;
comment on function pigeonpost_private.day_start(date, text) is 'The first moment of a date in a time zone.';

-- The daily limit counts what was accepted for the account's local day: what the API took, on the day that it is for,
-- and what SQL inserted, when it first goes out. A try after a failure counts no more.
create or replace function pigeonpost_private.take_day(
  p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamptz,
  out granted integer, out day date, out next_day timestamptz
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account record;
begin
  select a.daily_limit, a.time_zone into v_account
  from pigeonpost.accounts a where a.tenant_id = p_tenant_id and a.id = p_account_id;
  if v_account.daily_limit is null then
    granted := p_wanted;
    return;
  end if;
  day := (p_at at time zone v_account.time_zone)::date;
  next_day := pigeonpost_private.day_start(day + 1, v_account.time_zone);
  if p_wanted < 1 then
    granted := 0;
    return;
  end if;
  loop
    update pigeonpost_private.account_days d
    set granted = least(p_wanted, v_account.daily_limit - d.accepted),
      accepted = d.accepted + least(p_wanted, v_account.daily_limit - d.accepted)
    where d.tenant_id = p_tenant_id and d.account_id = p_account_id and d.day = take_day.day
      and d.accepted < v_account.daily_limit
    returning d.granted into granted;
    exit when found;
    granted := 0;
    exit when exists (select from pigeonpost_private.account_days d
      where d.tenant_id = p_tenant_id and d.account_id = p_account_id and d.day = take_day.day);
    -- What went out on this day while there was no limit counts too.
    insert into pigeonpost_private.account_days (tenant_id, account_id, day, accepted)
    select p_tenant_id, p_account_id, take_day.day, count(*) from pigeonpost.messages m
    where m.tenant_id = p_tenant_id and m.account_id = p_account_id and m.direction = 'outbound' and m.attempts > 0
      and m.accepted_on is null and m.sent_at >= pigeonpost_private.day_start(take_day.day, v_account.time_zone)
      and m.sent_at < next_day
    on conflict on constraint account_days_pkey do nothing;
    delete from pigeonpost_private.account_days d
    where d.tenant_id = p_tenant_id and d.account_id = p_account_id and d.day < take_day.day - 35;
  end loop;
end
$$;
comment on function pigeonpost_private.take_day(integer, uuid, integer, timestamptz) is
  'Counts up to so many messages for the account''s local day of that moment, and tells where the next one begins. An account without a limit is not counted, and day is null.';
comment on table pigeonpost_private.account_days is 'How many messages each account has accepted for each of its local days. Kept for 35 days.';
comment on column pigeonpost_private.account_days.granted is 'What the last statement was granted.';

-- The API's answer to a full day is an error, not a message that waits. Called in the transaction that inserts it.
create or replace function pigeonpost_private.accept_message(p_tenant_id integer, p_message_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_message record;
  v_day record;
  v_now timestamptz := pigeonpost_private.clock();
begin
  select m.account_id, m.scheduled_for, m.status into v_message from pigeonpost.messages m
  where m.tenant_id = p_tenant_id and m.id = p_message_id;
  if v_message.status is null or v_message.status not in ('queued', 'scheduled') then
    return;
  end if;
  select * into v_day from pigeonpost_private.take_day(p_tenant_id, v_message.account_id, 1, greatest(v_message.scheduled_for, v_now));
  if v_day.granted = 0 then
    raise exception 'Daily message limit reached' using errcode = 'PPA02', constraint = 'daily_limit_reached', table = 'messages',
      column = 'account_id', hint = format('The account''s next day begins at %s.', pigeonpost_private.iso_8601(v_day.next_day));
  end if;
  update pigeonpost.messages m set accepted_on = v_day.day
  where m.tenant_id = p_tenant_id and m.id = p_message_id and v_day.day is not null;
end
$$;
comment on function pigeonpost_private.accept_message(integer, uuid) is
  'Counts a new message for the day that it is for, so that it does not have to wait for the daily limit. Raises daily_limit_reached where the day is full.';
comment on column pigeonpost.messages.accepted_on is
  'The account''s local day whose daily limit it counts for; null while it counts for none. Set by the API when it accepts and by the worker when it first sends.';

-- A limit that was raised lets today's messages go today.
create or replace function pigeonpost_private.tg_accounts__relimit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pigeonpost.messages m set next_attempt_at = null
  where m.tenant_id = new.tenant_id and m.account_id = new.id and m.status = 'scheduled' and m.error_code = 'daily_limit';
  update pigeonpost_private.account_wakeups w set due_at = least(w.due_at, now()),
    leased_until = case when w.lease_id is not null then w.leased_until end
  where w.tenant_id = new.tenant_id and w.account_id = new.id;
  return null;
end
$$;
create or replace trigger "700_relimit" after update of rate_per_minute, burst, daily_limit, time_zone, settings on pigeonpost.accounts
  for each row when (new.rate_per_minute is distinct from old.rate_per_minute or new.burst is distinct from old.burst
    or new.daily_limit is distinct from old.daily_limit or new.time_zone <> old.time_zone or new.settings <> old.settings)
  execute function pigeonpost_private.tg_accounts__relimit();

comment on table pigeonpost_private.recipient_limits is 'When each recipient may get the account''s next message, where the account has an interval per recipient.';
comment on column pigeonpost_private.recipient_limits.address is 'As in messages.address: the number, or the group.';

-- Not the contract's tables, so the loop of 020_tenancy.sql passes them over.
do $$
declare
  v_table text;
begin
  foreach v_table in array array['account_limits', 'account_days', 'recipient_limits'] loop
    execute format('alter table pigeonpost_private.%I enable row level security', v_table);
    execute format('drop policy if exists tenant_rows on pigeonpost_private.%I', v_table);
    execute format('create policy tenant_rows on pigeonpost_private.%I using (tenant_id = any ((select pigeonpost.my_tenants())::integer[]))', v_table);
  end loop;
end
$$;
--! EndIncluded 120_limits.sql
--! Included 125_routing.sql
-- Routing: by which provider a message goes. The first rule that matches, in the order of positions, and the account's
-- own provider where none does; after a failure that may pass, the next that matches. A provider that failed again and
-- again is left alone for a while, by all workers of the tenant, and then tried with one message.

comment on table pigeonpost.provider_routes is 'Which provider sends what: the first that matches, by position. A column that is null matches everything.';
comment on column pigeonpost.provider_routes.position is 'Order of the rules, unique in the tenant; delivery_attempts.reason names it.';
comment on column pigeonpost.provider_routes.country_prefix is 'How the recipient''s number begins, in E.164: +27.';
comment on column pigeonpost.provider_routes.provider is 'The name of an installed provider; one that is not installed, or does not serve the channel, is passed over.';
comment on column pigeonpost.messages.provider_reason is 'Why this provider had the last try: route <position>, account, failover from <provider>, or probe.';
comment on column pigeonpost.accounts.status_reason is 'Why it is not connected: the provider''s code and words. Null while it is.';

-- p_routes: in order, {ord, provider, reason, prefix, content_type, keyed, usable, fallback}. `keyed`: takes a second request
-- with the same attempt id once only. `fallback`: for what none of the others matches. A message that is in doubt at such a provider goes there again, and nowhere else.
create or replace function pigeonpost_private.choose_provider(
  p_routes jsonb, p_message pigeonpost.messages, out provider text, out reason text, out keyed boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_route record;
  v_first text;
  v_failed integer := -1;
  v_pinned boolean := p_message.attempt_id is not null and exists (
    select from jsonb_array_elements(p_routes) r where r ->> 'provider' = p_message.provider and (r ->> 'keyed')::boolean);
begin
  if p_message.attempts > 0 and not v_pinned then
    select coalesce(min((r ->> 'ord')::integer), -1) into v_failed from jsonb_array_elements(p_routes) r
    where r ->> 'provider' = p_message.provider
      and (r ->> 'prefix' is null or p_message.address like (r ->> 'prefix') || '%')
      and (r ->> 'content_type' is null or r ->> 'content_type' = p_message.content_type);
  end if;
  for v_route in
    select r.* from jsonb_to_recordset(p_routes) r (ord integer, provider text, reason text, prefix text, content_type text,
      keyed boolean, usable boolean, fallback boolean)
    where case when v_pinned then r.provider = p_message.provider
      else (r.prefix is null or p_message.address like r.prefix || '%')
        and (r.content_type is null or r.content_type = p_message.content_type)
        and (not r.fallback or not exists (
          select from jsonb_array_elements(p_routes) o where not (o ->> 'fallback')::boolean
            and (o ->> 'prefix' is null or p_message.address like (o ->> 'prefix') || '%')
            and (o ->> 'content_type' is null or o ->> 'content_type' = p_message.content_type))) end
    order by r.ord <= v_failed, r.ord
  loop
    if v_route.usable then
      provider := v_route.provider;
      keyed := v_route.keyed;
      reason := case
        when v_route.reason = 'probe' then 'probe'
        when v_failed >= 0 and p_message.provider <> v_route.provider then 'failover from ' || p_message.provider
        when v_first <> v_route.provider then 'failover from ' || v_first
        else v_route.reason end;
      return;
    end if;
    v_first := coalesce(v_first, v_route.provider);
  end loop;
end
$$;
comment on function pigeonpost_private.choose_provider(jsonb, pigeonpost.messages) is
  'The provider for the next try of a message, and why; null where none of the routes can be used now.';

-- Circuit breaker: closed without a row or with open_until null; open until open_until; then whoever takes the probe
-- sends one message, and its outcome closes it, or opens it again for twice as long.
create or replace function pigeonpost_private.note_provider(
  p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text
) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_threshold constant integer := 5;
  v_first_ms constant integer := 30000;
  v_most_ms constant integer := 300000;
  v_now timestamptz := pigeonpost_private.clock();
  v_open boolean;
begin
  if p_succeeded and p_failures = 0 then
    delete from pigeonpost_private.provider_breakers b where b.tenant_id = p_tenant_id and b.provider = p_provider;
    return false;
  end if;
  insert into pigeonpost_private.provider_breakers as b (tenant_id, provider, failures, pause_ms, open_until, last_error)
  values (p_tenant_id, p_provider, p_failures, case when p_failures >= v_threshold then v_first_ms else 0 end,
    case when p_failures >= v_threshold then v_now + v_first_ms * interval '1 ms' end, p_error)
  on conflict on constraint provider_breakers_pkey do update set
    failures = case when p_succeeded then p_failures else b.failures + p_failures end,
    -- What was under way when it opened says nothing new; the probe does.
    pause_ms = case
      when p_succeeded and p_failures < v_threshold then 0
      when b.open_until > v_now then b.pause_ms
      when b.open_until is not null then least(v_most_ms, b.pause_ms * 2)
      when b.failures + p_failures >= v_threshold then v_first_ms
      else b.pause_ms end,
    open_until = case
      when p_succeeded and p_failures < v_threshold then null
      when b.open_until > v_now then b.open_until
      when b.open_until is not null then v_now + least(v_most_ms, b.pause_ms * 2) * interval '1 ms'
      when b.failures + p_failures >= v_threshold then v_now + v_first_ms * interval '1 ms' end,
    probe_until = null,
    last_error = p_error,
    updated_at = now()
  returning b.open_until is not null into v_open;
  return v_open;
end
$$;
comment on function pigeonpost_private.note_provider(integer, text, boolean, integer, text) is
  'Counts failures since the last success (p_succeeded: there was one, and p_failures came after it); true when the breaker is open. It opens after 5, for 30 s, then twice as long, at most 5 min.';

create or replace function pigeonpost_private.take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := pigeonpost_private.clock();
begin
  update pigeonpost_private.provider_breakers b set probe_until = v_now + p_lease_ms * interval '1 ms'
  where b.tenant_id = p_tenant_id and b.provider = p_provider and b.open_until <= v_now
    and (b.probe_until is null or b.probe_until <= v_now);
  return found;
end
$$;
comment on function pigeonpost_private.take_probe(integer, text, double precision) is
  'True for the one that may try the provider with one message, when its pause is over.';
comment on table pigeonpost_private.provider_breakers is 'Providers that failed lately, per tenant. No row: all is well.';
comment on column pigeonpost_private.provider_breakers.failures is 'Since the last success.';
comment on column pigeonpost_private.provider_breakers.open_until is 'Nothing goes there before; then one message at a time. Null: closed.';
comment on column pigeonpost_private.provider_breakers.probe_until is 'One message is on its way to try it; a probe that did not come back by then is forgotten.';

-- Rules that change may let something go that waited.
create or replace function pigeonpost_private.tg_provider_routes__wake() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pigeonpost_private.account_wakeups w set due_at = least(w.due_at, now()),
    leased_until = case when w.lease_id is not null then w.leased_until end
  where w.tenant_id = coalesce(new.tenant_id, old.tenant_id);
  return null;
end
$$;
create or replace trigger "800_wake" after insert or update or delete on pigeonpost.provider_routes
  for each row execute function pigeonpost_private.tg_provider_routes__wake();

alter table pigeonpost_private.provider_breakers enable row level security;
drop policy if exists tenant_rows on pigeonpost_private.provider_breakers;
create policy tenant_rows on pigeonpost_private.provider_breakers using (tenant_id = any ((select pigeonpost.my_tenants())::integer[]));
--! EndIncluded 125_routing.sql

--! Included 130_et_views.sql
-- Document 002's two tables as views, for bridges that were written for them: the same columns, the same meaning.
-- They run with the caller's rights, under the same policies and triggers as the tables behind them. In `public`,
-- where the document has them, unless something else has that name there; then in `pigeonpost`.

create or replace function pigeonpost.tg_et_messages__insert() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text := case
    when new.tenant_id is null then 'tenant_id' when new.lead_id is null then 'lead_id' when new.channel is null then 'channel'
    when coalesce(new.message_id, '') = '' then 'message_id' when new.timestamp is null then 'timestamp'
    when new.direction is null then 'direction' when new.raw_json is null then 'raw_json' end;
  v_number bigint;
begin
  if v_missing is not null then
    raise exception '% is missing', v_missing using errcode = 'PPV01', constraint = 'et_messages_' || v_missing || '_is_named',
      table = 'et_messages', column = v_missing, hint = 'et_messages needs tenant_id, lead_id, channel, message_id, timestamp (ms), direction and raw_json.';
  end if;
  if new.timestamp not between -62135596800000 and 253402300799999 then
    raise exception 'timestamp % is no time in milliseconds', new.timestamp using errcode = 'PPV01', constraint = 'et_messages_timestamp_in_range',
      table = 'et_messages', column = 'timestamp', hint = 'Give Unix milliseconds, such as 1708186800000.';
  end if;
  for v_try in 1..3 loop
    -- The row that is there already, wherever the lead's conversations of this channel have it, so that a redelivery
    -- is one whatever account the lead talks to now, and a client that expects one row back gets it.
    select m.number into v_number
    from pigeonpost.messages m
    join pigeonpost.customers l on l.tenant_id = m.tenant_id and l.lead_id = new.lead_id
    where m.tenant_id = new.tenant_id and m.external_message_id = new.message_id and m.channel = new.channel
      and m.customer_id = case when l.merged_into is null then l.id else pigeonpost.current_customer(l.tenant_id, l.id) end
    order by m.number limit 1;
    exit when found;
    insert into pigeonpost.messages as m (tenant_id, lead_id, channel, external_message_id, sent_at, direction, content_type, body,
      media_url, raw, created_at)
    values (new.tenant_id, new.lead_id, new.channel, new.message_id, to_timestamp(new.timestamp / 1000.0), new.direction,
      case new.message_type when 'document' then 'file' else coalesce(new.message_type, 'text') end, new.text_content,
      new.media_url, new.raw_json, coalesce(new.created_at at time zone 'UTC', now()))
    on conflict (tenant_id, external_message_id, conversation_id) do nothing
    returning m.number into v_number;
    -- Where another stored it meanwhile, its row is there for the next look.
    exit when found;
  end loop;
  select m.number, t.number, m.channel, (extract(epoch from m.occurred_at) * 1000)::bigint, m.direction,
    case m.content_type when 'file' then 'document' else m.content_type end, m.body, m.media_url, coalesce(m.raw, '{}'),
    m.created_at at time zone 'UTC'
  into new.id, new.thread_id, new.channel, new.timestamp, new.direction, new.message_type, new.text_content, new.media_url, new.raw_json,
    new.created_at
  from pigeonpost.messages m
  join pigeonpost.threads t on t.tenant_id = m.tenant_id and t.id = m.thread_id
  where m.tenant_id = new.tenant_id and m.number = v_number;
  return new;
end
$$;

create or replace function pigeonpost.tg_et_messages__update() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if (new.id, new.tenant_id, new.lead_id, new.thread_id, new.channel, new.message_id, new.timestamp, new.direction, new.message_type,
      new.created_at) is distinct from
     (old.id, old.tenant_id, old.lead_id, old.thread_id, old.channel, old.message_id, old.timestamp, old.direction, old.message_type,
      old.created_at) then
    raise exception 'of a stored message only text_content, media_url and raw_json change' using errcode = 'PPC01',
      constraint = 'messages_sides_never_change', table = 'et_messages', hint = 'Insert another message instead.';
  end if;
  update pigeonpost.messages m set body = new.text_content, media_url = new.media_url, raw = new.raw_json
  where m.tenant_id = old.tenant_id and m.number = old.id;
  return new;
end
$$;

create or replace function pigeonpost.tg_et_threads__update() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if (new.id, new.tenant_id, new.lead_id, new.channel, new.created_at) is distinct from
     (old.id, old.tenant_id, old.lead_id, old.channel, old.created_at) then
    raise exception 'of a thread only the status changes' using errcode = 'PPC01',
      constraint = 'threads_sides_never_change', table = 'et_threads', hint = 'Set status to archived; the next message opens a new thread.';
  end if;
  update pigeonpost.threads t set status = new.status
  where t.tenant_id = old.tenant_id and t.number = old.id and t.status is distinct from new.status;
  return new;
end
$$;

create or replace function pigeonpost.tg_et_threads__insert() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'threads open by themselves' using errcode = 'PPC01', constraint = 'threads_open_by_themselves',
    table = 'et_threads', hint = 'Insert the message into et_messages with thread_id left out.';
end
$$;

do $do$
declare
  v_schema text;
  v_name text;
begin
  foreach v_name in array array['et_threads', 'et_messages'] loop
    select case
      when not pg_catalog.has_schema_privilege('public', 'create') then 'pigeonpost'
      when not exists (
        select from pg_catalog.pg_class c where c.relnamespace = 'public'::regnamespace and c.relname = v_name
          and not (c.relkind = 'v' and pg_catalog.obj_description(c.oid, 'pg_class') like 'Document 002%')) then 'public'
      else 'pigeonpost' end
    into v_schema
    from pg_catalog.pg_namespace n where n.nspname = 'public';
    v_schema := coalesce(v_schema, 'pigeonpost');
    if v_name = 'et_threads' then
      execute pg_catalog.format($sql$
        create or replace view %I.et_threads with (security_invoker = true) as
        select t.number as id, t.tenant_id, c.lead_id, t.channel::varchar(50) as channel, t.status::varchar(20) as status,
          (t.created_at at time zone 'UTC') as created_at
        from pigeonpost.threads t
        left join pigeonpost.customers c on c.tenant_id = t.tenant_id and c.id = t.customer_id
          and c.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
        where t.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
      $sql$, v_schema);
      execute pg_catalog.format($sql$ comment on view %I.et_threads is
        'Document 002: threads with integer ids. lead_id is null for a group. Set status to archived to end one; they open by themselves.'$sql$, v_schema);
      execute pg_catalog.format('create or replace trigger "500_update" instead of update on %I.et_threads
        for each row execute function pigeonpost.tg_et_threads__update()', v_schema);
      execute pg_catalog.format('create or replace trigger "500_insert" instead of insert on %I.et_threads
        for each row execute function pigeonpost.tg_et_threads__insert()', v_schema);
      execute pg_catalog.format('grant select, insert, update on %I.et_threads to pigeonpost_bridge, pigeonpost_app', v_schema);
      execute pg_catalog.format('grant select on %I.et_threads to pigeonpost_reader', v_schema);
    else
      -- Each table has the array for itself: every index begins with the tenant, and an equality between two of them does
      -- not hand it on.
      execute pg_catalog.format($sql$
        create or replace view %I.et_messages with (security_invoker = true) as
        select m.number as id, m.tenant_id, c.lead_id, t.number as thread_id, m.channel::varchar(50) as channel,
          m.external_message_id::varchar as message_id, (extract(epoch from m.occurred_at) * 1000)::bigint as "timestamp",
          m.direction::varchar(20) as direction,
          (case m.content_type when 'file' then 'document' else m.content_type end)::varchar(50) as message_type,
          m.body as text_content, m.media_url, coalesce(m.raw, '{}'::jsonb) as raw_json, (m.created_at at time zone 'UTC') as created_at
        from pigeonpost.messages m
        join pigeonpost.customers c on c.tenant_id = m.tenant_id and c.id = m.customer_id
        join pigeonpost.threads t on t.tenant_id = m.tenant_id and t.id = m.thread_id
        where m.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
          and c.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
          and t.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
        -- What was said in groups, by its sender. A branch of its own: one join over both columns has no index.
        union all
        select m.number, m.tenant_id, c.lead_id, t.number, m.channel::varchar(50), m.external_message_id::varchar,
          (extract(epoch from m.occurred_at) * 1000)::bigint, m.direction::varchar(20),
          (case m.content_type when 'file' then 'document' else m.content_type end)::varchar(50),
          m.body, m.media_url, coalesce(m.raw, '{}'::jsonb), (m.created_at at time zone 'UTC')
        from pigeonpost.messages m
        left join pigeonpost.customers c on c.tenant_id = m.tenant_id and c.id = m.sender_customer_id
          and c.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
        join pigeonpost.threads t on t.tenant_id = m.tenant_id and t.id = m.thread_id
        where m.customer_id is null and m.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
          and t.tenant_id = any ((select pigeonpost.my_tenants())::integer[])
      $sql$, v_schema);
      execute pg_catalog.format($sql$ comment on view %I.et_messages is
        'Document 002: messages with integer ids; timestamp in Unix milliseconds. Insert with thread_id left out; a duplicate (channel, lead_id, message_id) answers with the stored row.'$sql$, v_schema);
      execute pg_catalog.format('alter view %I.et_messages alter column message_type set default ''text''', v_schema);
      execute pg_catalog.format('create or replace trigger "500_insert" instead of insert on %I.et_messages
        for each row execute function pigeonpost.tg_et_messages__insert()', v_schema);
      execute pg_catalog.format('create or replace trigger "500_update" instead of update on %I.et_messages
        for each row execute function pigeonpost.tg_et_messages__update()', v_schema);
      execute pg_catalog.format('grant select, insert, update on %I.et_messages to pigeonpost_bridge, pigeonpost_app', v_schema);
      execute pg_catalog.format('grant select on %I.et_messages to pigeonpost_reader', v_schema);
    end if;
    -- A nologin role owns them, which may create in `public` for as long as it takes to be given them.
    if exists (select from pg_catalog.pg_class c where c.oid = pg_catalog.format('%I.%I', v_schema, v_name)::regclass
        and c.relowner <> 'pigeonpost_owner'::regrole) then
      begin
        if v_schema = 'public' and not pg_catalog.has_schema_privilege('pigeonpost_owner', 'public', 'create') then
          grant create on schema public to pigeonpost_owner;
          execute pg_catalog.format('alter view %I.%I owner to pigeonpost_owner', v_schema, v_name);
          revoke create on schema public from pigeonpost_owner;
        else
          execute pg_catalog.format('alter view %I.%I owner to pigeonpost_owner', v_schema, v_name);
        end if;
      exception when insufficient_privilege then
        null;
      end;
    end if;
  end loop;
end
$do$;
--! EndIncluded 130_et_views.sql
--! Included 140_counters.sql
-- Counters: last_message_at, unread_count and total_messages of conversations and customers.
-- The insert path does not touch them (8 writers updating the rows that they share failed in 84% of their transactions
-- by deadlock); fold() brings them up to date from the log, in one sorted batch. Where one conversation or customer is
-- read, conversation_counters() and customer_counters() derive them from the messages and are exact.

-- What the events after one id and up to another do to the counters. Raises 55P03 where a row is locked by another, and
-- where a conversation was merged away between the snapshot and the lock: its counters must not go to a tombstone. A
-- conversation that was merged away counts for the one it was merged into, and a message that is no more, a copy that a
-- merge dropped, until the event of its removal.
create or replace function pigeonpost_private.fold_range(p_after bigint, p_up_to bigint) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_stale boolean;
begin
  with change as (
    select e.tenant_id, e.conversation_id, case when e.type like 'message.%.created' then 1 when e.type = 'message.removed' then -1 else 0 end as total,
      case
        when e.type = 'message.inbound.created' and e.payload ->> 'status' is distinct from 'read' then 1
        when e.type = 'message.status' and e.payload ->> 'direction' = 'inbound' and e.payload ->> 'status' = 'read' then -1
        when e.type = 'message.removed' and e.payload ->> 'direction' = 'inbound' and e.payload ->> 'status' = 'delivered' then -1
        else 0 end as unread,
      case when e.type like 'message.%.created' then m.occurred_at end as last_message_at, e.type = 'message.removed' as is_removal
    from pigeonpost.events e
    left join pigeonpost.messages m on m.tenant_id = e.tenant_id and m.id = e.message_id
    where e.id > p_after and e.id <= p_up_to and e.type like 'message.%'
  ), delta as (
    select e.tenant_id, coalesce(c.merged_into, c.id) as id, sum(e.total) as total, sum(e.unread) as unread,
      max(e.last_message_at) as last_message_at, bool_or(e.is_removal) as has_removal
    from change e
    join pigeonpost.conversations c on c.tenant_id = e.tenant_id and c.id = e.conversation_id
    group by 1, 2
    having sum(e.total) <> 0 or sum(e.unread) <> 0 or max(e.last_message_at) is not null or bool_or(e.is_removal)
  ), locked as (
    select c.tenant_id, c.id, c.customer_id, d.total, d.unread, d.last_message_at, d.has_removal
    from pigeonpost.conversations c join delta d on d.tenant_id = c.tenant_id and d.id = c.id
    where c.merged_into is null
    order by c.tenant_id, c.id
    for no key update of c nowait
  ), folded as (
    update pigeonpost.conversations c set
      total_messages = greatest(c.total_messages + l.total, 0),
      unread_count = greatest(c.unread_count + l.unread, 0),
      last_message_at = case when l.has_removal then (
          select max(m.occurred_at) from pigeonpost.messages m where m.tenant_id = c.tenant_id and m.conversation_id = c.id)
        else greatest(c.last_message_at, l.last_message_at) end
    from locked l
    where c.tenant_id = l.tenant_id and c.id = l.id
    returning c.tenant_id, c.customer_id, l.total, l.unread, l.last_message_at, l.has_removal
  ), customers as (
    select c.tenant_id, c.id, f.total, f.unread, f.last_message_at, f.has_removal
    from pigeonpost.customers c
    join (
      select tenant_id, customer_id, sum(total) as total, sum(unread) as unread, max(last_message_at) as last_message_at, bool_or(has_removal) as has_removal
      from folded where customer_id is not null group by 1, 2) f on f.tenant_id = c.tenant_id and f.customer_id = c.id
    order by c.tenant_id, c.id
    for no key update of c nowait
  ), counted as (
    update pigeonpost.customers c set
      total_messages = greatest(c.total_messages + l.total, 0),
      unread_count = greatest(c.unread_count + l.unread, 0),
      last_message_at = case when l.has_removal then (
          select max(m.occurred_at) from pigeonpost.messages m where m.tenant_id = c.tenant_id and m.customer_id = c.id)
        else greatest(c.last_message_at, l.last_message_at) end
    from customers l
    where c.tenant_id = l.tenant_id and c.id = l.id
  )
  select (select count(*) from delta) > (select count(*) from locked) into v_is_stale;
  if v_is_stale then
    raise lock_not_available;
  end if;
end
$$;

create or replace function pigeonpost.fold(p_limit integer default 5000) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_cursor bigint;
  v_last bigint;
  v_count integer;
  v_settled bigint := pigeonpost.settle_events();
begin
  insert into pigeonpost.event_consumers (tenant_id, name) values (0, '$fold') on conflict (tenant_id, name) do nothing;
  select c.cursor into v_cursor from pigeonpost.event_consumers c where c.tenant_id = 0 and c.name = '$fold' for update skip locked;
  if not found or v_cursor >= v_settled then
    return 0;
  end if;
  select max(e.id), count(*) into v_last, v_count from (
    select e.id from pigeonpost.events e where e.id > v_cursor and e.id <= v_settled order by e.id limit p_limit) e;
  if v_count = p_limit then
    v_settled := v_last;
  elsif v_count = 0 then
    update pigeonpost.event_consumers c set cursor = v_settled, updated_at = now() where c.tenant_id = 0 and c.name = '$fold';
    return 0;
  end if;
  -- It never waits for a row while it holds others, so it is in no deadlock: a merge locks customers before their
  -- conversations, and here it is the other way round. Inserts of messages are in nobody's way (for key share).
  for v_try in 1..100 loop
    begin
      perform pigeonpost_private.fold_range(v_cursor, v_settled);
      exit;
    exception when lock_not_available then
      if v_try = 100 then
        raise;
      end if;
      perform pg_sleep(0.001 * least(v_try, 20));
    end;
  end loop;
  perform pigeonpost_private.fold_counts(v_cursor, v_settled);
  update pigeonpost.event_consumers c set cursor = v_settled, updated_at = now() where c.tenant_id = 0 and c.name = '$fold';
  return v_count;
end
$$;
comment on function pigeonpost.fold(integer) is
  'Folds at most so many events into the counters of conversations and customers; returns how many. The worker calls it all the time; whoever runs none calls it until it returns 0. Raises 55P03 where others hold a conversation for more than a second or two.';

create or replace function pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid)
returns table (last_message_at timestamptz, unread_count bigint, total_messages bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select
    (select max(m.occurred_at) from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.conversation_id = p_conversation_id),
    (select count(*) from pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.conversation_id = p_conversation_id and m.direction = 'inbound' and m.status = 'delivered'),
    (select count(*) from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.conversation_id = p_conversation_id)
$$;
comment on function pigeonpost.conversation_counters(integer, uuid) is 'The counters of one conversation from its messages: exact now, whatever has been folded.';

create or replace function pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid)
returns table (last_message_at timestamptz, unread_count bigint, total_messages bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select max(m.occurred_at), count(*) filter (where m.direction = 'inbound' and m.status = 'delivered'), count(*)
  from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.customer_id = p_customer_id
$$;
comment on function pigeonpost.customer_counters(integer, uuid) is 'The counters of one customer, over its direct conversations: exact now.';
--! EndIncluded 140_counters.sql
--! Included 145_counts.sql
-- Counts: how many messages there are per tenant, account, direction, content type and status, for whoever asks often.
-- Counting ten million rows per scrape is no option, and a counter that each insert updates deadlocks (see 140). So the
-- log is folded: every event that makes, moves or removes a message says from which kind to which, in its own row, so
-- that the sums are those of the messages, whatever has become of them since. What is not folded yet is added when they
-- are read: they are exact in the snapshot that reads them.
--
-- The usual is left out of the events: a message comes as text, outbound ones `queued`, others `delivered`.

-- What an event says of the kind of its message, null where it is the usual.
create or replace function pigeonpost_private.created_payload(p_direction text, p_content_type text, p_status text) returns jsonb
language sql stable parallel safe
as $$
  select case when p_content_type <> 'text' or p_status <> case p_direction when 'outbound' then 'queued' else 'delivered' end
    then pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
      'status', nullif(p_status, case p_direction when 'outbound' then 'queued' else 'delivered' end),
      'content_type', nullif(p_content_type, 'text'))) end
$$;

-- The two that the log would not tell of otherwise, and that hardly ever happen.
create or replace function pigeonpost_private.tg_messages__reclassify() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    perform pigeonpost_private.append_event(old.tenant_id, 'message.removed', old.conversation_id, old.thread_id, old.customer_id,
      old.account_id, old.id, jsonb_build_object('direction', old.direction, 'status', old.status, 'content_type', old.content_type));
  else
    -- Before the event of a status that changes with it, which speaks of the new type.
    perform pigeonpost_private.append_event(new.tenant_id, 'message.reclassified', new.conversation_id, new.thread_id,
      new.customer_id, new.account_id, new.id, jsonb_build_object('direction', new.direction, 'status', old.status,
        'content_type', new.content_type, 'previous_content_type', old.content_type));
  end if;
  return null;
end
$$;
create or replace trigger "550_reclassify" after update of content_type on pigeonpost.messages
  for each row when (new.content_type <> old.content_type)
  execute function pigeonpost_private.tg_messages__reclassify();
create or replace trigger "900_emit_removed" after delete on pigeonpost.messages
  for each row execute function pigeonpost_private.tg_messages__reclassify();

-- The log's changes after one id and up to another, summed. As the invoker: a reader sees those of its tenants.
create or replace function pigeonpost_private.count_changes(p_after bigint, p_upto bigint, p_tenant_id integer default null)
returns table (tenant_id integer, account_id uuid, direction text, content_type text, status text, messages bigint)
language sql stable
as $$
  select e.tenant_id, e.account_id, coalesce(e.payload ->> 'direction', pg_catalog.split_part(e.type, '.', 2)),
    c.content_type, c.status, pg_catalog.sum(c.messages)::bigint
  from pigeonpost.events e
  cross join lateral (values
    (case when e.type <> 'message.removed' then coalesce(e.payload ->> 'status',
        case e.type when 'message.outbound.created' then 'queued' else 'delivered' end) end,
      coalesce(e.payload ->> 'content_type', 'text'), 1),
    (case e.type when 'message.status' then e.payload ->> 'previous_status'
        when 'message.reclassified' then e.payload ->> 'status' when 'message.removed' then e.payload ->> 'status' end,
      coalesce(e.payload ->> 'previous_content_type', e.payload ->> 'content_type', 'text'), -1)
  ) c (status, content_type, messages)
  where e.id > p_after and e.id <= p_upto and c.status is not null and (p_tenant_id is null or e.tenant_id = p_tenant_id)
    and e.type in ('message.inbound.created', 'message.outbound.created', 'message.system.created', 'message.status',
      'message.reclassified', 'message.removed')
  group by 1, 2, 3, 4, 5
  having pg_catalog.sum(c.messages) <> 0
$$;

-- Called by fold(), which holds its cursor's row: one at a time.
create or replace function pigeonpost_private.fold_counts(p_after bigint, p_upto bigint) returns void
language sql volatile
as $$
  insert into pigeonpost_private.message_counts as m (tenant_id, account_id, direction, content_type, status, messages)
  select c.tenant_id, c.account_id, c.direction, c.content_type, c.status, c.messages
  from pigeonpost_private.count_changes(p_after, p_upto) c
  on conflict on constraint message_counts_pkey do update set messages = m.messages + excluded.messages
$$;

-- How far fold() has come: no secret, but its row is no tenant's.
create or replace function pigeonpost_private.folded_id() returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select c.cursor from pigeonpost.event_consumers c where c.tenant_id = 0 and c.name = '$fold'), 0)
$$;

create or replace function pigeonpost_private.read_counts(p_tenant_id integer default null)
returns table (tenant_id integer, account_id uuid, direction text, content_type text, status text, messages bigint)
language sql stable
as $$
  select c.tenant_id, c.account_id, c.direction, c.content_type, c.status, pg_catalog.sum(c.messages)::bigint
  from (
    select m.* from pigeonpost_private.message_counts m where p_tenant_id is null or m.tenant_id = p_tenant_id
    union all
    select * from pigeonpost_private.count_changes((select pigeonpost_private.folded_id()), 9223372036854775807, p_tenant_id)
  ) c
  group by 1, 2, 3, 4, 5
  having pg_catalog.sum(c.messages) <> 0
$$;
comment on function pigeonpost_private.read_counts(integer) is
  'How many messages there are per account, direction, content type and status: exact in this snapshot, from the folded counts and the log after them.';

alter table pigeonpost_private.message_counts enable row level security;
drop policy if exists tenant_rows on pigeonpost_private.message_counts;
create policy tenant_rows on pigeonpost_private.message_counts for select
  using (tenant_id = any ((select pigeonpost.my_tenants())::integer[]));
--! EndIncluded 145_counts.sql
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
  order by m.address is distinct from pigeonpost.normalize_address(m.channel, p_message ->> 'address'), m.created_at desc
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
    ), fresh as materialized (
      select distinct on (r.external_message_id, r.conversation_id) r.ord, r.id, r.conversation_id, r.thread_id, r.customer_id,
        r.account_id, r.address, r.channel, r.external_message_id,
        coalesce(r.content_type, 'text') as content_type, r.body, r.media_url,
        coalesce(r.metadata, '{}') as metadata, r.raw, coalesce(r.sent_at, now()) as sent_at,
        case when r.status = 'read' then 'read' else 'delivered' end as status, coalesce(r.is_from_bot, false) as is_from_bot
      from resolved r
      where (
        select m.id from pigeonpost.messages m where m.tenant_id = new.tenant_id and m.external_message_id = r.external_message_id
          and m.conversation_id = r.conversation_id) is null
      order by r.external_message_id, r.conversation_id, r.ord
    ), opened as materialized (
      select pigeonpost_private.open_thread(new.tenant_id, f.thread_id, f.conversation_id, f.customer_id, f.channel)
      from (select distinct f.thread_id, f.conversation_id, f.customer_id, f.channel from fresh f order by f.conversation_id) f
      where not exists (select from pigeonpost.threads t where t.tenant_id = new.tenant_id and t.id = f.thread_id)
    ), stored as (
      insert into pigeonpost.messages as m (tenant_id, id, account_id, conversation_id, thread_id, customer_id, sender_customer_id,
        address, direction, channel, external_message_id, content_type, body, media_url, metadata, raw, status, occurred_at, sent_at,
        delivered_at, is_from_bot)
      select new.tenant_id, f.id, f.account_id, f.conversation_id, f.thread_id, f.customer_id, f.customer_id, f.address, 'inbound',
        f.channel, f.external_message_id, f.content_type, f.body, f.media_url, f.metadata, f.raw, f.status, f.sent_at, f.sent_at,
        now(), f.is_from_bot
      from fresh f where (select count(*) from opened) >= 0
      order by f.ord
      on conflict (tenant_id, external_message_id, conversation_id) do nothing
      returning m.id, m.number, m.conversation_id, m.thread_id, m.customer_id, m.account_id, m.status, m.content_type, m.external_message_id
    ), logged as (
      insert into pigeonpost.events (tenant_id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload)
      select new.tenant_id, 'message.inbound.created', s.id, s.conversation_id, s.thread_id, s.customer_id, s.account_id,
        pigeonpost_private.created_payload('inbound', s.content_type, s.status)
      from stored s order by s.number
      returning event_id, id, message_id
    )
    -- No join: the planner takes each of these for one row, and would loop over them quadratically.
    select (select jsonb_object_agg(f.ord, f.id) from fresh f), (select jsonb_object_agg(s.id, s.number) from stored s),
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
--! Included 160_retention.sql
-- Retention of the log: whole partitions go, when every living consumer has passed them and the time to keep is over.

create or replace function pigeonpost_private.log_partitions()
returns table (name text, from_id bigint, to_id bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select c.relname,
    (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(\d+)''?\)'))[1]::bigint,
    (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)''?\)'))[1]::bigint
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'pigeonpost.events'::regclass and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
  order by 2
$$;

-- Makes the partitions that the sequence will reach next. Called by the worker; what it missed lies in events_default
-- and is read like the rest. The new partition is carved out of the default one, which takes a moment's lock on it: who
-- cannot get that in half a second gives way, and the worker comes again.
create or replace function pigeonpost_private.extend_log(p_size bigint default 10000000) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
  v_last bigint;
  v_end bigint;
  v_made integer := 0;
begin
  perform pg_advisory_xact_lock(1886416754);
  select case when is_called then last_value else 0 end into v_last from pigeonpost.events_id_seq;
  select max(p.to_id) into v_end from pigeonpost_private.log_partitions() p;
  v_end := coalesce(v_end, v_last - v_last % p_size);
  while v_end < v_last + 2 * p_size loop
    -- A range that the default partition has rows of stays there: Postgres would refuse it a partition of its own.
    if not exists (select from pigeonpost.events_default e where e.id >= v_end and e.id < v_end + p_size) then
      execute format('create table pigeonpost.%I partition of pigeonpost.events for values from (%s) to (%s)',
        'events_p' || v_end / p_size, v_end, v_end + p_size);
      v_made := v_made + 1;
    end if;
    v_end := v_end + p_size;
  end loop;
  return v_made;
end
$$;

-- The partitions that may go: wholly settled, passed by every consumer that has not lapsed, and older than the time to
-- keep. Our own consumers (tenant 0) never lapse: they are behind only as long as no worker runs.
create or replace function pigeonpost_private.expired_partitions(p_keep interval default '30 days', p_lapse interval default '7 days')
returns table (name text, to_id bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.name, p.to_id from pigeonpost_private.log_partitions() p
  where p.to_id - 1 <= (select s.settled_id from pigeonpost_private.log_state s)
    and not exists (
      select from pigeonpost.event_consumers c
      where c.cursor < p.to_id - 1 and (c.tenant_id = 0 or c.updated_at > now() - p_lapse))
    -- Ids and times rise together, but for the length of a transaction.
    and coalesce((
      select e.created_at <= now() - p_keep from pigeonpost.events e
      where e.id >= p.from_id and e.id < p.to_id order by e.id desc limit 1), true)
  order by p.to_id
$$;

-- Drops a partition, moves the floor and cleans up below it, in one transaction: no reader meets a gap without the
-- error that says so. Not `detach concurrently`, which Postgres refuses beside a default partition; the default one is
-- what lets no insert fail. The lock that a plain detach needs holds writers up for as long as it waits, so it waits
-- for 200 ms at most and then gives way (55P03), and the caller comes again.
create or replace function pigeonpost_private.drop_partition(p_name text) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $$
declare
  v_to_id bigint;
begin
  perform pg_advisory_xact_lock(1886416754);
  select p.to_id into v_to_id from pigeonpost_private.log_partitions() p where p.name = p_name;
  if not found then
    return null;
  end if;
  execute format('alter table pigeonpost.events detach partition pigeonpost.%I', p_name);
  execute format('drop table pigeonpost.%I', p_name);
  delete from pigeonpost.events_default e where e.id < v_to_id;
  update pigeonpost_private.log_state s set floor_id = greatest(s.floor_id, v_to_id - 1) returning s.floor_id into v_to_id;
  return v_to_id;
end
$$;
comment on function pigeonpost_private.drop_partition(text) is
  'Drops one partition of the log and returns the floor (the highest id that is gone), or null where there is none of that name. Raises 55P03 when the log is busy: try again.';
--! EndIncluded 160_retention.sql
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
