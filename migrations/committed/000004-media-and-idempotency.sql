--! Previous: sha1:be62f7d5da234d87773ae482088eabd95b5b854c
--! Hash: sha1:c3e2a5d69cc82ade88e2dd6dace74a65ee332f59
--! Message: media-and-idempotency

-- Media: the files that messages bring and take along, and what is known of them.
create table if not exists pigeonpost.media_files (
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

create table if not exists pigeonpost.media (
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
create index if not exists media_file on pigeonpost.media (tenant_id, file_id);
create index if not exists media_created on pigeonpost.media (tenant_id, created_at, id);
create index if not exists messages_media on pigeonpost.messages (tenant_id, media_id) where media_id is not null;

-- What is to be done with files, outside the database: fetched, scanned, deleted. A row is a task; one that is claimed
-- is due again when its lease is over.
create table if not exists pigeonpost_private.media_tasks (
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
create index if not exists media_tasks_due on pigeonpost_private.media_tasks (due_at);

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
  -- The API's way, one comparison: each table of a query asks, and the rest takes ten times as long.
  if current_user = 'pigeonpost_app' then
    return array[nullif(current_setting('pigeonpost.tenant', true), '')::integer];
  end if;
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
  foreach v_table in array array['account_wakeups', 'media_tasks'] loop
    execute format('alter table pigeonpost_private.%I enable row level security', v_table);
    execute format('drop policy if exists tenant_rows on pigeonpost_private.%I', v_table);
    execute format('create policy tenant_rows on pigeonpost_private.%I
      using (tenant_id = any ((select pigeonpost.my_tenants())::integer[])) with check (%s)', v_table, format(v_check, v_table));
  end loop;
end
$$;
--! EndIncluded 020_tenancy.sql
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
  elsif p_event.type like 'media.%' then
    return v_result || coalesce((
      select jsonb_build_object('filename', m.filename, 'content_type', m.content_type)
        || jsonb_strip_nulls(jsonb_build_object('error_code', case when p_event.type = 'media.rejected' then m.error_code end))
      from pigeonpost.media m
      where m.tenant_id = p_event.tenant_id and m.id = (p_event.payload ->> 'media_id')::uuid),
      '{"filename": null, "content_type": null, "redacted": "erased"}');
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
    and new.media_url is null and new.media_id is null and not new.metadata ? 'media'
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
    perform pigeonpost_private.refer_media(new);
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
--! Included 085_media.sql
-- Media: every file that a message brings or takes along has a row at once, with the message; the file follows.
-- The database guarantees it because bridges write messages with plain SQL, and nobody else is there when they do: the
-- row and the task to fetch it commit with the message or not at all. What happens to files outside the database is a
-- task (media_tasks) that is written where the reason for it is: a row that gives up a file leaves the task to delete it.

-- The files that a message names become rows, in its order. Files that lie here already (media_id) have theirs.
create or replace function pigeonpost_private.refer_media(p_message pigeonpost.messages) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_media constant jsonb := case
    when jsonb_typeof(p_message.metadata -> 'media') = 'array' and p_message.metadata -> 'media' <> '[]' then p_message.metadata -> 'media'
    -- What is sent as text takes no file along.
    when p_message.media_url is not null and p_message.media_id is null
      and not (p_message.direction = 'outbound' and p_message.content_type = 'text') then
      jsonb_build_array(jsonb_build_object('url', p_message.media_url))
  end;
begin
  -- No foreign key holds this: a campaign's messages share an upload, whose row would become a multixact per insert.
  if p_message.media_id is not null and not exists (
    select from pigeonpost.media m where m.tenant_id = p_message.tenant_id and m.id = p_message.media_id
  ) then
    raise exception 'media % does not exist in tenant %', p_message.media_id, p_message.tenant_id
      using errcode = 'PPN01', constraint = 'messages_media_exists', table = 'messages', column = 'media_id',
        hint = 'Give the id of an upload of this tenant, or the file''s address as media_url.';
  end if;
  insert into pigeonpost.media (tenant_id, message_id, position, filename, content_type, size)
  select p_message.tenant_id, p_message.id, r.ord, left(pigeonpost.sanitize_body(r.value ->> 'filename'), 255),
    left(r.value ->> 'content_type', 255),
    case when r.value ->> 'size' ~ '^[0-9]{1,15}$' then (r.value ->> 'size')::bigint end
  from jsonb_array_elements(v_media) with ordinality r (value, ord)
  where jsonb_typeof(r.value) = 'object' and r.ord <= 100 and not r.value ? 'media_id'
  order by r.ord
  on conflict on constraint media_one_per_place do nothing;
end
$$;

-- A message that is filled in later: a stub that its second copy completes, an update by a bridge. Where only the link
-- changed, the names make no rows: those that were deleted would be back.
create or replace function pigeonpost_private.tg_messages__refer() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.media_url is not distinct from old.media_url and new.metadata -> 'media' is not distinct from old.metadata -> 'media' then
    new.media_url := null;
    new.metadata := new.metadata - 'media';
  end if;
  perform pigeonpost_private.refer_media(new);
  return null;
end
$$;
create or replace trigger "750_refer" after update of media_id, media_url, metadata on pigeonpost.messages
  for each row when (new.media_url is distinct from old.media_url or new.media_id is distinct from old.media_id
    or new.metadata -> 'media' is distinct from old.metadata -> 'media')
  execute function pigeonpost_private.tg_messages__refer();

-- What lay here before, by the ids that a message names.
create or replace function pigeonpost_private.uploads_named_by(p_message pigeonpost.messages)
returns table (id uuid, "position" bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (e.value ->> 'media_id')::uuid, e.ord
  from jsonb_array_elements(case when jsonb_typeof(p_message.metadata -> 'media') = 'array' then p_message.metadata -> 'media' end)
    with ordinality e (value, ord)
  where e.value ->> 'media_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  union all
  select p_message.media_id, 0 where p_message.media_id is not null
$$;

-- All files of a message, in its order: those that it brought, and those that lay here before.
create or replace function pigeonpost_private.media_of(p_message pigeonpost.messages) returns setof pigeonpost.media
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with named as (
    select m.id, r.position from pigeonpost.media m, lateral (values (m.position::bigint)) r (position)
    where m.tenant_id = p_message.tenant_id and m.message_id = p_message.id
    union all
    select n.id, n.position from pigeonpost_private.uploads_named_by(p_message) n
  )
  select m.* from (select n.id, min(n.position) as position from named n group by n.id) n
  join pigeonpost.media m on m.tenant_id = p_message.tenant_id and m.id = n.id
  order by n.position
$$;

-- What a message that is to be sent has to know of its files. One that it names and that is not there any more is as good
-- as refused: without it the message would say something else.
create or replace function pigeonpost_private.media_state(p_message pigeonpost.messages) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with files as materialized (select m.id, m.status from pigeonpost_private.media_of(p_message) m)
  select case when bool_or(f.status in ('infected', 'failed')) or exists (
      select n.id from pigeonpost_private.uploads_named_by(p_message) n where n.id not in (select o.id from files o)) then 'rejected'
    when bool_or(f.status in ('pending', 'scanning')) then 'pending' else 'ready' end
  from files f
$$;

-- What could not be fetched may be there by now: an operator who has a message sent again has its files fetched again.
create or replace function pigeonpost_private.tg_messages__refetch() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pigeonpost.media m set status = 'pending', error_code = null, error_message = null
  where m.tenant_id = new.tenant_id and m.message_id = new.id and m.status = 'failed' and m.file_id is null;
  return null;
end
$$;
create or replace trigger "760_refetch" after update of status on pigeonpost.messages
  for each row when (old.status = 'failed' and new.status = 'queued')
  execute function pigeonpost_private.tg_messages__refetch();

create or replace function pigeonpost_private.add_media_task(p_tenant_id integer, p_kind text, p_subject text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pigeonpost_private.media_tasks as t (tenant_id, kind, subject) values (p_tenant_id, p_kind, p_subject)
  on conflict on constraint media_tasks_pkey do update set due_at = least(t.due_at, excluded.due_at)
$$;

-- A row of media says what its file is. Locked in share, so that no change of the file passes this row by: it waits for
-- us and then finds the row, or we wait for it and read what it made.
create or replace function pigeonpost_private.tg_media__copy() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_file pigeonpost.media_files;
begin
  new.updated_at := now();
  if new.file_id is not null and (tg_op = 'INSERT' or new.file_id is distinct from old.file_id) then
    select f.* into v_file from pigeonpost.media_files f
    where f.tenant_id = new.tenant_id and f.id = new.file_id for share;
    if found then
      new.content_type := v_file.content_type;
      new.size := v_file.size;
      new.storage_key := v_file.storage_key;
      new.preview_url := case when v_file.preview_key is not null then '/api/v1/media/' || new.id || '/preview' end;
      new.metadata := new.metadata || v_file.metadata;
      new.status := v_file.status;
      if v_file.status = 'infected' then
        new.error_code := 'media_infected';
        new.error_message := v_file.signature;
      end if;
    end if;
  end if;
  return new;
end
$$;
create or replace trigger "200_copy" before insert or update on pigeonpost.media
  for each row execute function pigeonpost_private.tg_media__copy();

-- What is ready or refused is news: it is in the log, the message gets its link, and one that waits to be sent goes on.
create or replace function pigeonpost_private.tg_media__emit() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_ready constant boolean := new.status in ('clean', 'unscanned');
  v_message pigeonpost.messages;
begin
  if new.file_id is null and new.status = 'pending' then
    perform pigeonpost_private.add_media_task(new.tenant_id, 'fetch', new.id::text);
  end if;
  if new.status in ('pending', 'scanning') or tg_op = 'UPDATE' and v_is_ready and old.status in ('clean', 'unscanned') then
    return null;
  end if;
  if new.message_id is not null and v_is_ready then
    update pigeonpost.messages m set media_id = new.id
    where m.tenant_id = new.tenant_id and m.id = new.message_id
      and (m.media_id is null or exists (
        select from pigeonpost.media o
        where o.tenant_id = m.tenant_id and o.id = m.media_id and o.message_id = m.id and o.position > new.position));
  end if;
  select m.* into v_message from pigeonpost.messages m where m.tenant_id = new.tenant_id and m.id = new.message_id;
  perform pigeonpost_private.append_event(new.tenant_id, case when v_is_ready then 'media.uploaded' else 'media.rejected' end,
    v_message.conversation_id, v_message.thread_id, coalesce(v_message.sender_customer_id, v_message.customer_id),
    v_message.account_id, v_message.id, jsonb_build_object('media_id', new.id));
  -- Where a message takes several files along, the last of them wakes it. Its own row, or those that name an upload.
  with due as (
    update pigeonpost.messages m set next_attempt_at = now()
    where m.tenant_id = new.tenant_id and (m.id = new.message_id or m.media_id = new.id)
      and m.status = 'scheduled' and m.error_code = 'media_pending'
    returning m.account_id
  )
  insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
  select distinct new.tenant_id, d.account_id, now() from due d order by d.account_id
  on conflict on constraint account_wakeups_pkey do update set due_at = least(w.due_at, excluded.due_at);
  return null;
end
$$;
create or replace trigger "900_emit" after insert on pigeonpost.media
  for each row execute function pigeonpost_private.tg_media__emit();
-- Not `update of status`: that is what a statement names, and here the status follows from file_id.
create or replace trigger "900_emit_status" after update on pigeonpost.media
  for each row when (new.status is distinct from old.status)
  execute function pigeonpost_private.tg_media__emit();

-- The last row of a file takes it along. The lock comes first and the look after it, in a statement of its own: of two
-- that delete the last two rows at once one waits here, and sees that it is the last; and a row that is just being made
-- holds the file until it can be seen.
create or replace function pigeonpost_private.tg_media__drop_file() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    delete from pigeonpost_private.media_tasks t
    where t.tenant_id = old.tenant_id and t.kind = 'fetch' and t.subject = old.id::text;
    update pigeonpost.messages m set media_id = null where m.tenant_id = old.tenant_id and m.media_id = old.id;
  end if;
  if old.file_id is not null then
    perform from pigeonpost.media_files f where f.tenant_id = old.tenant_id and f.id = old.file_id for update;
    delete from pigeonpost.media_files f
    where f.tenant_id = old.tenant_id and f.id = old.file_id
      and not exists (select from pigeonpost.media m where m.tenant_id = old.tenant_id and m.file_id = old.file_id);
  end if;
  return null;
end
$$;
create or replace trigger "700_drop_file" after delete on pigeonpost.media
  for each row execute function pigeonpost_private.tg_media__drop_file();
create or replace trigger "700_drop_former_file" after update of file_id on pigeonpost.media
  for each row when (old.file_id is not null and new.file_id is distinct from old.file_id)
  execute function pigeonpost_private.tg_media__drop_file();

-- Rows of media follow their file; a stored file that no row of ours names any more is to be deleted where it lies.
create or replace function pigeonpost_private.tg_media_files__follow() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'INSERT' and old.storage_key is not null
     and (tg_op = 'DELETE' or (new.storage, new.storage_key) is distinct from (old.storage, old.storage_key)) then
    perform pigeonpost_private.add_media_task(old.tenant_id, 'delete', old.storage || ':' || old.storage_key);
  end if;
  if tg_op <> 'INSERT' and old.preview_key is not null
     and (tg_op = 'DELETE' or (new.storage, new.preview_key) is distinct from (old.storage, old.preview_key)) then
    perform pigeonpost_private.add_media_task(old.tenant_id, 'delete', old.storage || ':' || old.preview_key);
  end if;
  if tg_op = 'DELETE' then
    delete from pigeonpost_private.media_tasks t
    where t.tenant_id = old.tenant_id and t.kind = 'scan' and t.subject = old.id::text;
    return null;
  end if;
  if new.status = 'pending' and (tg_op = 'INSERT' or old.status <> 'pending') then
    perform pigeonpost_private.add_media_task(new.tenant_id, 'scan', new.id::text);
  end if;
  if tg_op = 'UPDATE' then
    update pigeonpost.media m set content_type = new.content_type, size = new.size, storage_key = new.storage_key,
      preview_url = case when new.preview_key is not null then '/api/v1/media/' || m.id || '/preview' end,
      metadata = m.metadata || new.metadata, status = new.status,
      error_code = case new.status when 'infected' then 'media_infected' when 'failed' then 'scan_failed' end,
      error_message = case new.status when 'infected' then new.signature when 'failed' then new.error_message end
    where m.tenant_id = new.tenant_id and m.file_id = new.id;
  end if;
  return null;
end
$$;
create or replace trigger "500_follow" after insert or update or delete on pigeonpost.media_files
  for each row execute function pigeonpost_private.tg_media_files__follow();

create or replace function pigeonpost_private.tg_media_files__touch() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
create or replace trigger "100_touch" before update on pigeonpost.media_files
  for each row execute function pigeonpost_private.tg_media_files__touch();
--! EndIncluded 085_media.sql
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
    perform pigeonpost_private.refer_media(m) from pigeonpost.messages m
    where m.tenant_id = new.tenant_id and m.id = any (v_with_media);
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

comment on table pigeonpost.media is 'Files that messages bring or take along, and uploads: one row each, made with the message. Document 000, section 3.2. Deleting the last row of a file deletes the file.';
comment on column pigeonpost.media.owner_service is 'Who made the row: messaging for a message''s own file, api for an upload.';
comment on column pigeonpost.media.file_id is 'What is stored; null until it was fetched. Several rows may share one.';
comment on column pigeonpost.media.message_id is 'The message that brought it, or takes it along; null for an upload, which messages name by media_id.';
comment on column pigeonpost.media.position is 'Which of the message''s files: the element of metadata.media, from 1.';
comment on column pigeonpost.media.filename is 'As it was given; whoever serves it makes it harmless.';
comment on column pigeonpost.media.content_type is 'MIME type: by its content once the file is here, as it was given before.';
comment on column pigeonpost.media.size is 'Bytes.';
comment on column pigeonpost.media.storage_key is 'Its file''s; null where there is none (yet).';
comment on column pigeonpost.media.preview_url is 'Path of its thumbnail (WebP) in the HTTP API, null where there is none.';
comment on column pigeonpost.media.metadata is 'width and height (pixels), duration (seconds), pages, as the file has them.';
comment on column pigeonpost.media.status is 'pending: not fetched or not scanned yet; scanning; clean; unscanned: no scanner was configured; infected: refused, the file is gone; failed: not to be had, or not to be scanned. Only clean and unscanned are served and sent.';
comment on column pigeonpost.media.created_by is 'The API key of an upload.';

comment on table pigeonpost.media_files is 'Stored files: one per tenant and content. What is infected keeps its row, so that the same file is refused at once.';
comment on column pigeonpost.media_files.sha256 is 'Of the whole file: 32 bytes.';
comment on column pigeonpost.media_files.size is 'Bytes.';
comment on column pigeonpost.media_files.content_type is 'By its content.';
comment on column pigeonpost.media_files.status is 'As in media.';
comment on column pigeonpost.media_files.storage is 'Which storage has it: folder, s3 or cloudinary.';
comment on column pigeonpost.media_files.storage_key is 'messages/<tenant>/<yyyy>/<mm>/<id>.';
comment on column pigeonpost.media_files.preview_key is 'Its thumbnail''s, in the same storage.';
comment on column pigeonpost.media_files.metadata is 'width and height (pixels), duration (seconds), pages.';
comment on column pigeonpost.media_files.signature is 'What the scanner calls the virus.';
comment on column pigeonpost.media_files.scanned_at is 'When the scanner said so.';

comment on table pigeonpost_private.media_tasks is 'What is to be done with files outside the database: fetch (subject: media.id), scan (media_files.id), delete (storage:key).';
comment on column pigeonpost_private.media_tasks.due_at is 'Not before; of a task that is being done, when it is taken for lost.';
comment on column pigeonpost_private.media_tasks.attempts is 'How often it was begun.';

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

-- What waits to be sent names files too, and would be taken for a message without any.
select pigeonpost_private.refer_media(m) from pigeonpost.messages m
where m.direction = 'outbound' and m.status in ('scheduled', 'queued', 'retrying')
  and (m.media_url is not null or m.metadata ? 'media');
