--! Previous: -
--! Hash: sha1:824d4158e96602394854ab28ab4ca6d15d55129a
--! Message: schema

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

-- Here and not in a fixture, since the tables below take their ids from it.
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

-- What was applied last of each file in migrations/fixtures, and before (db/fixtures.ts).
create table pigeonpost_private.fixtures (
  name text not null,
  sha256 text not null,
  earlier text[] not null default '{}',
  applied_at timestamptz not null default now(),
  constraint fixtures_pkey primary key (name)
);

create sequence if not exists pigeonpost.conversations_number_seq as bigint;
create sequence if not exists pigeonpost.threads_number_seq as bigint;
-- One for messages and for the log, since a message is its own event. Always drawn after the tenant's writer lock is
-- held (070_log.sql), so no column takes it as its default: defaults are evaluated before any trigger runs.
create sequence if not exists pigeonpost.log_id_seq as bigint;
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
  constraint tenants_settings_are_an_object check (jsonb_typeof(settings) = 'object'),
  -- Days by kind, null for ever; a misspelt one would be a retention that does not apply.
  constraint tenants_retention_is_in_days check (not settings ? 'retention' or (
    jsonb_typeof(settings -> 'retention') = 'object'
    and not jsonb_path_exists(settings -> 'retention',
      'strict $.keyvalue() ? (!(@.value.type() == "null" || @.value.type() == "number" && @.value >= 1 && @.value <= 36500)
        || !(@.key == "webhook_inbox" || @.key == "delivery_attempts" || @.key == "message_statuses" || @.key == "parked_updates" || @.key == "idempotent_requests"))')))
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
  rate_per_minute integer,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_hash_is_unique unique (tenant_id, hash),
  constraint api_keys_tenant_exists foreign key (tenant_id) references pigeonpost.tenants (tenant_id),
  constraint api_keys_hash_is_sha256 check (octet_length(hash) = 32),
  constraint api_keys_rate_is_positive check (rate_per_minute >= 1)
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
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.01);

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
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.01);
-- A customer and an account have one direct conversation, but where a channel has topics of its own (a mail thread).
create unique index conversations_one_direct on pigeonpost.conversations (tenant_id, account_id, customer_id, external_id)
  nulls not distinct where type = 'direct' and merged_into is null;
create unique index conversations_one_external on pigeonpost.conversations (tenant_id, account_id, external_id)
  where type <> 'direct' and merged_into is null and external_id is not null;
-- The one row that an insert of a message looks up: a direct one, by the column that says so at no cost.
create index conversations_address on pigeonpost.conversations (tenant_id, account_id, address)
  where customer_id is not null and external_id is null;
create index conversations_customer on pigeonpost.conversations (tenant_id, customer_id, channel, created_at);
create index conversations_recent on pigeonpost.conversations (tenant_id, last_message_at);
create index conversations_merged on pigeonpost.conversations (tenant_id, merged_into) where merged_into is not null;

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
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.01);
create unique index threads_one_active on pigeonpost.threads (tenant_id, conversation_id) where status = 'active';
create index threads_lead on pigeonpost.threads (tenant_id, customer_id, channel, status);

-- Fixed widths first, widest first, and what the usual row leaves null between them: nothing is lost to alignment.
create table pigeonpost.messages (
  number bigint not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  delivered_at timestamptz,
  read_at timestamptz,
  failed_at timestamptz,
  revoked_at timestamptz,
  updated_at timestamptz not null default now(),
  scheduled_for timestamptz,
  valid_until timestamptz,
  lead_id bigint,
  tenant_id integer not null,
  body_version integer not null default 1,
  attempts integer not null default 0,
  priority smallint not null default 0,
  is_own_event boolean,
  is_processed boolean not null default false,
  is_from_bot boolean not null default false,
  id uuid not null default pigeonpost.uuid_v7(),
  account_id uuid not null,
  conversation_id uuid not null,
  thread_id uuid not null,
  customer_id uuid,
  sender_customer_id uuid,
  media_id uuid,
  reply_to_id uuid,
  created_by uuid,
  address text,
  direction text not null,
  channel text not null default 'whatsapp',
  external_message_id text,
  content_type text not null default 'text',
  status text not null,
  problem text,
  body text,
  metadata jsonb not null default '{}'::jsonb,
  conversation_external_id text,
  alternate_address text,
  media_url text,
  raw jsonb,
  provider text,
  error_code text,
  error_message text,
  campaign_id text,
  idempotency_key text,
  constraint messages_pkey primary key (tenant_id, id),
  constraint messages_number_is_unique unique (tenant_id, number),
  constraint messages_external_id_is_unique unique (tenant_id, external_message_id, conversation_id),
  -- The thread is one of this conversation, and through it the conversation exists: one check where three would be made.
  constraint messages_thread_is_the_conversations foreign key (tenant_id, conversation_id, thread_id)
    references pigeonpost.threads (tenant_id, conversation_id, id) on delete cascade on update cascade
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.01);
-- Vacuumed by each hundredth of a large table, not by each fifth. Room in each page, so that receipts find it: of the
-- updates of a message that is queued, sent, delivered and read in batches 2% were heap-only with full pages, 27% with
-- pages filled to 90%, 45% to 85% and 54% to 80% (67% can be: the first brings the external id); and the table was smaller.
-- Direction, content type, status, size of the body and the shape of metadata are held by the triggers of
-- fixtures/078_message_rules.sql and 090_statuses.sql alone: Postgres parses a check constraint anew for each statement,
-- and six of them took 20 to 35 microseconds of every single-row insert.
-- An insert pays for every index, also for a partial one that it is not in. So there are five full ones, and what the
-- usual row is not in; whatever else is asked goes by a conversation's threads, a customer's conversations, counts or the
-- queue. No index names `status`: a receipt changes nothing else, and must stay a heap-only update.
create unique index messages_idempotency_key_is_unique on pigeonpost.messages (tenant_id, idempotency_key)
  where idempotency_key is not null;
create index messages_thread on pigeonpost.messages (tenant_id, thread_id, occurred_at, number);
create index messages_account on pigeonpost.messages (tenant_id, account_id, number);
create index messages_campaign on pigeonpost.messages (tenant_id, campaign_id, number) where campaign_id is not null;
create index messages_failed on pigeonpost.messages (tenant_id, problem, number) where problem is not null;
create index messages_kind on pigeonpost.messages (tenant_id, direction, content_type, number)
  where direction <> 'inbound' or content_type <> 'text';
create index messages_times on pigeonpost.messages
  using brin (tenant_id, created_at timestamptz_minmax_multi_ops, sent_at timestamptz_minmax_multi_ops) with (autosummarize = on);

-- What is under way: one row from the insert of an outbound message to its end. A claim, a lease and a retry are updates
-- of this narrow row; the message itself changes when something happened to it. Its rows live for seconds, so vacuum
-- comes by their number and not by the table's size, which a campaign may have left large.
create table pigeonpost.outbox (
  tenant_id integer not null,
  message_id uuid not null,
  account_id uuid not null,
  number bigint not null,
  priority smallint not null,
  state text collate "C" not null,
  due_at timestamptz not null,
  valid_until timestamptz,
  attempt integer not null default 0,
  attempt_id uuid,
  provider text,
  provider_reason text,
  accepted_on date,
  address text not null,
  error_code text,
  error_message text,
  constraint outbox_pkey primary key (tenant_id, message_id),
  constraint outbox_state_known check (state in ('queued', 'scheduled', 'sending', 'retrying')),
  constraint outbox_sending_has_attempt check (state <> 'sending' or attempt_id is not null and attempt > 0)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_scale_factor = 0.1,
  autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- claimMessages, deferToNextDay, rescheduleAccount: what may go now, in the order in which it goes.
create index outbox_claim on pigeonpost.outbox (tenant_id, account_id, priority desc, number) where state = 'queued';
-- promoteDue, expireLeases, rescheduleAccount, sweepOutbox, readMetrics, account health: the first that is due of each
-- state, and how many there are of it.
create index outbox_due on pigeonpost.outbox (tenant_id, account_id, state, due_at);
-- promoteDue, rescheduleAccount: what must not go any more.
create index outbox_expiring on pigeonpost.outbox (tenant_id, account_id, valid_until) where valid_until is not null;

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

-- A transition (previous_status) is its own event `message.status` in the log, by its number.
create table pigeonpost.message_statuses (
  number bigint not null,
  occurred_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  message_id uuid not null,
  status text not null,
  previous_status text,
  content_type text,
  recipient text,
  error_code text,
  error_message text,
  constraint message_statuses_pkey primary key (tenant_id, number),
  constraint message_statuses_message_exists foreign key (tenant_id, message_id)
    references pigeonpost.messages (tenant_id, id) on delete cascade
);
create index message_statuses_message on pigeonpost.message_statuses (tenant_id, message_id, number);
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
create index parked_updates_created on pigeonpost.parked_updates (tenant_id, created_at);

create table pigeonpost.delivery_attempts (
  tenant_id integer not null,
  attempt_id uuid not null,
  attempt integer not null,
  message_id uuid not null,
  provider text,
  reason text,
  outcome text not null default 'sending',
  error_code text,
  error_message text,
  external_message_id text,
  duration_ms integer,
  accepted_on date,
  started_at timestamptz not null default now(),
  -- By the try's number too: a provider that takes an id once only gets the same one again.
  constraint delivery_attempts_pkey primary key (tenant_id, attempt_id, attempt),
  constraint delivery_attempts_message_exists foreign key (tenant_id, message_id)
    references pigeonpost.messages (tenant_id, id) on delete cascade,
  constraint delivery_attempts_outcome_known check (outcome in ('sending', 'sent', 'retry', 'failed', 'unknown'))
-- Each row is completed once, moments after its insert: at 50, 80 in 100 of these updates are HOT (at 100, 1 in 100), and
-- the table is a tenth larger, since what they leave behind is room for the next rows.
) with (fillfactor = 50);
create index delivery_attempts_message on pigeonpost.delivery_attempts (tenant_id, message_id, started_at);

create table pigeonpost.events (
  tenant_id integer not null,
  id bigint not null,
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
create table pigeonpost.events_p0 partition of pigeonpost.events for values from (0) to (10000000);
create table pigeonpost.events_p1 partition of pigeonpost.events for values from (10000000) to (20000000);
create table pigeonpost.events_default partition of pigeonpost.events default;

create table pigeonpost.event_types (
  type text not null,
  description text not null,
  payload_schema jsonb not null,
  since text not null,
  constraint event_types_pkey primary key (type)
);

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
  digest bytea,
  status text not null default 'received',
  error_code text,
  error_field text,
  error_message text,
  attempts integer not null default 0,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  constraint webhook_inbox_pkey primary key (tenant_id, id),
  constraint webhook_inbox_status_known check (status in ('received', 'processed', 'failed', 'dismissed'))
);
-- One row for each delivery, however often it is tried.
create unique index webhook_inbox_one_delivery on pigeonpost.webhook_inbox (tenant_id, digest);
create index webhook_inbox_open on pigeonpost.webhook_inbox (tenant_id, received_at) where status in ('received', 'failed');
create index webhook_inbox_received on pigeonpost.webhook_inbox (tenant_id, received_at);

-- It salts the keys of advisory locks, so that nobody meets them by accident.
create table pigeonpost_private.lock_salt (
  only_one boolean not null default true,
  salt integer not null,
  constraint lock_salt_pkey primary key (only_one),
  constraint lock_salt_is_one_row check (only_one)
);
insert into pigeonpost_private.lock_salt (salt)
select ('x' || pg_catalog.substr(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 1, 8))::bit(32)::integer;

-- How far each tenant's log is settled, folded and relayed, by our own consumers; tenant 0: of all together.
create table pigeonpost_private.log_cursors (
  cursor bigint not null default 0,
  tenant_id integer not null,
  name text not null,
  constraint log_cursors_pkey primary key (tenant_id, name),
  constraint log_cursors_name_known check (name in ('settled', 'fold', 'relay'))
);
insert into pigeonpost_private.log_cursors (tenant_id, name) values (0, 'settled'), (0, 'relay');

-- Rounds of settling that are not over. Who stores one holds its row until the transaction ends, so there are several.
create table pigeonpost_private.log_rounds (
  settled_id bigint not null default 0,
  round_id bigint,
  tenant_id integer not null,
  slot smallint not null,
  waits_for text[] not null default '{}',
  constraint log_rounds_pkey primary key (tenant_id, slot)
);
insert into pigeonpost_private.log_rounds (tenant_id, slot) select 0, generate_series(1, 8);

create table pigeonpost_private.log_floor (
  only_one boolean not null default true,
  floor_id bigint not null default 0,
  constraint log_floor_pkey primary key (only_one),
  constraint log_floor_is_one_row check (only_one)
);
insert into pigeonpost_private.log_floor default values;

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

-- When the messages of a range of numbers were stored: those above the tenant's span before, up to last_number. See
-- fixtures/146_spans.sql.
create table pigeonpost_private.message_spans (
  tenant_id integer not null,
  last_number bigint not null,
  messages integer not null,
  since timestamptz not null,
  until timestamptz not null,
  constraint message_spans_pkey primary key (tenant_id, last_number)
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

-- Media: the files that messages bring and take along, and what is known of them.
create table pigeonpost.media_files (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  sha256 bytea not null,
  size bigint not null,
  content_type text not null,
  status text not null default 'pending',
  storage text,
  storage_key text,
  preview_key text,
  metadata jsonb not null default '{}'::jsonb,
  signature text,
  error_message text,
  scanned_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint media_files_pkey primary key (tenant_id, id),
  constraint media_files_stored_once unique (tenant_id, sha256),
  constraint media_files_hash_is_sha256 check (octet_length(sha256) = 32),
  constraint media_files_size_in_range check (size >= 0),
  constraint media_files_status_known check (status in ('pending', 'scanning', 'clean', 'infected', 'unscanned', 'failed')),
  constraint media_files_key_names_its_storage check ((storage is null) = (storage_key is null)),
  constraint media_files_only_infected_is_gone check ((storage_key is null) = (status = 'infected')),
  constraint media_files_preview_beside_file check (preview_key is null or storage_key is not null),
  constraint media_files_metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);

create table pigeonpost.media (
  tenant_id integer not null,
  id uuid not null default pigeonpost.uuid_v7(),
  owner_service text not null default 'messaging',
  file_id uuid,
  message_id uuid,
  position smallint,
  filename text,
  content_type text,
  size bigint,
  storage_key text,
  preview_url text,
  metadata jsonb not null default '{}'::jsonb,
  status text not null default 'pending',
  error_code text,
  error_message text,
  created_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint media_pkey primary key (tenant_id, id),
  constraint media_file_exists foreign key (tenant_id, file_id) references pigeonpost.media_files (tenant_id, id),
  constraint media_message_exists foreign key (tenant_id, message_id) references pigeonpost.messages (tenant_id, id) on delete cascade,
  constraint media_one_per_place unique (tenant_id, message_id, position),
  constraint media_place_in_message check ((message_id is null) = (position is null) and position > 0),
  constraint media_has_a_source check (file_id is not null or message_id is not null),
  constraint media_status_known check (status in ('pending', 'scanning', 'clean', 'infected', 'unscanned', 'failed')),
  constraint media_ready_is_stored check (status not in ('clean', 'unscanned') or storage_key is not null),
  constraint media_size_in_range check (size >= 0),
  constraint media_filename_at_most_1024_bytes check (octet_length(filename) <= 1024),
  constraint media_metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
create index media_file on pigeonpost.media (tenant_id, file_id);
create index media_created on pigeonpost.media (tenant_id, created_at, id);
create index messages_media on pigeonpost.messages (tenant_id, media_id) where media_id is not null;

-- What is to be done with files, outside the database: fetched, scanned, deleted. A row is a task; one that is claimed
-- is due again when its lease is over.
create table pigeonpost_private.media_tasks (
  tenant_id integer not null,
  kind text not null,
  subject text not null,
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  error_message text,
  created_at timestamptz not null default now(),
  constraint media_tasks_pkey primary key (tenant_id, kind, subject),
  constraint media_tasks_kind_known check (kind in ('fetch', 'scan', 'delete'))
);
create index media_tasks_due on pigeonpost_private.media_tasks (due_at);

-- Requests that may be repeated: what a POST with an Idempotency-Key answered, in the transaction of what it did.
create table pigeonpost.idempotent_requests (
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
create index idempotent_requests_created on pigeonpost.idempotent_requests (tenant_id, created_at);

-- Lists over HTTP: conversations in which nobody has written yet.
create index conversations_silent on pigeonpost.conversations (tenant_id, created_at, number)
  where last_message_at is null;
