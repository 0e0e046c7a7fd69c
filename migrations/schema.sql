-- PostgreSQL database dump
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

-- Name: pigeonpost; Type: SCHEMA; Schema: -
CREATE SCHEMA pigeonpost;
ALTER SCHEMA pigeonpost OWNER TO pigeonpost_owner;

-- Name: SCHEMA pigeonpost; Type: COMMENT; Schema: -
COMMENT ON SCHEMA pigeonpost IS 'Messages of every channel, with the rules that keep them consistent. The public contract: changes to it are announced in the changelog.';

-- Name: pigeonpost_private; Type: SCHEMA; Schema: -
CREATE SCHEMA pigeonpost_private;
ALTER SCHEMA pigeonpost_private OWNER TO pigeonpost_owner;

-- Name: SCHEMA pigeonpost_private; Type: COMMENT; Schema: -
COMMENT ON SCHEMA pigeonpost_private IS 'Internals of schema pigeonpost, which may change in any release.';

-- Name: apply_parked_updates(integer, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_update jsonb;
  v_channel text;
begin
  for v_update, v_channel in
    with mine as (
      delete from pigeonpost.parked_updates p
      using pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.id = p_message_id
        and p.tenant_id = m.tenant_id and p.external_message_id = m.external_message_id and p.channel = m.channel
        and (p.account_id is null or p.account_id = m.account_id)
        and (p.conversation_external_id is null or pigeonpost.is_chat(m.tenant_id, m.conversation_id, p.conversation_external_id))
      returning p."update", p.channel, p.id
    )
    select mine."update", mine.channel from mine order by mine."update" ->> 'at', mine.id
  loop
    begin
      perform pigeonpost.apply_update_to(p_tenant_id, p_message_id, pigeonpost.normalise_update(v_channel, v_update));
    exception when sqlstate 'PPV01' then
      -- Only a writer that bypasses apply_update() can park an invalid update; it must not fail the insert of its message.
      raise warning 'a parked update of message % is dropped: %', p_message_id, sqlerrm;
    end;
  end loop;
end
$$;
ALTER FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION apply_parked_updates(p_tenant_id integer, p_message_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) IS 'Applies what was parked for a message, oldest first. The triggers call it; nobody else needs to.';

-- Name: apply_receipts(integer, uuid[], text[], timestamp with time zone[]); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_news uuid[];
begin
  if cardinality(p_ids) > 1 then
    -- In the order in which all writers of ours take them.
    perform 1 from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = any (p_ids)
    order by m.external_message_id, m.id for no key update;
  end if;
  with news as (
    update pigeonpost.messages m set
      status = case
        when r.status = 'sent' and m.metadata ->> 'failed_by' = 'receipt' then m.status
        when pigeonpost.status_may_change(m.direction, m.status, r.status) then r.status
        else m.status end,
      sent_at = case when m.direction = 'outbound' then least(m.sent_at, r.at) else m.sent_at end,
      delivered_at = case when m.direction = 'outbound' and r.status in ('delivered', 'read') then least(m.delivered_at, r.at)
        else m.delivered_at end,
      read_at = case when r.status = 'read' then least(m.read_at, r.at) else m.read_at end,
      metadata = case when r.status in ('delivered', 'read') and m.metadata ? 'failed_by' then m.metadata - 'failed_by' else m.metadata end
    from unnest(p_ids, p_statuses, p_times) r (id, status, at)
    where m.tenant_id = p_tenant_id and m.id = r.id and m.direction <> 'system' and (
      pigeonpost.status_may_change(m.direction, m.status, r.status)
        and not (r.status = 'sent' and coalesce(m.metadata ->> 'failed_by', '') = 'receipt')
      or m.direction = 'outbound' and r.at < coalesce(m.sent_at, 'infinity')
      or m.direction = 'outbound' and r.status in ('delivered', 'read') and r.at < coalesce(m.delivered_at, 'infinity')
      or r.status = 'read' and r.at < coalesce(m.read_at, 'infinity'))
    returning m.id
  )
  select coalesce(array_agg(n.id), '{}') into v_news from news n;
  return v_news;
end
$$;
ALTER FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) OWNER TO pigeonpost_owner;

-- Name: FUNCTION apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) IS 'Applies receipts (sent, delivered or read) to messages, one to each; returns those to which they brought something new.';

-- Name: apply_update(integer, text, text, jsonb, uuid, text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid DEFAULT NULL::uuid, p_conversation_external_id text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_update jsonb := pigeonpost.normalise_update(p_channel, p_update);
  v_reference text := p_update ->> 'reference';
  v_id uuid;
  v_parked_id uuid;
begin
  if coalesce(p_external_message_id, '') = '' then
    raise exception 'external_message_id is empty' using errcode = 'PPV01', constraint = 'update_names_its_message',
      column = 'external_message_id', hint = 'Give the channel''s own id of the message.';
  end if;
  v_id := pigeonpost.find_message(p_tenant_id, p_channel, p_external_message_id, p_account_id, p_conversation_external_id);
  -- Before the lock that parking takes: the outcome's recording locks the row first and the id second, and so does this.
  if v_id is null and v_reference is not null then
    v_id := pigeonpost.identify_message(p_tenant_id, p_channel, v_reference, p_external_message_id, p_account_id);
    if v_id is null then
      v_id := pigeonpost.find_message(p_tenant_id, p_channel, p_external_message_id, p_account_id, p_conversation_external_id);
    end if;
  end if;
  if v_id is not null then
    return pigeonpost.apply_update_to(p_tenant_id, v_id, v_update);
  end if;
  insert into pigeonpost.parked_updates (tenant_id, channel, account_id, conversation_external_id, external_message_id, "update")
  values (p_tenant_id, p_channel, p_account_id, p_conversation_external_id, p_external_message_id, v_update)
  returning id into v_parked_id;
  -- Its trigger applies it where the message came meanwhile.
  if not exists (select 1 from pigeonpost.parked_updates p where p.tenant_id = p_tenant_id and p.id = v_parked_id) then
    return 'applied';
  end if;
  return 'parked';
end
$$;
ALTER FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) IS 'A receipt, edit, revoke or reaction for the message with that external id. p_update: {kind, at?, reference?, status?, recipient?, error_code?, error_message?, body?, sender?, emoji?}; reference is the attempt id that was sent along, by which a message is found whose external id is not known yet. Answers applied, ignored (nothing new) or parked (the message is not here yet).';

-- Name: apply_update_to(integer, uuid, jsonb); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
      v_is_new := found or v_is_new;
    else
      v_is_new := cardinality(pigeonpost.apply_receipts(p_tenant_id, array[p_message_id], array[v_status], array[v_at])) > 0 or v_is_new;
    end if;
  elsif v_kind = 'edit' then
    -- Of two edits with the same time the greater text wins, so that their order does not matter.
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
  if v_kind <> 'receipt' then
    v_is_new := found;
  end if;
  return case when v_is_new then 'applied' else 'ignored' end;
end
$$;
ALTER FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) IS 'apply_update() for a message whose id is known: applied or ignored.';

-- Name: archive_thread(integer, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.threads t set status = 'archived'
  where t.tenant_id = p_tenant_id and t.id = p_thread_id and t.status = 'active';
  return found;
end
$$;
ALTER FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION archive_thread(p_tenant_id integer, p_thread_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) IS 'Ends a thread; the next stored message of its conversation opens a new thread. False when there was no active one.';

-- Name: consume_events(text, integer, integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer DEFAULT 500) RETURNS TABLE(id bigint, event_id uuid, tenant_id integer, type text, payload jsonb, created_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
  v_settled := pigeonpost.settle_events(p_tenant_id);
  v_last := v_cursor;
  for id, event_id, tenant_id, type, payload, created_at in
    select l.id, l.event_id, p_tenant_id, l.type, pigeonpost.event_payload(p_tenant_id, l.event_id, l.type, l.message_id,
      l.conversation_id, l.thread_id, l.customer_id, l.account_id, l.payload, l.created_at), l.created_at
    from pigeonpost.log_after(p_tenant_id, v_cursor, v_settled, p_limit) l
  loop
    v_last := id;
    v_count := v_count + 1;
    return next;
  end loop;
  -- Checked last: a partition may have been dropped while this was reading.
  v_floor := pigeonpost.log_floor();
  if v_cursor < v_floor then
    raise exception 'events up to % are no longer kept, and consumer "%" is at %', v_floor, p_consumer, v_cursor
      using errcode = 'PPS01', constraint = 'cursor_above_floor', table = 'event_consumers', column = 'cursor',
        hint = format('What lay between is gone. To go on: update pigeonpost.event_consumers set cursor = %s where tenant_id = %s and name = %L;',
          v_floor, p_tenant_id, p_consumer);
  end if;
  -- Advances to the settled id even without events, so that an idle tenant holds no partition back.
  if p_limit is null or v_count < p_limit then
    v_last := greatest(v_last, v_settled);
  end if;
  -- Also shows that the consumer is alive: one that has not called for long no longer holds partitions back (160_retention.sql).
  update pigeonpost.event_consumers c set cursor = v_last, updated_at = now()
  where c.tenant_id = p_tenant_id and c.name = p_consumer
    and (c.cursor <> v_last or c.updated_at < now() - interval '1 minute');
end
$$;
ALTER FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION consume_events(p_consumer text, p_tenant_id integer, p_limit integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer) IS 'The next events for a named consumer, whose cursor advances in the caller''s transaction: what that transaction does in the database happens exactly once. Concurrent calls for one consumer wait for each other. A new name starts with the oldest event that is kept.';

-- Name: conversation_counters(integer, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) RETURNS TABLE(last_message_at timestamp with time zone, unread_count bigint, total_messages bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select max(k.at), coalesce(sum(k.unread), 0)::bigint, coalesce(sum(k.total), 0)::bigint
  from pigeonpost.threads t
  cross join lateral (
    select max(m.occurred_at) as at, count(*) filter (where m.direction = 'inbound' and m.status = 'delivered') as unread, count(*) as total
    from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.thread_id = t.id) k
  where t.tenant_id = p_tenant_id and t.conversation_id = p_conversation_id;
end
$$;
ALTER FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION conversation_counters(p_tenant_id integer, p_conversation_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) IS 'The counters of one conversation from its messages: exact now, whatever has been folded.';

-- Name: current_customer(integer, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) RETURNS uuid
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with recursive line as (
    select c.id, c.merged_into from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = p_id
    union all
    select c.id, c.merged_into from pigeonpost.customers c join line l on c.tenant_id = p_tenant_id and c.id = l.merged_into
  )
  select l.id from line l where l.merged_into is null
$$;
ALTER FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION current_customer(p_tenant_id integer, p_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) IS 'The customer that an id stands for now, after any chain of merges: itself where there was none; null where there is no such customer.';

-- Name: customer_counters(integer, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) RETURNS TABLE(last_message_at timestamp with time zone, unread_count bigint, total_messages bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select max(k.at), coalesce(sum(k.unread), 0)::bigint, coalesce(sum(k.total), 0)::bigint
  from pigeonpost.threads t
  cross join lateral (
    select max(m.occurred_at) as at, count(*) filter (where m.direction = 'inbound' and m.status = 'delivered') as unread, count(*) as total
    from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.thread_id = t.id) k
  where t.tenant_id = p_tenant_id and t.customer_id = p_customer_id;
end
$$;
ALTER FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION customer_counters(p_tenant_id integer, p_customer_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) IS 'The counters of one customer, over its direct conversations: exact now.';

-- Name: dismiss_webhooks(integer, uuid[]); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  update pigeonpost.webhook_inbox w set status = 'dismissed', processed_at = now()
  where w.tenant_id = p_tenant_id and w.id = any (p_ids) and w.status in ('received', 'failed')
  returning w.id;
end
$$;
ALTER FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) OWNER TO pigeonpost_owner;

-- Name: FUNCTION dismiss_webhooks(p_tenant_id integer, p_ids uuid[]); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) IS 'Marks failed webhooks as dismissed and returns the ids of those that were. A replay can still process them.';

-- Name: event_payload(integer, uuid, text, uuid, uuid, uuid, uuid, uuid, jsonb, timestamp with time zone); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_message record;
  v_conversation record;
  v_version integer;
  v_body text;
  v_result jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event_id', p_event_id, 'message_id', p_message_id, 'conversation_id', p_conversation_id,
    'thread_id', p_thread_id, 'customer_id', p_customer_id, 'account_id', p_account_id))
    || coalesce(p_payload, '{}')
    || jsonb_build_object('timestamp', to_char(p_created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
begin
  if p_type like 'message.%' then
    select m.direction, m.channel, m.content_type, m.external_message_id, m.body, m.body_version, m.revoked_at, m.status
    into v_message
    from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = p_message_id;
    if not found then
      return v_result || '{"body": null, "redacted": "erased"}';
    end if;
    v_result := v_result || jsonb_build_object('direction', v_message.direction, 'channel', v_message.channel,
      'content_type', v_message.content_type, 'external_message_id', v_message.external_message_id);
    if p_type in ('message.status', 'message.reclassified') then
      return v_result;
    end if;
    if v_message.revoked_at is not null then
      return v_result || '{"body": null, "redacted": "revoked"}';
    end if;
    v_version := coalesce((p_payload ->> 'version')::integer, 1);
    if v_version = v_message.body_version then
      v_body := v_message.body;
    else
      -- Its own row, and for the first version, which has none, the one after it: the rows of two copies that a merge
      -- joined follow one another, and there what came before is not the version before.
      select case h.body_version when v_version then h.body else h.previous_body end into v_body
      from pigeonpost.message_history h
      where h.tenant_id = p_tenant_id and h.message_id = p_message_id
        and h.body_version in (v_version, v_version + 1)
      order by h.body_version limit 1;
      if not found then
        return v_result || '{"body": null, "redacted": "erased"}';
      end if;
    end if;
    return v_result || jsonb_build_object('body', v_body);
  elsif p_type in ('conversation.opened', 'conversation.closed') then
    select c.type, c.status, c.channel, c.group_name into v_conversation
    from pigeonpost.conversations c where c.tenant_id = p_tenant_id and c.id = p_conversation_id;
    return v_result || jsonb_build_object('type', v_conversation.type, 'channel', v_conversation.channel, 'participants', (
      select coalesce(jsonb_agg(p.customer_id order by p.joined_at, p.id), '[]') from pigeonpost.conversation_participants p
      where p.tenant_id = p_tenant_id and p.conversation_id = p_conversation_id and p.customer_id is not null
        and p.joined_at <= p_created_at and (p.left_at is null or p.left_at > p_created_at)));
  elsif p_type like 'media.%' then
    return v_result || coalesce((
      select jsonb_build_object('filename', m.filename, 'content_type', m.content_type)
        || jsonb_strip_nulls(jsonb_build_object('error_code', case when p_type = 'media.rejected' then m.error_code end))
      from pigeonpost.media m
      where m.tenant_id = p_tenant_id and m.id = (p_payload ->> 'media_id')::uuid),
      '{"filename": null, "content_type": null, "redacted": "erased"}');
  end if;
  return v_result;
end
$$;
ALTER FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) OWNER TO pigeonpost_owner;

-- Name: FUNCTION event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) IS 'The payload of an event: ids, timestamp (ISO 8601, UTC), and for messages direction and body. Where the body no longer exists it is null, with "redacted" for the reason.';

-- Name: find_message(integer, text, text, uuid, text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select f.id
    from (
      select m.id, m.created_at, m.conversation_id from pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.external_message_id = p_external_message_id and m.channel = p_channel
        and (p_account_id is null or m.account_id = p_account_id)
        and (p_conversation_external_id is null or pigeonpost.is_chat(m.tenant_id, m.conversation_id, p_conversation_external_id))
      -- By the external id, whatever the statistics say: the index of times would lead through all that came since.
      offset 0) f
    -- All rows of one transaction have the same time; then the older conversation's is taken, whatever the order of inserts.
    order by f.created_at desc, f.conversation_id
    limit 1);
end
$$;
ALTER FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) IS 'The newest message with that external id on that channel, of that account and chat where they are given; null where there is none.';

-- Name: fold(integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.fold(p_limit integer DEFAULT 5000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id integer;
  v_held integer;
  v_settled bigint;
  v_count integer := 0;
  -- The worker folds for all tenants, anyone else for those that it is bound to.
  v_all constant boolean := pg_has_role(coalesce(nullif(current_setting('role'), 'none'), session_user), 'pigeonpost_app', 'usage');
begin
  for v_try in 1..100 loop
    v_held := null;
    for v_tenant_id in
      select c.tenant_id from pigeonpost_private.log_cursors c
      where c.name = 'fold' and pigeonpost_private.next_log_id(c.tenant_id, c.cursor) is not null
        and (v_all or pigeonpost_private.caller_is_bound_to(c.tenant_id))
      order by c.tenant_id
    loop
      -- Outside, so that it is not forgotten with a try that fails.
      v_settled := pigeonpost_private.settle_log(v_tenant_id);
      begin
        v_count := v_count + pigeonpost_private.fold_tenant(v_tenant_id, v_settled, p_limit);
      exception when lock_not_available then
        v_held := v_tenant_id;
      end;
    end loop;
    exit when v_count > 0 or v_held is null;
    if v_try = 100 then
      raise lock_not_available using message = format('others hold conversations of tenant %s', v_held);
    end if;
    perform pg_sleep(0.001 * least(v_try, 20));
  end loop;
  return v_count;
end
$$;
ALTER FUNCTION pigeonpost.fold(p_limit integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION fold(p_limit integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.fold(p_limit integer) IS 'Folds at most so many events of each tenant of the caller''s into the counters of conversations and customers; returns how many. The worker calls it all the time; without a worker, call it until it returns 0. Raises 55P03 where others hold a conversation for more than a second or two.';

-- Name: grant_tenant(name, integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.grant_tenant(p_role name, p_tenant_id integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_tenant_id is not null then
    perform pigeonpost_private.ensure_tenant(p_tenant_id);
  end if;
  insert into pigeonpost.tenant_roles (tenant_id, role)
  values (coalesce(p_tenant_id, 0), quote_ident(p_role)::regrole)
  on conflict (tenant_id, role) do nothing;
end
$$;
ALTER FUNCTION pigeonpost.grant_tenant(p_role name, p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION grant_tenant(p_role name, p_tenant_id integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.grant_tenant(p_role name, p_tenant_id integer) IS 'Binds a role to a tenant, creating the tenant if need be. A null tenant binds it to all, those to come included. Owner only.';

-- Name: has_control_characters(text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.has_control_characters(p_body text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (p_body ~ '[\x01-\x08\x0b-\x1f]'::text);
ALTER FUNCTION pigeonpost.has_control_characters(p_body text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION has_control_characters(p_body text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.has_control_characters(p_body text) IS 'Whether a body has C0 control characters, tab and newline excepted: those that sanitize_body() takes out.';

-- Name: identify_message(integer, text, text, text, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_id uuid;
begin
  -- Providers may return anything as the reference.
  if p_reference !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return null;
  end if;
  -- First, so that the update has an id to go by: in its condition the function would be called for each row.
  v_id := pigeonpost.message_of_attempt(p_tenant_id, p_reference::uuid);
  if v_id is null then
    return null;
  end if;
  update pigeonpost.messages m set external_message_id = p_external_message_id
  where m.tenant_id = p_tenant_id and m.id = v_id and m.external_message_id is null
    and m.direction = 'outbound' and m.channel = p_channel and (p_account_id is null or m.account_id = p_account_id)
  returning m.id into v_id;
  return v_id;
end
$_$;
ALTER FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid) IS 'Gives the external id to the outbound message that was sent with this attempt id and has none yet; null where there is none. What was parked under the external id is applied.';

-- Name: ingest(jsonb); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.ingest(p_messages jsonb) RETURNS TABLE(ordinal integer, outcome text, id uuid, number bigint, code text, constraint_name text, field text, message text, hint text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
declare
  v_given text;
  v_other text;
  v_tenant_id integer;
  v_results jsonb;
  v_ordinals bigint[];
  v_ids uuid[];
  v_numbers bigint[];
begin
  if jsonb_typeof(p_messages) is distinct from 'array' then
    raise exception 'messages is not a JSON array' using errcode = 'PPV01', constraint = 'ingest_messages_are_an_array',
      hint = 'Give an array of objects with the columns of pigeonpost.messages as names.';
  end if;
  if p_messages = '[]' then
    return;
  end if;
  v_given := p_messages -> 0 ->> 'tenant_id';
  if v_given is null or jsonb_path_exists(p_messages, '$[1 to last].tenant_id ? (!(@ == $first) || (@ == $first) is unknown)',
      jsonb_build_object('first', p_messages -> 0 -> 'tenant_id')) then
    select min(e ->> 'tenant_id'), max(e ->> 'tenant_id') into v_given, v_other from jsonb_array_elements(p_messages) e;
    if v_other <> v_given then
      raise exception 'the messages are not of one tenant' using errcode = 'PPV01', constraint = 'ingest_is_of_one_tenant', column = 'tenant_id',
        hint = 'Give each message the same tenant_id; one transaction writes one tenant.';
    end if;
  end if;
  if v_given is null or v_given !~ '^[1-9][0-9]{0,9}$' or v_given::bigint > 2147483647 then
    raise exception 'tenant_id % is not the number of a tenant', coalesce(v_given, 'null') using errcode = 'PPV01',
      constraint = 'tenant_is_named', column = 'tenant_id', hint = 'Give the company''s number as tenant_id.';
  end if;
  v_tenant_id := v_given;
  insert into pigeonpost.ingest_batches (tenant_id, messages) values (v_tenant_id, p_messages)
  returning results, ordinals, ids, numbers into v_results, v_ordinals, v_ids, v_numbers;
  if jsonb_array_length(p_messages) = 1 then
    v_results := v_results -> '1';
    ordinal := 1;
    outcome := v_results ->> 'outcome';
    if outcome = 'refused' then
      code := v_results ->> 'code';
      constraint_name := v_results ->> 'constraint';
      field := v_results ->> 'field';
      message := v_results ->> 'message';
      hint := v_results ->> 'hint';
    else
      id := v_results ->> 'id';
      number := v_results ->> 'number';
    end if;
    return next;
    return;
  end if;
  return query
    select s.ord::integer, 'stored', s.id, s.number, null, null, null, null, null from unnest(v_ordinals, v_ids, v_numbers) s (ord, id, number)
    union all
    select r.key::integer, r.value ->> 'outcome', (r.value ->> 'id')::uuid, (r.value ->> 'number')::bigint, r.value ->> 'code',
      r.value ->> 'constraint', r.value ->> 'field', r.value ->> 'message', r.value ->> 'hint'
    from jsonb_each(v_results) r order by 1;
end
$_$;
ALTER FUNCTION pigeonpost.ingest(p_messages jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION ingest(p_messages jsonb); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.ingest(p_messages jsonb) IS 'Stores many messages of one tenant in one call: an array of objects named as the columns of pigeonpost.messages. Answers each by its ordinal (from 1): stored, duplicate, or refused with SQLSTATE, constraint, field and hint; one bad row does not sink the rest.';

-- Name: is_chat(integer, uuid, text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return exists (
    select 1 from pigeonpost.conversations c
    where c.tenant_id = p_tenant_id and c.id = p_conversation_id and (
      c.external_id is not distinct from p_external_id
      or c.type = 'direct' and c.external_id is null and exists (
        select 1 from pigeonpost.customer_identities i
        where i.tenant_id = p_tenant_id and i.channel = c.channel
          and i.address = pigeonpost.normalize_address(c.channel, p_external_id) and i.customer_id = c.customer_id)));
end
$$;
ALTER FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) IS 'Whether a channel means this conversation by that id: a group''s own, or, for a direct chat, an address of the counterpart.';

-- Name: is_content_type(text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.is_content_type(p_content_type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (p_content_type = ANY (ARRAY['text'::text, 'image'::text, 'audio'::text, 'video'::text, 'file'::text, 'location'::text, 'structured'::text]));
ALTER FUNCTION pigeonpost.is_content_type(p_content_type text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION is_content_type(p_content_type text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.is_content_type(p_content_type text) IS 'Whether messages can be of this type.';

-- Name: is_phone(text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.is_phone(p_address text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((p_address ~~ '+%'::text) AND (p_address !~~ '+0%'::text) AND ((octet_length(p_address) >= 8) AND (octet_length(p_address) <= 16)) AND (translate(p_address, '0123456789'::text, ''::text) = '+'::text));
ALTER FUNCTION pigeonpost.is_phone(p_address text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION is_phone(p_address text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.is_phone(p_address text) IS 'Whether this is a phone number in E.164: + and 7 to 15 digits.';

-- Name: is_phone_channel(text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.is_phone_channel(p_channel text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (p_channel = ANY (ARRAY['whatsapp'::text, 'sms'::text, 'fakechat'::text]));
ALTER FUNCTION pigeonpost.is_phone_channel(p_channel text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION is_phone_channel(p_channel text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.is_phone_channel(p_channel text) IS 'Whether addresses on this channel are phone numbers.';

-- Name: log_after(integer, bigint, bigint, integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) RETURNS TABLE(id bigint, event_id uuid, type text, message_id uuid, conversation_id uuid, thread_id uuid, customer_id uuid, account_id uuid, payload jsonb, created_at timestamp with time zone)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  return query
  select l.id, l.event_id, l.type, l.message_id, l.conversation_id, l.thread_id, l.customer_id, l.account_id, l.payload, l.created_at
  from (
    (select e.id, e.event_id, e.type, e.message_id, e.conversation_id, e.thread_id, e.customer_id, e.account_id, e.payload, e.created_at
    from pigeonpost.events e
    where e.tenant_id = p_tenant_id and e.id > p_after and e.id <= p_up_to order by e.id limit p_limit)
    union all
    (select m.number, m.id, 'message.' || m.direction || '.created', m.id, m.conversation_id, m.thread_id,
      coalesce(m.sender_customer_id, m.customer_id), m.account_id, null::jsonb, m.created_at
    from pigeonpost.messages m
    where m.tenant_id = p_tenant_id and m.number > p_after and m.number <= p_up_to and m.is_own_event
    order by m.number limit p_limit)
    union all
    (select s.number, s.id, 'message.status', s.message_id, m.conversation_id, m.thread_id, m.customer_id, m.account_id,
      pigeonpost.status_payload(m.direction, s.status, s.previous_status, s.error_code, s.content_type), s.created_at
    from (
      select * from pigeonpost.message_statuses o
      where o.tenant_id = p_tenant_id and o.number > p_after and o.number <= p_up_to and o.previous_status is not null
      order by o.number limit p_limit) s
    join pigeonpost.messages m on m.tenant_id = s.tenant_id and m.id = s.message_id
    order by s.number)
  ) l
  order by l.id limit p_limit;
end
$$;
ALTER FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) IS 'The next events of one tenant after p_after and up to p_up_to, oldest first, at most p_limit; null for no limit. Runs as the invoker.';

-- Name: log_floor(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.log_floor() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select f.floor_id from pigeonpost_private.log_floor f $$;
ALTER FUNCTION pigeonpost.log_floor() OWNER TO pigeonpost_owner;

-- Name: FUNCTION log_floor(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.log_floor() IS 'The id up to which the log is no longer kept. A cursor below it gets an error (PPS01), never a gap.';

-- Name: mark_processed(integer, uuid[]); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_count integer;
begin
  update pigeonpost.messages m set is_processed = true
  where m.tenant_id = p_tenant_id and m.id = any (p_ids) and not m.is_processed;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
ALTER FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) OWNER TO pigeonpost_owner;

-- Name: FUNCTION mark_processed(p_tenant_id integer, p_ids uuid[]); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) IS 'Sets is_processed; returns how many were not yet.';

-- Name: merge_customers(integer, uuid, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) IS 'Merges the loser into the winner: identities, conversations, threads, participants and messages move, duplicates of a message are deleted, one active thread stays. Event customer.merged. Merging twice changes nothing.';

-- Name: message_of_attempt(integer, uuid); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id uuid;
begin
  select d.message_id into v_id
  from pigeonpost.delivery_attempts d
  left join pigeonpost.outbox o on o.tenant_id = d.tenant_id and o.message_id = d.message_id
  where d.tenant_id = p_tenant_id and d.attempt_id = p_attempt_id and case when o.message_id is not null
    then o.attempt_id = p_attempt_id
    else d.outcome <> 'failed' and not exists (
      select 1 from pigeonpost.delivery_attempts l
      where l.tenant_id = d.tenant_id and l.message_id = d.message_id and l.started_at > d.started_at and l.attempt_id <> d.attempt_id)
    end
  order by d.attempt desc limit 1;
  return v_id;
end
$$;
ALTER FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION message_of_attempt(p_tenant_id integer, p_attempt_id uuid); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) IS 'The message that is being sent, or was last sent, under this attempt id; null where there is none, or it has been sent under another since.';

-- Name: my_tenants(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.my_tenants() RETURNS integer[]
    LANGUAGE plpgsql PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenants integer[];
begin
  -- The API's case first, as one comparison: each table of a query calls this, and the rest takes ten times as long.
  if current_user = 'pigeonpost_app' then
    return array[nullif(current_setting('pigeonpost.tenant', true), '')::integer];
  end if;
  -- Their own bindings are all that they see of tenant_roles.
  v_tenants := array(select r.tenant_id from pigeonpost.tenant_roles r);
  if 0 = any (v_tenants) or pg_has_role('pigeonpost_owner', 'usage') then
    return array(select t.tenant_id from pigeonpost.tenants t);
  end if;
  if pg_has_role('pigeonpost_app', 'usage') then
    return v_tenants || nullif(current_setting('pigeonpost.tenant', true), '')::integer;
  end if;
  return v_tenants;
end
$$;
ALTER FUNCTION pigeonpost.my_tenants() OWNER TO pigeonpost_owner;

-- Name: FUNCTION my_tenants(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.my_tenants() IS 'The tenants whose rows the current role may see.';

-- Name: normalise_update(text, jsonb); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    raise exception 'status "%" is not one of a receipt', p_update ->> 'status' using errcode = 'PPV01', constraint = 'receipt_status_known',
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
      raise exception 'at "%" is not a time', p_update ->> 'at' using errcode = 'PPV01', constraint = 'update_time_known', column = 'at',
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
ALTER FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION normalise_update(p_channel text, p_update jsonb); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) IS 'An update as apply_update keeps it: checked, its time in UTC, its addresses in the one spelling of the channel.';

-- Name: normalize_address(text, text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_channel constant text := lower(btrim(p_channel));
  v_address text := btrim(p_address, E' \t\r\n');
  v_digits text;
begin
  if pigeonpost.is_phone(v_address) then
    return v_address;
  end if;
  if v_channel = 'email' then
    return nullif(lower(btrim(coalesce(substring(v_address from '<([^<>]*)>$'), v_address), E' \t\r\n')), '');
  end if;
  if not pigeonpost.is_phone_channel(v_channel) then
    return nullif(v_address, '');
  end if;
  v_address := regexp_replace(v_address, '^((whatsapp|tel|sms):\s*)+', '', 'i');
  -- A JID may also name the agent and the device, which do not identify the person. A LID or a group keeps its domain.
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
$_$;
ALTER FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION normalize_address(p_channel text, p_address text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) IS 'The one spelling of an address on a channel: phones as E.164, WhatsApp JIDs of phones too, mail in lower case without a display name, anything else trimmed. Null when empty.';

-- Name: problem_of(text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.problem_of(p_status text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ select case when p_status in ('failed', 'unknown', 'canceled') then p_status end $$;
ALTER FUNCTION pigeonpost.problem_of(p_status text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION problem_of(p_status text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.problem_of(p_status text) IS 'The value of messages.problem for a status: itself, where it is failed, unknown or canceled; null otherwise.';

-- Name: read_events(bigint, integer, integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.read_events(p_after bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 500, p_tenant_id integer DEFAULT NULL::integer) RETURNS TABLE(id bigint, event_id uuid, tenant_id integer, type text, payload jsonb, created_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_settled constant bigint := pigeonpost.settle_events(p_tenant_id);
  v_floor bigint;
begin
  return query
    select l.id, l.event_id, t.tenant_id, l.type, pigeonpost.event_payload(t.tenant_id, l.event_id, l.type, l.message_id,
      l.conversation_id, l.thread_id, l.customer_id, l.account_id, l.payload, l.created_at), l.created_at
    from (
      select p_tenant_id as tenant_id where p_tenant_id is not null
      union all
      select r.tenant_id from pigeonpost.tenants r where p_tenant_id is null) t
    -- Messages and statuses outlive what the log keeps.
    cross join lateral pigeonpost.log_after(t.tenant_id, coalesce(p_after, pigeonpost.log_floor()), v_settled, p_limit) l
    order by l.id limit p_limit;
  -- Checked last: a partition may have been dropped while this was reading.
  v_floor := pigeonpost.log_floor();
  if p_after < v_floor then
    raise exception 'events up to % are no longer kept, and the cursor is at %', v_floor, p_after
      using errcode = 'PPS01', constraint = 'cursor_above_floor', table = 'events', column = 'p_after',
        hint = format('Read on from %s, or give null for the oldest that is kept; what lay between is gone.', v_floor);
  end if;
end
$$;
ALTER FUNCTION pigeonpost.read_events(p_after bigint, p_limit integer, p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION read_events(p_after bigint, p_limit integer, p_tenant_id integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.read_events(p_after bigint, p_limit integer, p_tenant_id integer) IS 'Events after a cursor (an id; null for the oldest that is kept), oldest first, of one tenant or of all that the role may see; settled ones only, so that none appears later below the cursor. Keep the last id as the next cursor. For all tenants together: up to where every log is settled, so one tenant''s open transaction holds it up; a cursor per tenant avoids that.';

-- Name: revoke_tenant(name, integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.revoke_tenant(p_role name, p_tenant_id integer) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from pigeonpost.tenant_roles r
  where r.tenant_id = coalesce(p_tenant_id, 0) and r.role = quote_ident(p_role)::regrole;
  return found;
end
$$;
ALTER FUNCTION pigeonpost.revoke_tenant(p_role name, p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION revoke_tenant(p_role name, p_tenant_id integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.revoke_tenant(p_role name, p_tenant_id integer) IS 'Revokes a grant of grant_tenant(); a null tenant revokes the grant on all. True when there was one. Owner only.';

-- Name: sanitize_body(text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.sanitize_body(p_body text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select pg_catalog.regexp_replace(p_body, E'[\\x01-\\x08\\x0b-\\x1f]', '', 'g')
$$;
ALTER FUNCTION pigeonpost.sanitize_body(p_body text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION sanitize_body(p_body text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.sanitize_body(p_body text) IS 'The body without C0 control characters, tab and newline excepted.';

-- Name: settle_events(integer); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.settle_events(p_tenant_id integer DEFAULT NULL::integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_caller constant name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
  if pigeonpost_private.caller_is_bound_to(0) then
    return pigeonpost_private.settle_log(coalesce(p_tenant_id, 0));
  end if;
  return coalesce((
    select min(pigeonpost_private.settle_log(o.tenant_id))
    from (
      select r.tenant_id from pigeonpost.tenant_roles r where pg_has_role(v_caller, r.role, 'usage')
      union
      select nullif(current_setting('pigeonpost.tenant', true), '')::integer where pg_has_role(v_caller, 'pigeonpost_app', 'usage')
    ) o
    where o.tenant_id = coalesce(p_tenant_id, o.tenant_id)), 0);
end
$$;
ALTER FUNCTION pigeonpost.settle_events(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION settle_events(p_tenant_id integer); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.settle_events(p_tenant_id integer) IS 'Advances and returns the id up to which a tenant''s log is settled (no open transaction can still add to it); without a tenant, up to which those of all tenants are that the role may see. 0 for a tenant that the role may not see. read_events() calls it.';

-- Name: status_may_change(text, text, text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select case p_direction
    when 'outbound' then case p_from
      when 'queued' then p_to in ('sent', 'delivered', 'read', 'failed', 'canceled', 'unknown')
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
ALTER FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION status_may_change(p_direction text, p_from text, p_to text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) IS 'The only table of transitions. What is queued may be under way: see messages_with_state. From failed and unknown: to queued by retry or resolve, to sent, delivered and read by a receipt that proves it.';

-- Name: status_payload(text, text, text, text, text); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('direction', p_direction, 'status', p_status,
    'previous_status', p_previous_status, 'error_code', p_error_code, 'content_type', p_content_type))
$$;
ALTER FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) IS 'The payload of an event message.status.';

-- Name: tg_et_messages__insert(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.tg_et_messages__insert() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    raise exception 'timestamp % is not a time in milliseconds', new.timestamp using errcode = 'PPV01', constraint = 'et_messages_timestamp_in_range',
      table = 'et_messages', column = 'timestamp', hint = 'Give Unix milliseconds, such as 1708186800000.';
  end if;
  for v_try in 1..3 loop
    -- An existing row in any of the lead's conversations of this channel, so that a redelivery is recognised whichever account
    -- the lead talks to now, and a client that expects one row back gets it.
    select f.number into v_number
    from (
      select m.number
      from pigeonpost.messages m
      join pigeonpost.customers l on l.tenant_id = m.tenant_id and l.lead_id = new.lead_id
      where m.tenant_id = new.tenant_id and m.external_message_id = new.message_id and m.channel = new.channel
        and m.customer_id = case when l.merged_into is null then l.id else pigeonpost.current_customer(l.tenant_id, l.id) end
      offset 0) f
    order by f.number limit 1;
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
ALTER FUNCTION pigeonpost.tg_et_messages__insert() OWNER TO pigeonpost_owner;

-- Name: FUNCTION tg_et_messages__insert(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.tg_et_messages__insert() IS 'An insert into et_messages is one into messages, with the caller''s own rights.';

-- Name: tg_et_messages__update(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.tg_et_messages__update() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (new.id, new.tenant_id, new.lead_id, new.thread_id, new.channel, new.message_id, new.timestamp, new.direction, new.message_type,
      new.created_at) is distinct from
     (old.id, old.tenant_id, old.lead_id, old.thread_id, old.channel, old.message_id, old.timestamp, old.direction, old.message_type,
      old.created_at) then
    raise exception 'only text_content, media_url and raw_json of a stored message can change' using errcode = 'PPC01',
      constraint = 'messages_sides_never_change', table = 'et_messages', hint = 'Insert another message instead.';
  end if;
  update pigeonpost.messages m set body = new.text_content, media_url = new.media_url, raw = new.raw_json
  where m.tenant_id = old.tenant_id and m.number = old.id;
  return new;
end
$$;
ALTER FUNCTION pigeonpost.tg_et_messages__update() OWNER TO pigeonpost_owner;

-- Name: FUNCTION tg_et_messages__update(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.tg_et_messages__update() IS 'text_content, media_url and raw_json of et_messages may change; a new text is an edit.';

-- Name: tg_et_threads__insert(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.tg_et_threads__insert() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception 'threads open by themselves' using errcode = 'PPC01', constraint = 'threads_open_by_themselves',
    table = 'et_threads', hint = 'Insert the message into et_messages with thread_id left out.';
end
$$;
ALTER FUNCTION pigeonpost.tg_et_threads__insert() OWNER TO pigeonpost_owner;

-- Name: FUNCTION tg_et_threads__insert(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.tg_et_threads__insert() IS 'Refuses: threads open by themselves.';

-- Name: tg_et_threads__update(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.tg_et_threads__update() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (new.id, new.tenant_id, new.lead_id, new.channel, new.created_at) is distinct from
     (old.id, old.tenant_id, old.lead_id, old.channel, old.created_at) then
    raise exception 'only the status of a thread can change' using errcode = 'PPC01',
      constraint = 'threads_sides_never_change', table = 'et_threads', hint = 'Set status to archived; the next message opens a new thread.';
  end if;
  update pigeonpost.threads t set status = new.status
  where t.tenant_id = old.tenant_id and t.number = old.id and t.status is distinct from new.status;
  return new;
end
$$;
ALTER FUNCTION pigeonpost.tg_et_threads__update() OWNER TO pigeonpost_owner;

-- Name: FUNCTION tg_et_threads__update(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.tg_et_threads__update() IS 'Setting status to archived ends a thread.';

-- Name: uuid_v7(); Type: FUNCTION; Schema: pigeonpost
CREATE FUNCTION pigeonpost.uuid_v7() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    AS $$
        select encode(
          set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
              placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
            52, 1), 53, 1), 'hex')::uuid
      $$;
ALTER FUNCTION pigeonpost.uuid_v7() OWNER TO pigeonpost_owner;

-- Name: FUNCTION uuid_v7(); Type: COMMENT; Schema: pigeonpost
COMMENT ON FUNCTION pigeonpost.uuid_v7() IS 'A version 7 UUID (RFC 9562): Postgres'' own from 18 on, a fallback of the same layout below. Sorts by time of creation.';

-- Name: accept_message(integer, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.accept_message(p_tenant_id integer, p_message_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_message record;
  v_day record;
begin
  select o.account_id, o.due_at into v_message from pigeonpost.outbox o
  where o.tenant_id = p_tenant_id and o.message_id = p_message_id and o.state in ('queued', 'scheduled');
  if not found then
    return;
  end if;
  select * into v_day from pigeonpost_private.take_day(p_tenant_id, v_message.account_id, 1,
    greatest(v_message.due_at, pigeonpost_private.clock()));
  if v_day.granted = 0 then
    raise exception 'Daily message limit reached' using errcode = 'PPA02', constraint = 'daily_limit_reached', table = 'messages',
      column = 'account_id', hint = format('The account''s next day begins at %s.', pigeonpost_private.iso_8601(v_day.next_day));
  end if;
  update pigeonpost.outbox o set accepted_on = v_day.day
  where o.tenant_id = p_tenant_id and o.message_id = p_message_id and v_day.day is not null;
end
$$;
ALTER FUNCTION pigeonpost_private.accept_message(p_tenant_id integer, p_message_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION accept_message(p_tenant_id integer, p_message_id uuid); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.accept_message(p_tenant_id integer, p_message_id uuid) IS 'Counts a new message for the day that it is for, so that it does not have to wait for the daily limit. Raises daily_limit_reached where the day is full.';

-- Name: accounts_named(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.accounts_named(p_tenant_id integer, p_named jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into pigeonpost.accounts (tenant_id, channel, address)
  select distinct p_tenant_id, g.channel, pigeonpost.normalize_address(g.channel, g.account_address) as address
  from jsonb_to_recordset(p_named) g (channel text, account_address text, opens_account boolean)
  where g.opens_account and pigeonpost.normalize_address(g.channel, g.account_address) is not null and not exists (
    select 1 from pigeonpost.accounts a where a.tenant_id = p_tenant_id and a.channel = g.channel
      and a.address = pigeonpost.normalize_address(g.channel, g.account_address))
  order by address
  on conflict do nothing;
  return (
    select coalesce(jsonb_object_agg(g.channel || ' ' || g.account_address, a.id), '{}')
    from (select distinct r.channel, r.account_address from jsonb_to_recordset(p_named) r (channel text, account_address text)) g
    join pigeonpost.accounts a on a.tenant_id = p_tenant_id and a.channel = g.channel
      and a.address = pigeonpost.normalize_address(g.channel, g.account_address));
end
$$;
ALTER FUNCTION pigeonpost_private.accounts_named(p_tenant_id integer, p_named jsonb) OWNER TO pigeonpost_owner;

-- Name: add_media_task(integer, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.add_media_task(p_tenant_id integer, p_kind text, p_subject text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into pigeonpost_private.media_tasks as t (tenant_id, kind, subject) values (p_tenant_id, p_kind, p_subject)
  on conflict on constraint media_tasks_pkey do update set due_at = least(t.due_at, excluded.due_at)
$$;
ALTER FUNCTION pigeonpost_private.add_media_task(p_tenant_id integer, p_kind text, p_subject text) OWNER TO pigeonpost_owner;

-- Name: append_event(integer, text, uuid, uuid, uuid, uuid, uuid, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.append_event(p_tenant_id integer, p_type text, p_conversation_id uuid DEFAULT NULL::uuid, p_thread_id uuid DEFAULT NULL::uuid, p_customer_id uuid DEFAULT NULL::uuid, p_account_id uuid DEFAULT NULL::uuid, p_message_id uuid DEFAULT NULL::uuid, p_payload jsonb DEFAULT NULL::jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_event_id uuid;
  v_id bigint;
begin
  perform pigeonpost_private.take_write_lock(p_tenant_id);
  insert into pigeonpost.events (tenant_id, id, type, conversation_id, thread_id, customer_id, account_id, message_id, payload)
  values (p_tenant_id, nextval('pigeonpost.log_id_seq'), p_type, p_conversation_id, p_thread_id, p_customer_id, p_account_id,
    p_message_id, p_payload)
  returning event_id, id into v_event_id, v_id;
  if pigeonpost_private.may_notify() then
    perform pg_notify('pigeonpost_events', pigeonpost_private.notification(v_event_id, v_id, p_type, p_tenant_id));
  end if;
end
$$;
ALTER FUNCTION pigeonpost_private.append_event(p_tenant_id integer, p_type text, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_message_id uuid, p_payload jsonb) OWNER TO pigeonpost_owner;

-- Name: apply_plain_receipts(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.apply_plain_receipts(p_tenant_id integer, p_updates jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_ords bigint[];
  v_ids uuid[];
  v_statuses text[];
  v_times timestamptz[];
  v_news uuid[];
begin
  if jsonb_array_length(p_updates) < 2 then
    return '{}';
  end if;
  select array_agg(f.ord), array_agg(f.message_id), array_agg(f.said ->> 'status'), array_agg((f.said ->> 'at')::timestamptz)
  into v_ords, v_ids, v_statuses, v_times
  from (
    select r.ord, pigeonpost.normalise_update(r.channel, r.said) as said,
      pigeonpost.find_message(p_tenant_id, r.channel, r.id, r.account_id, r.chat) as message_id
    from (
      select r.*, r.ordinality as ord, count(*) over (partition by r.id) as count
      from rows from (jsonb_to_recordset(p_updates) as (channel text, account_id uuid, id text, chat text, said jsonb)) with ordinality r) r
    where r.count = 1 and r.id <> '' and r.said ->> 'kind' = 'receipt' and r.said ->> 'status' in ('sent', 'delivered', 'read')
      and r.said ->> 'recipient' is null
    offset 0) f
  where f.message_id is not null;
  if v_ids is null then
    return '{}';
  end if;
  v_news := pigeonpost.apply_receipts(p_tenant_id, v_ids, v_statuses, v_times);
  return (
    select jsonb_object_agg(o.ord, jsonb_build_object('outcome', case when o.id = any (v_news) then 'applied' else 'ignored' end))
    from unnest(v_ords, v_ids) o (ord, id));
end
$$;
ALTER FUNCTION pigeonpost_private.apply_plain_receipts(p_tenant_id integer, p_updates jsonb) OWNER TO pigeonpost_owner;

-- Name: apply_updates(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.apply_updates(p_tenant_id integer, p_updates jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_one record;
  v_answers jsonb[] := array_fill(null::jsonb, array[jsonb_array_length(p_updates)]);
  v_each boolean := false;
  v_receipts jsonb := '{}';
begin
  loop
    begin
      if not v_each then
        v_receipts := pigeonpost_private.apply_plain_receipts(p_tenant_id, p_updates);
      end if;
      for v_one in
        select r.*, r.ordinality as ord
        from rows from (jsonb_to_recordset(p_updates) as (channel text, account_id uuid, id text, chat text, said jsonb)) with ordinality r
        order by r.id, r.ordinality
      loop
        v_answers[v_one.ord] := case
          when v_receipts ? v_one.ord::text then v_receipts -> v_one.ord::text
          when v_each then pigeonpost_private.try_update(p_tenant_id, v_one.channel, v_one.id, v_one.said, v_one.account_id, v_one.chat)
          else jsonb_build_object('outcome',
            pigeonpost.apply_update(p_tenant_id, v_one.channel, v_one.id, v_one.said, v_one.account_id, v_one.chat)) end;
      end loop;
      exit;
    exception when others then
      if v_each or pigeonpost_private.is_callers_error(sqlstate) then
        raise;
      end if;
      v_each := true;
      v_receipts := '{}';
    end;
  end loop;
  return to_jsonb(v_answers);
end
$$;
ALTER FUNCTION pigeonpost_private.apply_updates(p_tenant_id integer, p_updates jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION apply_updates(p_tenant_id integer, p_updates jsonb); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.apply_updates(p_tenant_id integer, p_updates jsonb) IS 'Applies updates and answers each, in the order given: {"outcome": "applied" | "ignored" | "parked"}, or "refused" with its error.';

-- Name: caller_is_bound_to(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.caller_is_bound_to(p_tenant_id integer) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_caller constant name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
  return pg_has_role(v_caller, 'pigeonpost_owner', 'usage') or exists (
    select 1 from pigeonpost.tenant_roles r where r.tenant_id in (p_tenant_id, 0) and pg_has_role(v_caller, r.role, 'usage'));
end
$$;
ALTER FUNCTION pigeonpost_private.caller_is_bound_to(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: change_group(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.change_group(p_tenant_id integer, p_change jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.conversations c set
    group_name = coalesce(nullif(p_change ->> 'name', ''), c.group_name),
    group_avatar = coalesce(p_change ->> 'avatar', c.group_avatar),
    group_metadata = c.group_metadata || coalesce(nullif(p_change -> 'metadata', 'null'), '{}'),
    external_id = case when p_change ->> 'new_external_id' is null or exists (
      select 1 from pigeonpost.conversations o where o.tenant_id = c.tenant_id and o.account_id = c.account_id
        and o.external_id = p_change ->> 'new_external_id' and o.type <> 'direct' and o.merged_into is null)
      then c.external_id else p_change ->> 'new_external_id' end
  where c.tenant_id = p_tenant_id and c.channel = p_change ->> 'channel' and c.external_id = p_change ->> 'external_id'
    and c.type <> 'direct' and c.merged_into is null
    and (p_change ->> 'account_id' is null or c.account_id = (p_change ->> 'account_id')::uuid);
end
$$;
ALTER FUNCTION pigeonpost_private.change_group(p_tenant_id integer, p_change jsonb) OWNER TO pigeonpost_owner;

-- Name: choose_provider(jsonb, text, text, integer, uuid, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_route record;
  v_first text;
  v_failed integer := -1;
  v_pinned boolean := p_attempt_id is not null and exists (
    select from jsonb_array_elements(p_routes) r where r ->> 'provider' = p_provider and (r ->> 'keyed')::boolean);
begin
  if p_attempts > 0 and not v_pinned then
    select coalesce(min((r ->> 'ord')::integer), -1) into v_failed from jsonb_array_elements(p_routes) r
    where r ->> 'provider' = p_provider
      and (r ->> 'prefix' is null or p_address like (r ->> 'prefix') || '%')
      and (r ->> 'content_type' is null or r ->> 'content_type' = p_content_type);
  end if;
  for v_route in
    select r.* from jsonb_to_recordset(p_routes) r (ord integer, provider text, reason text, prefix text, content_type text,
      keyed boolean, usable boolean, fallback boolean)
    where case when v_pinned then r.provider = p_provider
      else (r.prefix is null or p_address like r.prefix || '%')
        and (r.content_type is null or r.content_type = p_content_type)
        and (not r.fallback or not exists (
          select from jsonb_array_elements(p_routes) o where not (o ->> 'fallback')::boolean
            and (o ->> 'prefix' is null or p_address like (o ->> 'prefix') || '%')
            and (o ->> 'content_type' is null or o ->> 'content_type' = p_content_type))) end
    order by r.ord <= v_failed, r.ord
  loop
    if v_route.usable then
      provider := v_route.provider;
      keyed := v_route.keyed;
      reason := case
        when v_route.reason = 'probe' then 'probe'
        when v_failed >= 0 and p_provider <> v_route.provider then 'failover from ' || p_provider
        when v_first <> v_route.provider then 'failover from ' || v_first
        else v_route.reason end;
      return;
    end if;
    v_first := coalesce(v_first, v_route.provider);
  end loop;
end
$$;
ALTER FUNCTION pigeonpost_private.choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean) OWNER TO pigeonpost_owner;

-- Name: FUNCTION choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean) IS 'The provider for the next attempt of a message, and why; null where none of the routes can be used now.';

-- Name: clock(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.clock() RETURNS timestamp with time zone
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ahead interval;
begin
  select o.ahead into v_ahead from pigeonpost_private.clock_offset o;
  return case when found then clock_timestamp() + v_ahead else clock_timestamp() end;
end
$$;
ALTER FUNCTION pigeonpost_private.clock() OWNER TO pigeonpost_owner;

-- Name: FUNCTION clock(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.clock() IS 'What time it is for delivery: the server''s, or ahead of it by clock_offset, which only the owner''s tests set.';

-- Name: complete_messages(integer, jsonb, jsonb, bigint[], uuid[]); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.complete_messages(p_tenant_id integer, p_messages jsonb, p_answers jsonb, p_ordinals bigint[], p_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
begin
  if jsonb_array_length(p_messages) > 1 and jsonb_path_exists(p_messages, '$[*].reply_to_external_id') then
    update pigeonpost.messages m set reply_to_id = a.reply_to_id
    from (
      select w.id, pigeonpost_private.find_answered(p_tenant_id, w.channel, w.account_id, w.named) as reply_to_id
      from (
        select m.id, m.channel, (r.e ->> 'account_id')::uuid as account_id, r.e -> 'reply_to_external_id' as named
        from (
          select s.id, p_messages -> (s.ord - 1)::integer as e from (
            select * from unnest(p_ordinals, p_ids) s (ord, id)
            union all
            select a.key::bigint, (a.value ->> 'id')::uuid from jsonb_each(p_answers) a where a.value ->> 'outcome' = 'stored') s
          offset 0) r
        join pigeonpost.messages m on m.tenant_id = p_tenant_id and m.id = r.id
        where r.e ->> 'reply_to_external_id' is not null and m.reply_to_id is null
        offset 0) w
      offset 0) a
    where m.tenant_id = p_tenant_id and m.id = a.id and a.reply_to_id <> m.id;
  end if;
  if jsonb_path_exists(p_answers, '$.* ? (@.outcome == "duplicate" && !exists(@.echo))') then
    update pigeonpost.messages m set content_type = coalesce(c.content_type, 'text'), body = c.body, media_url = c.media_url,
      reply_to_id = coalesce(m.reply_to_id, c.reply_to_id,
        case when c.named is not null then pigeonpost_private.find_answered(p_tenant_id, m.channel, m.account_id, c.named) end),
      metadata = m.metadata - 'stub' || coalesce(c.metadata, '{}'), raw = c.raw
    from (
      select (p_answers -> r.ord::text ->> 'id')::uuid as id, e.*, nullif(r.e -> 'reply_to_external_id', 'null') as named
      from jsonb_array_elements(p_messages) with ordinality r (e, ord)
      cross join lateral jsonb_to_record(r.e) e (content_type text, body text, media_url text, metadata jsonb, raw jsonb, reply_to_id uuid)
      where p_answers -> r.ord::text ->> 'outcome' = 'duplicate' and not p_answers -> r.ord::text ? 'echo'
        and e.metadata -> 'stub' is distinct from 'true'
      offset 0) c
    where m.tenant_id = p_tenant_id and m.id = c.id and m.metadata -> 'stub' = 'true' and m.revoked_at is null;
  end if;
end
$_$;
ALTER FUNCTION pigeonpost_private.complete_messages(p_tenant_id integer, p_messages jsonb, p_answers jsonb, p_ordinals bigint[], p_ids uuid[]) OWNER TO pigeonpost_owner;

-- Name: count_changes(integer, bigint, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.count_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) RETURNS TABLE(account_id uuid, direction text, content_type text, status text, messages bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select d.account_id, d.direction, d.content_type, d.status, sum(d.messages)::bigint
  from (
    select m.account_id, 'inbound' as direction, 'text' as content_type, 'delivered' as status, count(*) as messages
    from pigeonpost.messages m
    where m.tenant_id = p_tenant_id and m.number > p_after and m.number <= p_up_to and m.is_own_event
    group by m.account_id
    union all
    select e.account_id, coalesce(e.payload ->> 'direction', split_part(e.type, '.', 2)), c.content_type, c.status, c.messages
    from pigeonpost.events e
    cross join lateral (values
      (case when e.type <> 'message.removed' then coalesce(e.payload ->> 'status',
          case e.type when 'message.outbound.created' then 'queued' else 'delivered' end) end,
        coalesce(e.payload ->> 'content_type', 'text'), 1),
      (case e.type when 'message.status' then e.payload ->> 'previous_status'
          when 'message.reclassified' then e.payload ->> 'status' when 'message.removed' then e.payload ->> 'status' end,
        coalesce(e.payload ->> 'previous_content_type', e.payload ->> 'content_type', 'text'), -1)
    ) c (status, content_type, messages)
    where e.tenant_id = p_tenant_id and e.id > p_after and e.id <= p_up_to and c.status is not null
      and e.type in ('message.inbound.created', 'message.outbound.created', 'message.system.created', 'message.status',
        'message.reclassified', 'message.removed')
    union all
    select m.account_id, m.direction, coalesce(s.content_type, 'text'), c.status, c.messages
    from pigeonpost.message_statuses s
    join pigeonpost.messages m on m.tenant_id = s.tenant_id and m.id = s.message_id
    cross join lateral (values (s.status, 1), (s.previous_status, -1)) c (status, messages)
    where s.tenant_id = p_tenant_id and s.number > p_after and s.number <= p_up_to and s.previous_status is not null
  ) d
  group by 1, 2, 3, 4
  having sum(d.messages) <> 0;
end
$$;
ALTER FUNCTION pigeonpost_private.count_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) OWNER TO pigeonpost_owner;

-- Name: counter_changes(integer, bigint, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.counter_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) RETURNS TABLE(conversation_id uuid, events bigint, total bigint, unread bigint, last_message_at timestamp with time zone, is_removal boolean)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select m.conversation_id, count(*), count(*), count(*), max(m.occurred_at), false
  from pigeonpost.messages m
  where m.tenant_id = p_tenant_id and m.number > p_after and m.number <= p_up_to and m.is_own_event
  group by m.conversation_id
  union all
  select e.conversation_id, 1::bigint,
    case when e.type like 'message.%.created' then 1 when e.type = 'message.removed' then -1 else 0 end,
    case
      when e.type = 'message.inbound.created' and e.payload ->> 'status' is distinct from 'read' then 1
      when e.type = 'message.status' and e.payload ->> 'direction' = 'inbound' and e.payload ->> 'status' = 'read' then -1
      when e.type = 'message.removed' and e.payload ->> 'direction' = 'inbound' and e.payload ->> 'status' = 'delivered' then -1
      else 0 end,
    case when e.type like 'message.%.created' then m.occurred_at end, e.type = 'message.removed'
  from pigeonpost.events e
  left join pigeonpost.messages m on e.type like 'message.%.created' and m.tenant_id = e.tenant_id and m.id = e.message_id
  where e.tenant_id = p_tenant_id and e.id > p_after and e.id <= p_up_to
  union all
  select m.conversation_id, 1, 0, case when m.direction = 'inbound' and s.status = 'read' then -1 else 0 end, null, false
  from pigeonpost.message_statuses s
  join pigeonpost.messages m on m.tenant_id = s.tenant_id and m.id = s.message_id
  where s.tenant_id = p_tenant_id and s.number > p_after and s.number <= p_up_to and s.previous_status is not null;
end
$$;
ALTER FUNCTION pigeonpost_private.counter_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) OWNER TO pigeonpost_owner;

-- Name: created_payload(text, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.created_payload(p_direction text, p_content_type text, p_status text) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  select case when p_content_type <> 'text' or p_status <> case p_direction when 'outbound' then 'queued' else 'delivered' end
    then pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
      'status', nullif(p_status, case p_direction when 'outbound' then 'queued' else 'delivered' end),
      'content_type', nullif(p_content_type, 'text'))) end
$$;
ALTER FUNCTION pigeonpost_private.created_payload(p_direction text, p_content_type text, p_status text) OWNER TO pigeonpost_owner;

-- Name: day_start(date, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.day_start(p_day date, p_time_zone text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_start timestamptz := p_day::timestamp at time zone p_time_zone;
begin
  return case when ((v_start - interval '1 hour') at time zone p_time_zone)::date = p_day then v_start - interval '1 hour' else v_start end;
end
$$;
ALTER FUNCTION pigeonpost_private.day_start(p_day date, p_time_zone text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION day_start(p_day date, p_time_zone text); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.day_start(p_day date, p_time_zone text) IS 'The first moment of a date in a time zone.';

-- Name: default_account(integer, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.default_account(p_tenant_id integer, p_channel text) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select a.id from pigeonpost.accounts a
    where a.tenant_id = p_tenant_id and a.channel = p_channel
    order by a.is_default desc, a.created_at, a.id
    limit 1);
end
$$;
ALTER FUNCTION pigeonpost_private.default_account(p_tenant_id integer, p_channel text) OWNER TO pigeonpost_owner;

-- Name: drop_partition(text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.drop_partition(p_name text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms'
    AS $$
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
  update pigeonpost_private.log_floor f set floor_id = greatest(f.floor_id, v_to_id - 1) returning f.floor_id into v_to_id;
  return v_to_id;
end
$$;
ALTER FUNCTION pigeonpost_private.drop_partition(p_name text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION drop_partition(p_name text); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.drop_partition(p_name text) IS 'Drops one partition of the log and returns the floor (the highest id that is gone), or null where there is none of that name. Raises 55P03 when the log is busy: try again.';

-- Name: enqueue_message(integer, uuid, uuid, bigint, smallint, timestamp with time zone, timestamp with time zone, text, integer, uuid, text, date); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.enqueue_message(p_tenant_id integer, p_message_id uuid, p_account_id uuid, p_number bigint, p_priority smallint, p_due_at timestamp with time zone, p_valid_until timestamp with time zone, p_address text, p_attempt integer DEFAULT 0, p_attempt_id uuid DEFAULT NULL::uuid, p_provider text DEFAULT NULL::text, p_accepted_on date DEFAULT NULL::date) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into pigeonpost.outbox (tenant_id, message_id, account_id, number, priority, state, due_at, valid_until, address,
    attempt, attempt_id, provider, accepted_on)
  values (p_tenant_id, p_message_id, p_account_id, p_number, p_priority,
    case when p_due_at > now() then 'scheduled' else 'queued' end, p_due_at, p_valid_until, coalesce(p_address, ''),
    p_attempt, p_attempt_id, p_provider, p_accepted_on);
end
$$;
ALTER FUNCTION pigeonpost_private.enqueue_message(p_tenant_id integer, p_message_id uuid, p_account_id uuid, p_number bigint, p_priority smallint, p_due_at timestamp with time zone, p_valid_until timestamp with time zone, p_address text, p_attempt integer, p_attempt_id uuid, p_provider text, p_accepted_on date) OWNER TO pigeonpost_owner;

-- Name: FUNCTION enqueue_message(p_tenant_id integer, p_message_id uuid, p_account_id uuid, p_number bigint, p_priority smallint, p_due_at timestamp with time zone, p_valid_until timestamp with time zone, p_address text, p_attempt integer, p_attempt_id uuid, p_provider text, p_accepted_on date); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.enqueue_message(p_tenant_id integer, p_message_id uuid, p_account_id uuid, p_number bigint, p_priority smallint, p_due_at timestamp with time zone, p_valid_until timestamp with time zone, p_address text, p_attempt integer, p_attempt_id uuid, p_provider text, p_accepted_on date) IS 'Puts a message into the outbox: ready to go, or scheduled where it is due later. Called by the triggers of messages alone.';

-- Name: ensure_participant(integer, uuid, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.ensure_participant(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.ensure_participant(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) OWNER TO pigeonpost_owner;

-- Name: ensure_tenant(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.ensure_tenant(p_tenant_id integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from pigeonpost.tenants t where t.tenant_id = p_tenant_id) then
    if p_tenant_id < 1 then
      raise exception 'tenant_id % is not positive', p_tenant_id using errcode = 'PPV01', constraint = 'tenants_id_is_positive',
        table = 'tenants', column = 'tenant_id', hint = 'Number tenants from 1.';
    end if;
    -- Bound to all tenants, for which 0 stands.
    if not pigeonpost_private.caller_is_bound_to(0) then
      raise exception 'tenant % does not exist', p_tenant_id using errcode = 'PPT01', constraint = 'tenant_exists',
        table = 'tenants', column = 'tenant_id',
        hint = format('The owner can run: insert into pigeonpost.tenants (tenant_id) values (%s);', p_tenant_id);
    end if;
    insert into pigeonpost.tenants (tenant_id) values (p_tenant_id) on conflict (tenant_id) do nothing;
  end if;
end
$$;
ALTER FUNCTION pigeonpost_private.ensure_tenant(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: exact_counters(integer, uuid, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.exact_counters(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) RETURNS TABLE(last_message_at timestamp with time zone, unread_count bigint, total_messages bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_conversation_id is not null then
    select c.unread_count, c.total_messages into unread_count, total_messages
    from pigeonpost.conversations c where c.tenant_id = p_tenant_id and c.id = p_conversation_id;
  else
    select c.unread_count, c.total_messages into unread_count, total_messages
    from pigeonpost.customers c where c.tenant_id = p_tenant_id and c.id = p_customer_id;
  end if;
  if total_messages > 1000 and pigeonpost_private.unfolded_ids(p_tenant_id) <= 1000 then
    last_message_at := pigeonpost_private.last_message_at(p_tenant_id, p_conversation_id, p_customer_id);
    select unread_count + coalesce(sum(e.unread), 0), total_messages + coalesce(sum(e.total), 0) into unread_count, total_messages
    from pigeonpost_private.counter_changes(p_tenant_id, pigeonpost_private.folded_id(p_tenant_id), 9223372036854775807) e
    cross join lateral (
      -- What happened in a conversation that was merged away counts for the one that it is now.
      select o.id from pigeonpost.conversations l
      join pigeonpost.conversations o on o.tenant_id = l.tenant_id and o.id = coalesce(l.merged_into, l.id)
      where l.tenant_id = p_tenant_id and l.id = e.conversation_id and (o.id = p_conversation_id or o.customer_id = p_customer_id)
      offset 0) o;
    return next;
  elsif p_conversation_id is not null then
    return query select c.* from pigeonpost.conversation_counters(p_tenant_id, p_conversation_id) c;
  else
    return query select c.* from pigeonpost.customer_counters(p_tenant_id, p_customer_id) c;
  end if;
end
$$;
ALTER FUNCTION pigeonpost_private.exact_counters(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) OWNER TO pigeonpost_owner;

-- Name: expired_partitions(interval, interval); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.expired_partitions(p_keep interval DEFAULT '30 days'::interval, p_lapse interval DEFAULT '7 days'::interval) RETURNS TABLE(name text, to_id bigint)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.name, p.to_id from pigeonpost_private.log_partitions() p
  where p.to_id - 1 <= (select pigeonpost_private.settle_log(0))
    and not exists (
      select 1 from pigeonpost.event_consumers c where c.cursor < p.to_id - 1 and c.updated_at > now() - p_lapse)
    and not exists (
      select 1 from pigeonpost_private.log_cursors c
      where c.name <> 'settled' and c.tenant_id > 0 and c.cursor < p.to_id - 1 and exists (
        select 1 from pigeonpost.events e where e.tenant_id = c.tenant_id and e.id > c.cursor and e.id < p.to_id))
    -- Ids and times rise together, except within the length of a transaction.
    and coalesce((
      select max(e.created_at) <= now() - p_keep from pigeonpost.tenants t
      cross join lateral (
        select l.created_at from pigeonpost.events l
        where l.tenant_id = t.tenant_id and l.id >= p.from_id and l.id < p.to_id order by l.id desc limit 1) e), true)
  order by p.to_id
$$;
ALTER FUNCTION pigeonpost_private.expired_partitions(p_keep interval, p_lapse interval) OWNER TO pigeonpost_owner;

-- Name: extend_log(bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.extend_log(p_size bigint DEFAULT 10000000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
declare
  v_last bigint;
  v_end bigint;
  v_made integer := 0;
begin
  perform pg_advisory_xact_lock(1886416754);
  v_last := pigeonpost_private.last_log_id();
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
ALTER FUNCTION pigeonpost_private.extend_log(p_size bigint) OWNER TO pigeonpost_owner;

-- Name: extend_spans(integer, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.extend_spans(p_tenant_id integer, p_up_to bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_size constant integer := 2000;
  v_last record;
  v_new record;
begin
  loop
    select s.last_number, s.messages into v_last from pigeonpost_private.message_spans s
    where s.tenant_id = p_tenant_id order by s.last_number desc limit 1;
    select count(*) as messages, min(m.created_at) as since, max(m.created_at) as until, max(m.number) as last_number into v_new
    from (
      select m.number, m.created_at from pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.number > coalesce(v_last.last_number, -1) and m.number <= p_up_to
      order by m.number limit v_size) m;
    exit when v_new.messages = 0;
    update pigeonpost_private.message_spans s set last_number = v_new.last_number, messages = s.messages + v_new.messages,
      since = least(s.since, v_new.since), until = greatest(s.until, v_new.until)
    where s.tenant_id = p_tenant_id and s.last_number = v_last.last_number and s.messages < v_size;
    if not found then
      insert into pigeonpost_private.message_spans (tenant_id, last_number, messages, since, until)
      values (p_tenant_id, v_new.last_number, v_new.messages, v_new.since, v_new.until);
    end if;
    exit when v_new.messages < v_size;
  end loop;
end
$$;
ALTER FUNCTION pigeonpost_private.extend_spans(p_tenant_id integer, p_up_to bigint) OWNER TO pigeonpost_owner;

-- Name: find_answered(integer, text, uuid, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_answered(p_tenant_id integer, p_channel text, p_account_id uuid, p_named jsonb) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if jsonb_typeof(p_named) = 'string' then
    p_named := jsonb_build_array(p_named);
  elsif jsonb_typeof(p_named) <> 'array' then
    raise exception 'reply_to_external_id is neither an id nor a list of ids' using errcode = 'PPV01',
      constraint = 'messages_reply_names_a_message', table = 'messages', column = 'reply_to_external_id',
      hint = 'Give the channel''s own id of what the message answers, or an array of them, the nearest first.';
  end if;
  return (
    select m.id from jsonb_array_elements_text(p_named) with ordinality n (id, ord)
    join pigeonpost.messages m on m.tenant_id = p_tenant_id and m.external_message_id = n.id and m.channel = p_channel
      and (p_account_id is null or m.account_id = p_account_id)
    order by n.ord, m.created_at desc, m.number desc
    limit 1);
end
$$;
ALTER FUNCTION pigeonpost_private.find_answered(p_tenant_id integer, p_channel text, p_account_id uuid, p_named jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION find_answered(p_tenant_id integer, p_channel text, p_account_id uuid, p_named jsonb); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.find_answered(p_tenant_id integer, p_channel text, p_account_id uuid, p_named jsonb) IS 'The message that one with reply_to_external_id (an id, or several, the nearest first) answers; null where none is here.';

-- Name: conversations_number_seq; Type: SEQUENCE; Schema: pigeonpost
CREATE SEQUENCE pigeonpost.conversations_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE pigeonpost.conversations_number_seq OWNER TO pigeonpost_owner;
SET default_tablespace = '';
SET default_table_access_method = heap;

-- Name: conversations; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.conversations (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    number bigint DEFAULT nextval('pigeonpost.conversations_number_seq'::regclass) NOT NULL,
    type text DEFAULT 'direct'::text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    account_id uuid NOT NULL,
    channel text NOT NULL,
    customer_id uuid,
    address text,
    external_id text,
    group_name text,
    group_avatar text,
    group_metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    thread_id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    last_message_at timestamp with time zone,
    unread_count bigint DEFAULT 0 NOT NULL,
    total_messages bigint DEFAULT 0 NOT NULL,
    merged_into uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT conversations_counters_in_range CHECK (((unread_count >= 0) AND (total_messages >= 0))),
    CONSTRAINT conversations_direct_has_customer CHECK (((type = 'direct'::text) = (customer_id IS NOT NULL))),
    CONSTRAINT conversations_group_has_name CHECK (((type <> 'group'::text) OR ((group_name <> ''::text) AND (group_name IS NOT NULL)))),
    CONSTRAINT conversations_group_metadata_is_an_object CHECK ((jsonb_typeof(group_metadata) = 'object'::text)),
    CONSTRAINT conversations_not_merged_into_itself CHECK ((merged_into <> id)),
    CONSTRAINT conversations_status_known CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text, 'pending'::text]))),
    CONSTRAINT conversations_type_known CHECK ((type = ANY (ARRAY['direct'::text, 'multi'::text, 'group'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');
ALTER TABLE pigeonpost.conversations OWNER TO pigeonpost_owner;

-- Name: TABLE conversations; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.conversations IS 'Who talks with which account of ours: direct (a customer and an account, both columns here), multi (two participants or more) or group (with a name). Rows that merge_customers() joined stay as tombstones.';

-- Name: COLUMN conversations.number; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.number IS 'For people and for clients that need integers: from 1, over all tenants.';

-- Name: COLUMN conversations.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.status IS 'open, closed or pending. Closing archives the thread; a new message in either direction reopens; pending stays pending.';

-- Name: COLUMN conversations.customer_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.customer_id IS 'The counterpart of a direct conversation; null in others.';

-- Name: COLUMN conversations.address; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.address IS 'The counterpart''s address, by which inserts find a direct conversation; one of customer_identities or null.';

-- Name: COLUMN conversations.external_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.external_id IS 'The channel''s own id: a group, a chat, a mail thread. Null for a direct conversation without topics.';

-- Name: COLUMN conversations.group_avatar; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.group_avatar IS 'A URL.';

-- Name: COLUMN conversations.group_metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.group_metadata IS 'The writer''s own; an object.';

-- Name: COLUMN conversations.thread_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.thread_id IS 'The current thread. Drawn ahead of its row in threads, which the first stored message makes; archiving rotates it.';

-- Name: COLUMN conversations.last_message_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.last_message_at IS 'Folded from the log, a moment behind (half a second behind busy writers); conversation_counters() is exact.';

-- Name: COLUMN conversations.unread_count; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.unread_count IS 'Inbound messages that are not read yet. Folded; conversation_counters() is exact.';

-- Name: COLUMN conversations.total_messages; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.total_messages IS 'Folded; conversation_counters() is exact.';

-- Name: COLUMN conversations.merged_into; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversations.merged_into IS 'Set: this row is a tombstone, and its messages are in that conversation.';

-- Name: find_conversation(integer, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_conversation(p_tenant_id integer, p_id uuid) RETURNS pigeonpost.conversations
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.find_conversation(p_tenant_id integer, p_id uuid) OWNER TO pigeonpost_owner;

-- Name: find_or_open_account(integer, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_or_open_account(p_tenant_id integer, p_channel text) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.find_or_open_account(p_tenant_id integer, p_channel text) OWNER TO pigeonpost_owner;

-- Name: find_or_open_customer(integer, text, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_or_open_customer(p_tenant_id integer, p_channel text, p_address text, p_name text DEFAULT NULL::text) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.find_or_open_customer(p_tenant_id integer, p_channel text, p_address text, p_name text) OWNER TO pigeonpost_owner;

-- Name: find_or_open_direct(integer, uuid, text, uuid, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_or_open_direct(p_tenant_id integer, p_account_id uuid, p_channel text, p_customer_id uuid, p_address text, p_external_id text) RETURNS pigeonpost.conversations
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.find_or_open_direct(p_tenant_id integer, p_account_id uuid, p_channel text, p_customer_id uuid, p_address text, p_external_id text) OWNER TO pigeonpost_owner;

-- Name: find_or_open_group(integer, uuid, text, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_or_open_group(p_tenant_id integer, p_account_id uuid, p_channel text, p_external_id text, p_name text) RETURNS pigeonpost.conversations
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.find_or_open_group(p_tenant_id integer, p_account_id uuid, p_channel text, p_external_id text, p_name text) OWNER TO pigeonpost_owner;

-- Name: find_or_open_lead(integer, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.find_or_open_lead(p_tenant_id integer, p_lead_id bigint) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.find_or_open_lead(p_tenant_id integer, p_lead_id bigint) OWNER TO pigeonpost_owner;

-- Name: fold_counts(integer, bigint, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.fold_counts(p_tenant_id integer, p_after bigint, p_up_to bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into pigeonpost_private.message_counts as m (tenant_id, account_id, direction, content_type, status, messages)
  select p_tenant_id, c.account_id, c.direction, c.content_type, c.status, c.messages
  from pigeonpost_private.count_changes(p_tenant_id, p_after, p_up_to) c
  on conflict on constraint message_counts_pkey do update set messages = m.messages + excluded.messages;
end
$$;
ALTER FUNCTION pigeonpost_private.fold_counts(p_tenant_id integer, p_after bigint, p_up_to bigint) OWNER TO pigeonpost_owner;

-- Name: fold_range(integer, bigint, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.fold_range(p_tenant_id integer, p_after bigint, p_up_to bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_count bigint;
  v_is_stale boolean;
begin
  with change as materialized (
    select p_tenant_id as tenant_id, c.* from pigeonpost_private.counter_changes(p_tenant_id, p_after, p_up_to) c
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
      last_message_at = case when l.has_removal then pigeonpost_private.last_message_at(c.tenant_id, c.id, null)
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
      last_message_at = case when l.has_removal then pigeonpost_private.last_message_at(c.tenant_id, null, c.id)
        else greatest(c.last_message_at, l.last_message_at) end
    from customers l
    where c.tenant_id = l.tenant_id and c.id = l.id
  )
  select coalesce((select sum(c.events) from change c), 0), (select count(*) from delta) > (select count(*) from locked)
  into v_count, v_is_stale;
  if v_is_stale then
    raise lock_not_available;
  end if;
  return v_count;
end
$$;
ALTER FUNCTION pigeonpost_private.fold_range(p_tenant_id integer, p_after bigint, p_up_to bigint) OWNER TO pigeonpost_owner;

-- Name: fold_tenant(integer, bigint, integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.fold_tenant(p_tenant_id integer, p_settled bigint, p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_cursor bigint;
  v_first bigint;
  v_up_to bigint;
  v_count integer;
begin
  select c.cursor into v_cursor from pigeonpost_private.log_cursors c
  where c.tenant_id = p_tenant_id and c.name = 'fold' for update skip locked;
  if not found then
    return 0;
  end if;
  v_first := pigeonpost_private.next_log_id(p_tenant_id, v_cursor);
  -- Ids are all tenants', so a range of them holds at most as many events of this one.
  v_up_to := least(p_settled, v_first - 1 + p_limit);
  if v_up_to <= v_cursor then
    return 0;
  end if;
  v_count := pigeonpost_private.fold_range(p_tenant_id, v_cursor, v_up_to);
  perform pigeonpost_private.fold_counts(p_tenant_id, v_cursor, v_up_to);
  -- Now and then: what is past the last span is read by the queries that need it.
  if v_cursor / 1024 <> v_up_to / 1024 then
    perform pigeonpost_private.extend_spans(p_tenant_id, v_up_to);
  end if;
  update pigeonpost_private.log_cursors c set cursor = v_up_to where c.tenant_id = p_tenant_id and c.name = 'fold';
  return v_count;
end
$$;
ALTER FUNCTION pigeonpost_private.fold_tenant(p_tenant_id integer, p_settled bigint, p_limit integer) OWNER TO pigeonpost_owner;

-- Name: folded_id(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.folded_id(p_tenant_id integer) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return coalesce((
    select c.cursor from pigeonpost_private.log_cursors c where c.tenant_id = p_tenant_id and c.name = 'fold'), 0);
end
$$;
ALTER FUNCTION pigeonpost_private.folded_id(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: follow_up_batch(integer, uuid[]); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.follow_up_batch(p_tenant_id integer, p_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
declare
  v_logged jsonb;
  v_has_media boolean;
  v_id uuid;
begin
  with stored as materialized (
    select m.id, m.number, m.conversation_id, m.thread_id, m.customer_id, m.sender_customer_id, m.account_id, m.direction, m.status,
      m.content_type, m.priority, m.scheduled_for, m.created_at, m.valid_until, m.address,
      m.media_url is not null or m.metadata ? 'media' as has_media
    from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = any (p_ids)
  ), joined as (
    insert into pigeonpost.conversation_participants as p (tenant_id, conversation_id, customer_id)
    select distinct p_tenant_id, s.conversation_id, s.sender_customer_id from stored s
    where s.customer_id is null and s.sender_customer_id is not null and not exists (
      select 1 from pigeonpost.conversation_participants o
      where o.tenant_id = p_tenant_id and o.conversation_id = s.conversation_id and o.customer_id = s.sender_customer_id
        and o.left_at is null)
    order by 2, 3
    on conflict (tenant_id, conversation_id, customer_id) do update set left_at = null, joined_at = now() where p.left_at is not null
  ), queued as (
    insert into pigeonpost.outbox (tenant_id, message_id, account_id, number, priority, state, due_at, valid_until, address)
    select p_tenant_id, s.id, s.account_id, s.number, s.priority, case when s.scheduled_for > now() then 'scheduled' else 'queued' end,
      coalesce(s.scheduled_for, s.created_at), s.valid_until, coalesce(s.address, '')
    from stored s where s.status = 'queued'
  ), logged as (
    insert into pigeonpost.events (tenant_id, id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload)
    select p_tenant_id, nextval('pigeonpost.log_id_seq'), 'message.' || s.direction || '.created', s.id, s.conversation_id, s.thread_id,
      coalesce(s.sender_customer_id, s.customer_id), s.account_id,
      pigeonpost_private.created_payload(s.direction, s.content_type, s.status)
    from (select * from stored s order by s.number) s
    returning event_id, id, type
  )
  select (select jsonb_agg(jsonb_build_array(l.event_id, l.id, l.type) order by l.id) from logged l where pigeonpost_private.may_notify()),
    (select bool_or(s.has_media) from stored s)
  into v_logged, v_has_media;
  if v_logged is not null then
    perform pg_notify('pigeonpost_events', pigeonpost_private.notification((e.value ->> 0)::uuid, (e.value ->> 1)::bigint, e.value ->> 2, p_tenant_id))
    from jsonb_array_elements(v_logged) e;
  end if;
  if v_has_media then
    -- As refer_media() does for one.
    insert into pigeonpost.media (tenant_id, message_id, position, filename, content_type, size)
    select p_tenant_id, m.id, r.ord, left(pigeonpost.sanitize_body(r.value ->> 'filename'), 255), left(r.value ->> 'content_type', 255),
      case when r.value ->> 'size' ~ '^[0-9]{1,15}$' then (r.value ->> 'size')::bigint end
    from (select m.id, m.number, m.direction, m.content_type, m.media_url, m.metadata -> 'media' as media from pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.id = any (p_ids) offset 0) m
    cross join lateral jsonb_array_elements(case when jsonb_typeof(m.media) = 'array' and m.media <> '[]' then m.media
      when m.media_url is not null and not (m.direction = 'outbound' and m.content_type = 'text') then
        jsonb_build_array(jsonb_build_object('url', m.media_url)) end) with ordinality r (value, ord)
    where jsonb_typeof(r.value) = 'object' and r.ord <= 100 and not r.value ? 'media_id'
    order by m.number, r.ord
    on conflict on constraint media_one_per_place do nothing;
  end if;
  if exists (select 1 from pigeonpost.parked_updates p where p.tenant_id = p_tenant_id) then
    for v_id in
      select m.id from pigeonpost.messages m join pigeonpost.parked_updates p
        on p.tenant_id = m.tenant_id and p.external_message_id = m.external_message_id
      where m.tenant_id = p_tenant_id and m.id = any (p_ids)
      group by m.id
    loop
      perform pigeonpost.apply_parked_updates(p_tenant_id, v_id);
    end loop;
  end if;
end
$_$;
ALTER FUNCTION pigeonpost_private.follow_up_batch(p_tenant_id integer, p_ids uuid[]) OWNER TO pigeonpost_owner;

-- Name: give_back_rate(integer, uuid, integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update pigeonpost_private.account_limits l set tat = l.tat - interval '1 minute' / a.rate_per_minute * p_count
  from pigeonpost.accounts a
  where l.tenant_id = p_tenant_id and l.account_id = p_account_id and a.tenant_id = p_tenant_id and a.id = p_account_id
    and a.rate_per_minute is not null
$$;
ALTER FUNCTION pigeonpost_private.give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer) IS 'Returns what take_rate() granted and was not sent.';

-- Name: inbox_row(jsonb, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.inbox_row(p_inbox jsonb, p_refusal jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((p_refusal IS NULL) OR ((p_inbox ->> 'error_code'::text) IS NOT NULL)) THEN p_inbox ELSE (p_inbox || jsonb_build_object('error_message', (p_refusal ->> 'message'::text), 'error_field', (p_refusal ->> 'field'::text), 'error_code', CASE WHEN (((p_refusal ->> 'code'::text) ~~ 'PP%'::text) OR ((p_refusal ->> 'code'::text) = ANY (ARRAY['22001'::text, '22003'::text, '22007'::text, '22008'::text, '22021'::text, '22P02'::text, '22P05'::text, '23502'::text, '23503'::text, '23505'::text, '23514'::text]))) THEN COALESCE((p_refusal ->> 'constraint'::text), (p_refusal ->> 'code'::text)) ELSE 'internal_error'::text END)) END;
ALTER FUNCTION pigeonpost_private.inbox_row(p_inbox jsonb, p_refusal jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION inbox_row(p_inbox jsonb, p_refusal jsonb); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.inbox_row(p_inbox jsonb, p_refusal jsonb) IS 'The row of a webhook in the inbox, with the reason where its contents were refused.';

-- Name: insert_batch(integer, jsonb, boolean); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.insert_batch(p_tenant_id integer, p_messages jsonb, p_may_open boolean, OUT ordinals bigint[], OUT ids uuid[], OUT numbers bigint[], OUT copies jsonb) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
declare
  v_channel constant text := lower(btrim(coalesce(p_messages -> 0 ->> 'channel', 'whatsapp')));
  v_account_id uuid;
  v_has_control_characters boolean;
  v_is_relayed constant boolean := pigeonpost_private.relay_notifies();
  v_has_parked boolean;
  v_unusual uuid[];
  v_wanted jsonb;
  v_opened record;
begin
  perform pigeonpost_private.take_write_lock(p_tenant_id);
  v_account_id := pigeonpost_private.default_account(p_tenant_id, v_channel);
  v_has_parked := exists (select 1 from pigeonpost.parked_updates p where p.tenant_id = p_tenant_id);
  -- Searching many short bodies costs by their number, hardly by their length.
  select coalesce(pigeonpost.has_control_characters(string_agg(g.body, '')), false) into v_has_control_characters
  from jsonb_to_recordset(p_messages) g (body text);
  with placed as materialized (
    select f.*, pigeonpost.uuid_v7() as id, case when c.thread_id is not null then nextval('pigeonpost.log_id_seq') end as number,
      c.thread_id, c.customer_id as c_customer_id, c.account_id as c_account_id, c.channel as c_channel, c.has_thread,
      case when f.direction = 'inbound' then coalesce(c.customer_id, f.sender_id) end as at_sender_id,
      case when c.type = 'direct' then coalesce(f.here, c.address)
        when f.direction = 'inbound' then f.here else coalesce(c.external_id, f.here) end as at_address,
      -- The usual row, which needs no further action (tg_messages__resolve).
      v_is_relayed and c.has_thread and c.type = 'direct' and f.direction = 'inbound' and f.at_status = 'delivered'
        and coalesce(f.content_type, 'text') = 'text' and f.media_url is null and not f.about ? 'media'
        and not (v_has_parked and exists (select 1 from pigeonpost.parked_updates p
          where p.tenant_id = p_tenant_id and p.external_message_id = f.external_id)) as is_own_event
    from (
      select n.*, w.customer_id as sender_id, case
        when n.alternate is not null and w.customer_id is null then null
        when n.meant_id is not null then n.meant_id
        when n.shape = 'group' then (
          select c.id from pigeonpost.conversations c
          where c.tenant_id = p_tenant_id and c.account_id = n.at_account_id and c.external_id = n.topic
            and c.type <> 'direct' and c.merged_into is null)
        when n.topic is not null then (
          select c.id from pigeonpost.customer_identities i
          join pigeonpost.conversations c on c.tenant_id = p_tenant_id and c.account_id = n.at_account_id
            and c.customer_id = i.customer_id and c.external_id = n.topic and c.type = 'direct' and c.merged_into is null
          where i.tenant_id = p_tenant_id and i.channel = n.at_channel and i.address = n.here)
        -- By its own address, the way of nearly all; then by any address of the customer's.
        else coalesce((
          select c.id from pigeonpost.conversations c
          where c.tenant_id = p_tenant_id and c.account_id = n.at_account_id and c.address = n.here and c.channel = n.at_channel
            and c.customer_id is not null and c.external_id is null and c.merged_into is null limit 1), (
          select c.id from pigeonpost.customer_identities i
          join pigeonpost.conversations c on c.tenant_id = p_tenant_id and c.account_id = n.at_account_id
            and c.customer_id = i.customer_id and c.external_id is null and c.type = 'direct' and c.merged_into is null
          where i.tenant_id = p_tenant_id and i.channel = n.at_channel and i.address = n.here))
        end as found_id
      from (
        select a.*, case when a.direction = 'inbound' then case when a.status = 'read' then 'read' else 'delivered' end
            when a.direction = 'system' then 'delivered'
            when a.status in ('sent', 'delivered', 'read', 'failed') or a.status = 'canceled' and a.external_id is null then a.status
            when a.external_id is not null then 'sent' else 'queued' end as at_status,
          case when a.conversation_id is not null then 'id' when a.topic is not null and a.at_channel <> 'email' then 'group'
            when a.here is not null then 'direct' end as shape,
          case when a.account_id is not null then a.account_id when a.at_channel = v_channel then v_account_id
            else pigeonpost_private.default_account(p_tenant_id, a.at_channel) end as at_account_id,
          case when a.odd is null then coalesce(a.metadata, '{}')
            else coalesce(a.metadata, '{}') || jsonb_build_object('sent_at_is', a.odd) end as about,
          r.id as answered_id,
          -- A mail belongs to the conversation of the message that it answers, unless that is another person's.
          coalesce(a.conversation_id, case when a.at_channel = 'email' and r.address = a.here then r.conversation_id end) as meant_id
        from (
          -- normalise_message() would take these, as they are or in another spelling.
          select g.*,
            case when pigeonpost_private.is_plain_address(g.at_channel, g.address) then g.address
              else pigeonpost.normalize_address(g.at_channel, g.address) end as here,
            case when g.alternate_address is not null then nullif(pigeonpost.normalize_address(g.at_channel, g.alternate_address),
              pigeonpost.normalize_address(g.at_channel, g.address)) end as alternate,
            case when v_has_control_characters then pigeonpost.sanitize_body(g.body) else g.body end as text
          from (
            select g.*, g.ordinality as ord, lower(btrim(coalesce(g.channel, 'whatsapp'))) as at_channel,
              nullif(g.conversation_external_id, '') as topic, nullif(g.external_message_id, '') as external_id,
              pigeonpost_private.sent_at_is(g.sent_at) as odd
            from rows from (jsonb_populate_recordset(null::pigeonpost_private.given_messages, p_messages)) with ordinality g
            where g.tenant_id = p_tenant_id and num_nonnulls(g.lead_id, g.customer_id, g.sender_customer_id, g.reference) = 0
              and g.direction in ('inbound', 'outbound', 'system') and pigeonpost.is_content_type(coalesce(g.content_type, 'text'))
              and coalesce(jsonb_typeof(g.metadata), 'object') = 'object' and isfinite(coalesce(g.sent_at, now()))
              and (g.status is null or g.status in ('scheduled', 'queued', 'sending', 'sent', 'delivered', 'read', 'retrying', 'failed',
                'canceled', 'unknown'))
              and coalesce(greatest(octet_length(g.external_message_id), octet_length(g.address), octet_length(g.alternate_address),
                octet_length(g.conversation_external_id), octet_length(g.idempotency_key), octet_length(g.campaign_id),
                octet_length(g.channel)), 0) <= 1024
              and coalesce(octet_length(g.body), 0) <= 1048576
              and (g.direction <> 'inbound' or g.external_message_id <> '')
              and (g.direction = 'inbound' or not v_has_control_characters
                or not coalesce(pigeonpost.has_control_characters(replace(g.body, E'\r\n', E'\n')), false))
              and coalesce(jsonb_typeof(g.reply_to_external_id), 'null') in ('null', 'string', 'array')
              -- Unknown fields are refused by the single insert, which names them.
              and (p_messages -> (g.ordinality - 1)::integer) - pigeonpost_private.message_fields() = '{}'
              and (g.idempotency_key is null or not exists (
                select 1 from pigeonpost.messages k where k.tenant_id = p_tenant_id and k.idempotency_key = g.idempotency_key))
            offset 0) g
          where g.at_channel <> ''
          offset 0) a
        left join lateral (
          select m.id, m.conversation_id, m.address from pigeonpost.messages m
          where a.reply_to_external_id is not null and m.tenant_id = p_tenant_id
            and m.id = case when a.reply_to_id is null and jsonb_typeof(a.reply_to_external_id) <> 'null' then
              pigeonpost_private.find_answered(p_tenant_id, a.at_channel, a.account_id, a.reply_to_external_id) end
          offset 0) r on true
        where (a.address is null) = (a.here is null) and (a.alternate_address is null or a.here is not null)
          and not (pigeonpost.is_phone_channel(a.at_channel)
            and (coalesce(a.here like '+%' and not pigeonpost.is_phone(a.here), false)
              or coalesce(a.alternate like '+%' and not pigeonpost.is_phone(a.alternate), false)
              -- A "group" whose id is a person's address is not a group.
              or a.topic is not null and a.topic not like '%@g.us' and coalesce(pigeonpost.normalize_address(a.at_channel, a.topic) ~ '^(\+|[^@]+@lid$)', false)))
        offset 0) n
      left join lateral (
        select i.customer_id from pigeonpost.customer_identities i
        where (n.shape = 'group' and n.direction = 'inbound' or n.alternate is not null)
          and i.tenant_id = p_tenant_id and i.channel = n.at_channel and i.address = n.here
          and (n.alternate is null or i.customer_id = (
            select o.customer_id from pigeonpost.customer_identities o
            where o.tenant_id = p_tenant_id and o.channel = n.at_channel and o.address = n.alternate))
        offset 0) w on true
      where n.shape is not null
      offset 0) f
    -- A merge that this waits for leaves a tombstone, which is passed over.
    left join lateral (
      select c.thread_id, c.type, c.customer_id, c.account_id, c.channel, c.address, c.external_id,
        exists (select 1 from pigeonpost.threads t where t.tenant_id = p_tenant_id and t.id = c.thread_id) as has_thread
      from pigeonpost.conversations c
      where c.tenant_id = p_tenant_id and c.id = f.found_id and c.merged_into is null
        and (f.account_id is null or c.account_id = f.account_id) and (f.conversation_id is not null or c.channel = f.at_channel)
        and (c.type = 'direct' or f.shape = 'group' and (f.direction <> 'inbound' or f.here is null or f.sender_id is not null and exists (
          select 1 from pigeonpost.customers u
          where u.tenant_id = p_tenant_id and u.id = f.sender_id and u.merged_into is null)))
        and (f.at_status <> 'queued' or exists (
          select 1 from pigeonpost.accounts a where a.tenant_id = p_tenant_id and a.id = c.account_id and a.status <> 'disabled'))
      for key share) c on true
  ), stored as (
    -- The constraint alone detects duplicates: a query before it could be planned by the conversation's index, and would
    -- then read whole conversations.
    insert into pigeonpost.messages as m (tenant_id, number, is_own_event, id, account_id, conversation_id, thread_id, customer_id,
      sender_customer_id, address, alternate_address, conversation_external_id, direction, channel, external_message_id, content_type,
      body, media_url, metadata, raw, reply_to_id, status, problem, priority, scheduled_for, valid_until, occurred_at, sent_at,
      delivered_at, is_from_bot, campaign_id, idempotency_key)
    select p_tenant_id, p.number, p.is_own_event, p.id, p.c_account_id, p.found_id, p.thread_id, p.c_customer_id,
      p.at_sender_id, p.at_address, p.alternate, case when p.meant_id is not distinct from p.conversation_id then p.topic end,
      p.direction, p.c_channel, p.external_id, coalesce(p.content_type, 'text'),
      p.text, p.media_url, p.about, p.raw, coalesce(p.reply_to_id, p.answered_id), p.at_status, pigeonpost.problem_of(p.at_status),
      coalesce(p.priority, 0), p.scheduled_for, p.valid_until, coalesce(p.sent_at, now()),
      case when p.direction = 'outbound' and p.external_id is null then p.sent_at else coalesce(p.sent_at, now()) end,
      case when p.direction <> 'outbound' then now() end, coalesce(p.is_from_bot, false), p.campaign_id, p.idempotency_key
    from placed p where p.thread_id is not null
    on conflict (tenant_id, external_message_id, conversation_id) do nothing
    returning m.id
  ), opened as materialized (
    -- After the rows, since a second copy opens no thread, and before the foreign key looks for them.
    select pigeonpost_private.open_thread(p_tenant_id, p.thread_id, p.found_id, p.c_customer_id, p.c_channel)
    from (select distinct p.thread_id, p.found_id, p.c_customer_id, p.c_channel from (
        select p.*, p.id in (select s.id from stored s) as is_stored from placed p where not p.has_thread offset 0) p
      where p.is_stored order by p.found_id offset 0) p
  )
  select array_agg(p.ord) filter (where p.is_stored), array_agg(p.id) filter (where p.is_stored),
    array_agg(p.number) filter (where p.is_stored), array_agg(p.id) filter (where p.is_stored and not p.is_own_event),
    jsonb_object_agg(p.ord, jsonb_build_array(p.external_id, p.found_id)) filter (where p.thread_id is not null and not p.is_stored),
    jsonb_agg(jsonb_build_object('ord', p.ord, 'shape', p.shape, 'channel', p.at_channel, 'account_id', p.at_account_id,
      'address', p.here, 'topic', p.topic, 'sender_name', p.about ->> 'sender_name', 'group_name', p.about ->> 'group_name',
      'is_queued', p.at_status = 'queued') order by p.ord) filter (where p_may_open and p.thread_id is null and p.alternate is null
        and p.at_account_id is not null and (p.found_id is null or p.shape = 'group' and p.sender_id is null)
        -- A mail that may answer another of this batch, whose conversation is its own then.
        and (p.at_channel <> 'email' or p.answered_id is not null or coalesce(jsonb_typeof(p.reply_to_external_id), 'null') = 'null'))
  into ordinals, ids, numbers, v_unusual, copies, v_wanted
  -- In the select list, where it is looked up in a hash: a join would be planned for one row, and be quadratic.
  from (select p.*, p.id in (select s.id from stored s) as is_stored from placed p where (select count(*) from opened) >= 0 offset 0) p;
  if v_unusual is not null then
    perform pigeonpost_private.follow_up_batch(p_tenant_id, v_unusual);
  end if;
  if coalesce(cardinality(ordinals), 0) = jsonb_array_length(p_messages) then
    return;
  end if;
  select jsonb_object_agg(f.key, coalesce((
      select jsonb_build_object('outcome', 'duplicate', 'id', m.id, 'number', m.number) from pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.external_message_id = f.value ->> 0 and m.conversation_id = (f.value ->> 1)::uuid),
    -- Without an id where the first copy was deleted, or moved by a merge, since.
    jsonb_build_object('outcome', 'duplicate', 'id', null, 'number', null)))
  into copies from jsonb_each(copies) f;
  if v_wanted is not null then
    perform pigeonpost_private.open_conversations(p_tenant_id, v_wanted);
    select b.* into v_opened from pigeonpost_private.insert_batch(p_tenant_id, (
      select jsonb_agg(p_messages -> ((w.value ->> 'ord')::integer - 1) order by w.ord)
      from jsonb_array_elements(v_wanted) with ordinality w (value, ord)), false) b;
    ordinals := ordinals || array(select (v_wanted -> (o.ord - 1)::integer ->> 'ord')::bigint from unnest(v_opened.ordinals) o (ord));
    ids := ids || v_opened.ids;
    numbers := numbers || v_opened.numbers;
    copies := coalesce(copies, '{}') || coalesce((
      select jsonb_object_agg(v_wanted -> (f.key::integer - 1) ->> 'ord', f.value) from jsonb_each(v_opened.copies) f), '{}');
  end if;
  -- Of copies in one batch the first is stored, which may be one that was passed over: then all go one by one.
  if exists (
    select 1 from jsonb_array_elements(p_messages) with ordinality m (value, ord)
    -- By hashes, again.
    where m.ord not in (select unnest(ordinals)) and not coalesce(copies, '{}') ? m.ord::text and (m.value ->> 'external_message_id' in (
      select p_messages -> (o.ord - 1)::integer ->> 'external_message_id' from unnest(ordinals) o (ord))) is true)
  then
    raise sqlstate 'PPZ01';
  end if;
end
$_$;
ALTER FUNCTION pigeonpost_private.insert_batch(p_tenant_id integer, p_messages jsonb, p_may_open boolean, OUT ordinals bigint[], OUT ids uuid[], OUT numbers bigint[], OUT copies jsonb) OWNER TO pigeonpost_owner;

-- Name: is_callers_error(text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.is_callers_error(p_sqlstate text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((p_sqlstate = ANY (ARRAY['40001'::text, '40P01'::text, '55P03'::text, '42501'::text, 'PPT01'::text])) OR (p_sqlstate ~~ '53%'::text) OR (p_sqlstate ~~ '57%'::text));
ALTER FUNCTION pigeonpost_private.is_callers_error(p_sqlstate text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION is_callers_error(p_sqlstate text); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.is_callers_error(p_sqlstate text) IS 'Whether an error ends the whole call rather than refusing one row: the caller has to retry, or lacks a privilege.';

-- Name: is_plain_address(text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.is_plain_address(p_channel text, p_address text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (pigeonpost.is_phone(p_address) OR CASE WHEN (p_channel = 'email'::text) THEN ((p_address ~~ '_%@_%'::text) AND (translate(p_address, 'abcdefghijklmnopqrstuvwxyz0123456789.-_+'::text, ''::text) = '@'::text)) ELSE ((NOT pigeonpost.is_phone_channel(p_channel)) AND (p_address = btrim(p_address, ' 	'::text)) AND (p_address <> ''::text)) END);
ALTER FUNCTION pigeonpost_private.is_plain_address(p_channel text, p_address text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION is_plain_address(p_channel text, p_address text); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.is_plain_address(p_channel text, p_address text) IS 'Whether an address is certainly normalised already, by a cheap test; false where it would take normalize_address() to tell.';

-- Name: iso_8601(timestamp with time zone); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.iso_8601(p_time timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET "DateStyle" TO 'ISO'
    AS $$ select pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
ALTER FUNCTION pigeonpost_private.iso_8601(p_time timestamp with time zone) OWNER TO pigeonpost_owner;

-- Name: keep_webhooks(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.keep_webhooks(p_tenant_id integer, p_webhooks jsonb) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_ids uuid[];
  v_new bigint;
begin
  if p_webhooks is null then
    return '{}';
  end if;
  with given as materialized (
    select g.*, decode(g.digest, 'base64') as key, pigeonpost.uuid_v7() as id
    from rows from (jsonb_to_recordset(p_webhooks) as (channel text, account_id uuid, method text, path text, headers jsonb, body text,
      digest text, received_at timestamptz, error_code text, error_field text, error_message text)) with ordinality g
  ), kept as (
    insert into pigeonpost.webhook_inbox as w (tenant_id, id, channel, account_id, method, path, headers, body, digest, received_at,
      status, error_code, error_field, error_message, attempts, processed_at)
    select p_tenant_id, g.id, g.channel, g.account_id, g.method, g.path, g.headers, decode(g.body, 'base64'), g.key,
      coalesce(g.received_at, now()),
      case when g.error_code is null then 'processed' else 'failed' end,
      g.error_code, g.error_field, g.error_message, 1, case when g.error_code is null then now() end
    -- In one order, so that two writers of the same deliveries do not wait for each other.
    from given g order by g.key
    -- A provider that goes on repeating what was dismissed does not bring it back.
    on conflict (tenant_id, digest) do update set status = case when w.status = 'dismissed' and excluded.status = 'failed'
      then w.status else excluded.status end, error_code = excluded.error_code,
      error_field = excluded.error_field, error_message = excluded.error_message, attempts = w.attempts + 1,
      processed_at = case when w.status = 'dismissed' then coalesce(excluded.processed_at, w.processed_at) else excluded.processed_at end
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
ALTER FUNCTION pigeonpost_private.keep_webhooks(p_tenant_id integer, p_webhooks jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION keep_webhooks(p_tenant_id integer, p_webhooks jsonb); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.keep_webhooks(p_tenant_id integer, p_webhooks jsonb) IS 'Stores webhooks in the inbox and returns their ids there, in the order given.';

-- Name: last_log_id(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.last_log_id() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select case when s.is_called then s.last_value else 0 end from pigeonpost.log_id_seq s $$;
ALTER FUNCTION pigeonpost_private.last_log_id() OWNER TO pigeonpost_owner;

-- Name: last_message_at(integer, uuid, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.last_message_at(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_conversation_id is not null then
    return (select max((
        select m.occurred_at from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.thread_id = t.id
        order by m.occurred_at desc, m.number desc limit 1))
      from pigeonpost.threads t where t.tenant_id = p_tenant_id and t.conversation_id = p_conversation_id);
  end if;
  return (select max((
      select m.occurred_at from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.thread_id = t.id
      order by m.occurred_at desc, m.number desc limit 1))
    from pigeonpost.threads t where t.tenant_id = p_tenant_id and t.customer_id = p_customer_id);
end
$$;
ALTER FUNCTION pigeonpost_private.last_message_at(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) OWNER TO pigeonpost_owner;

-- Name: learn_address(integer, text, text, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.learn_address(p_tenant_id integer, p_channel text, p_address text, p_customer_id uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.learn_address(p_tenant_id integer, p_channel text, p_address text, p_customer_id uuid) OWNER TO pigeonpost_owner;

-- Name: link_addresses(integer, text, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.link_addresses(p_tenant_id integer, p_channel text, p_address text, p_alternate text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.link_addresses(p_tenant_id integer, p_channel text, p_address text, p_alternate text) OWNER TO pigeonpost_owner;

-- Name: living_customer(integer, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.living_customer(p_tenant_id integer, p_id uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.living_customer(p_tenant_id integer, p_id uuid) OWNER TO pigeonpost_owner;

-- Name: lock_bucket(text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.lock_bucket(p_external_message_id text) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$ select pg_catalog.hashtext(p_external_message_id) & 63 $$;
ALTER FUNCTION pigeonpost_private.lock_bucket(p_external_message_id text) OWNER TO pigeonpost_owner;

-- Name: lock_class(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.lock_class(p_tenant_id integer) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$ select p_tenant_id # pigeonpost_private.lock_salt() $$;
ALTER FUNCTION pigeonpost_private.lock_class(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: lock_external_ids(integer, text[], text[]); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- These locks block the tenant's writers: a role must not take those of another tenant.
  if p_tenant_id is distinct from nullif(current_setting('pigeonpost.tenant', true), '')::integer
     and not pigeonpost_private.caller_is_bound_to(p_tenant_id) then
    raise exception 'tenant % is not set', p_tenant_id using errcode = 'PPT01', constraint = 'tenant_is_granted',
      column = 'tenant_id', hint = format('set local pigeonpost.tenant = %s', p_tenant_id);
  end if;
  perform case when b.alone then pg_advisory_xact_lock(pigeonpost_private.lock_class(p_tenant_id), b.bucket)
    else pg_advisory_xact_lock_shared(pigeonpost_private.lock_class(p_tenant_id), b.bucket) end
  from (
    select pigeonpost_private.lock_bucket(w.id) as bucket, bool_or(w.alone) as alone
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
ALTER FUNCTION pigeonpost_private.lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) OWNER TO pigeonpost_owner;

-- Name: FUNCTION lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) IS 'Takes the locks of messages and updates by their external ids, in an order that all writers keep.';

-- Name: lock_salt(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.lock_salt() RETURNS integer
    LANGUAGE sql IMMUTABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select s.salt from pigeonpost_private.lock_salt s $$;
ALTER FUNCTION pigeonpost_private.lock_salt() OWNER TO pigeonpost_owner;

-- Name: FUNCTION lock_salt(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.lock_salt() IS 'Salt of the first key of each tenant''s advisory locks, against accidental collisions; not a secret: any login can read held keys in pg_locks.';

-- Name: log_partitions(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.log_partitions() RETURNS TABLE(name text, from_id bigint, to_id bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.relname,
    (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(\d+)''?\)'))[1]::bigint,
    (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)''?\)'))[1]::bigint
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'pigeonpost.events'::regclass and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
  order by 2
$$;
ALTER FUNCTION pigeonpost_private.log_partitions() OWNER TO pigeonpost_owner;

-- Name: log_writers(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.log_writers() RETURNS TABLE(tenant_id integer, virtual_transaction text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.classid::bigint::bit(32)::integer # pigeonpost_private.lock_salt(), l.virtualtransaction
  from pg_locks l
  where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.objid <= 64::oid
    -- The notify lock, whose holder writes nothing and keeps it for days.
    and not (l.objid = 0::oid and l.classid::bigint::bit(32)::integer = pigeonpost_private.lock_class(0))
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    -- Without the caller's own: it sees what it has written, and has not drawn ids for what it will write.
    and l.pid is distinct from pg_backend_pid()
$$;
ALTER FUNCTION pigeonpost_private.log_writers() OWNER TO pigeonpost_owner;

-- Name: FUNCTION log_writers(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.log_writers() IS 'The other transactions that are writing to tenants'' logs; tenant 0 stands for one that is being created and not visible yet. Tenants that do not exist are advisory locks of other applications.';

-- Name: may_notify(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.may_notify() RETURNS boolean
    LANGUAGE sql
    AS $$
  select case
    when pg_catalog.current_setting('pigeonpost.notify', true) = 'off' then false
    when not pg_catalog.pg_try_advisory_xact_lock_shared(pigeonpost_private.lock_class(0), 0) then false
    else pg_catalog.pg_notification_queue_usage() < 0.5
  end
$$;
ALTER FUNCTION pigeonpost_private.may_notify() OWNER TO pigeonpost_owner;

-- Name: media; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.media (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    owner_service text DEFAULT 'messaging'::text NOT NULL,
    file_id uuid,
    message_id uuid,
    "position" smallint,
    filename text,
    content_type text,
    size bigint,
    storage_key text,
    preview_url text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    error_code text,
    error_message text,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT media_filename_at_most_1024_bytes CHECK ((octet_length(filename) <= 1024)),
    CONSTRAINT media_has_a_source CHECK (((file_id IS NOT NULL) OR (message_id IS NOT NULL))),
    CONSTRAINT media_metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT media_place_in_message CHECK ((((message_id IS NULL) = ("position" IS NULL)) AND ("position" > 0))),
    CONSTRAINT media_ready_is_stored CHECK (((status <> ALL (ARRAY['clean'::text, 'unscanned'::text])) OR (storage_key IS NOT NULL))),
    CONSTRAINT media_size_in_range CHECK ((size >= 0)),
    CONSTRAINT media_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'scanning'::text, 'clean'::text, 'infected'::text, 'unscanned'::text, 'failed'::text])))
);
ALTER TABLE pigeonpost.media OWNER TO pigeonpost_owner;

-- Name: TABLE media; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.media IS 'Files of messages, inbound and outbound, and uploads: one row each, made with the message. Deleting the last row of a file deletes the file.';

-- Name: COLUMN media.owner_service; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.owner_service IS 'Who made the row: messaging for a message''s own file, api for an upload.';

-- Name: COLUMN media.file_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.file_id IS 'The stored file; null until it was fetched. Several rows may share one.';

-- Name: COLUMN media.message_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.message_id IS 'The message that it belongs to; null for an upload, which messages name by media_id.';

-- Name: COLUMN media."position"; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media."position" IS 'Which of the message''s files: the element of metadata.media, from 1.';

-- Name: COLUMN media.filename; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.filename IS 'As it was given; to be sanitized when it is served.';

-- Name: COLUMN media.content_type; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.content_type IS 'MIME type: by its content once the file is here, as it was given before.';

-- Name: COLUMN media.size; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.size IS 'Bytes.';

-- Name: COLUMN media.storage_key; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.storage_key IS 'Its file''s; null where there is none (yet).';

-- Name: COLUMN media.preview_url; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.preview_url IS 'Path of its thumbnail (WebP) in the HTTP API, null where there is none.';

-- Name: COLUMN media.metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.metadata IS 'width and height (pixels), duration (seconds), pages, as the file has them.';

-- Name: COLUMN media.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.status IS 'pending: not fetched or not scanned yet; scanning; clean; unscanned: no scanner was configured; infected: refused, the file was deleted; failed: could not be fetched or scanned. Only clean and unscanned are served and sent.';

-- Name: COLUMN media.created_by; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media.created_by IS 'The API key of an upload.';

-- Name: messages; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.messages (
    number bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    delivered_at timestamp with time zone,
    read_at timestamp with time zone,
    failed_at timestamp with time zone,
    revoked_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    scheduled_for timestamp with time zone,
    valid_until timestamp with time zone,
    lead_id bigint,
    tenant_id integer NOT NULL,
    body_version integer DEFAULT 1 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    is_own_event boolean,
    is_processed boolean DEFAULT false NOT NULL,
    is_from_bot boolean DEFAULT false NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    customer_id uuid,
    sender_customer_id uuid,
    media_id uuid,
    reply_to_id uuid,
    created_by uuid,
    address text,
    direction text NOT NULL,
    channel text DEFAULT 'whatsapp'::text NOT NULL,
    external_message_id text,
    content_type text DEFAULT 'text'::text NOT NULL,
    status text NOT NULL,
    problem text,
    body text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    conversation_external_id text,
    alternate_address text,
    media_url text,
    raw jsonb,
    provider text,
    error_code text,
    error_message text,
    campaign_id text,
    idempotency_key text
)
WITH (fillfactor='85', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');
ALTER TABLE pigeonpost.messages OWNER TO pigeonpost_owner;

-- Name: TABLE messages; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.messages IS 'Every message, inbound, outbound and system. Insert tenant_id, channel, direction, the counterpart (address, lead_id, customer_id, conversation_id or conversation_external_id), external_message_id and body, with on conflict (tenant_id, external_message_id, conversation_id) do nothing; triggers set the rest.';

-- Name: COLUMN messages.number; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.number IS 'For people and for clients that need integers, and its id in the event log: drawn by trigger from the log''s sequence, over all tenants, so gaps are normal. An insert that gives it is refused.';

-- Name: COLUMN messages.occurred_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.occurred_at IS 'The time by which history is sorted: sent_at as the writer gave it, else created_at.';

-- Name: COLUMN messages.sent_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.sent_at IS 'By the channel''s clock. Null while an outbound message waits.';

-- Name: COLUMN messages.delivered_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.delivered_at IS 'Outbound: the earliest time of a receipt. Inbound: when it was stored.';

-- Name: COLUMN messages.read_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.read_at IS 'Outbound: the earliest time of a receipt. Inbound: when it was marked as read.';

-- Name: COLUMN messages.failed_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.failed_at IS 'Null again once it is queued anew or proves to have arrived.';

-- Name: COLUMN messages.revoked_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.revoked_at IS 'Deleted by its sender: the row stays, the body goes to message_history.';

-- Name: COLUMN messages.scheduled_for; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.scheduled_for IS 'Not sent before.';

-- Name: COLUMN messages.valid_until; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.valid_until IS 'Not sent after: it fails instead.';

-- Name: COLUMN messages.lead_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.lead_id IS 'Given by the writer in place of an address; the row keeps customer_id instead.';

-- Name: COLUMN messages.body_version; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.body_version IS 'From 1, incremented by each edit and by the revoke. Older versions are in message_history.';

-- Name: COLUMN messages.attempts; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.attempts IS 'Attempts begun until it was sent, or ended otherwise; each is a row of delivery_attempts. While it is under way see messages_with_state.';

-- Name: COLUMN messages.priority; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.priority IS 'Higher goes first; 0 by default, campaigns -10.';

-- Name: COLUMN messages.is_own_event; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.is_own_event IS 'True: the row itself is the event message.<direction>.created in the log; null: that event is a row of events. Set by trigger.';

-- Name: COLUMN messages.is_processed; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.is_processed IS 'For one consumer of yours: set it with mark_processed().';

-- Name: COLUMN messages.account_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.account_id IS 'Our account. Left out: the default of the channel, else the first, else a new one.';

-- Name: COLUMN messages.thread_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.thread_id IS 'Set by trigger, whatever is given.';

-- Name: COLUMN messages.customer_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.customer_id IS 'The counterpart of a direct conversation; null in others.';

-- Name: COLUMN messages.sender_customer_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.sender_customer_id IS 'Who wrote an inbound message.';

-- Name: COLUMN messages.created_by; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.created_by IS 'The API key''s id.';

-- Name: COLUMN messages.address; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.address IS 'The counterpart''s address at the time, as normalize_address() spells it; in a group the sender''s, or, outbound, the group''s.';

-- Name: COLUMN messages.direction; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.direction IS 'inbound, outbound or system. System messages are stored and never sent.';

-- Name: COLUMN messages.external_message_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.external_message_id IS 'The channel''s own id, by which a duplicate in the same conversation is refused. An inbound message has one; an outbound row that is inserted with one was sent by its bridge.';

-- Name: COLUMN messages.content_type; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.content_type IS 'text, image, audio, video, file, location or structured. et_messages says document for file.';

-- Name: COLUMN messages.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.status IS 'Outbound: queued (stored; messages_with_state tells whether it is scheduled, being sent or retried), sent, delivered, read, failed, canceled, unknown; inbound: delivered, read; system: delivered. Only moves forward: see status_may_change().';

-- Name: COLUMN messages.problem; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.problem IS 'The status, where it is failed, unknown or canceled; null otherwise. For an index that changes to other statuses need not update.';

-- Name: COLUMN messages.body; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.body IS 'At most 1048576 bytes, without control characters but tab and newline. Null once revoked.';

-- Name: COLUMN messages.metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.metadata IS 'The writer''s own; an object. sender_name and group_name name a customer or group that is new.';

-- Name: COLUMN messages.conversation_external_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.conversation_external_id IS 'Given by the writer: the channel''s id of the group, chat or mail thread.';

-- Name: COLUMN messages.alternate_address; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.alternate_address IS 'Given by the writer: a second address of the same person (a LID beside the phone). Links the two.';

-- Name: COLUMN messages.media_url; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.media_url IS 'As it was given; providers'' links may die in minutes.';

-- Name: COLUMN messages.raw; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.raw IS 'The platform''s own message object.';

-- Name: COLUMN messages.provider; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.provider IS 'The provider of the last attempt.';

-- Name: COLUMN messages.idempotency_key; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.messages.idempotency_key IS 'The sender''s own; a second row with it is an error (23505).';

-- Name: media_of(pigeonpost.messages); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.media_of(p_message pigeonpost.messages) RETURNS SETOF pigeonpost.media
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.media_of(p_message pigeonpost.messages) OWNER TO pigeonpost_owner;

-- Name: media_state(pigeonpost.messages); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.media_state(p_message pigeonpost.messages) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with files as materialized (select m.id, m.status from pigeonpost_private.media_of(p_message) m)
  select case when bool_or(f.status in ('infected', 'failed')) or exists (
      select n.id from pigeonpost_private.uploads_named_by(p_message) n where n.id not in (select o.id from files o)) then 'rejected'
    when bool_or(f.status in ('pending', 'scanning')) then 'pending' else 'ready' end
  from files f
$$;
ALTER FUNCTION pigeonpost_private.media_state(p_message pigeonpost.messages) OWNER TO pigeonpost_owner;

-- Name: merge_conversation(integer, uuid, uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.merge_conversation(p_tenant_id integer, p_winner uuid, p_loser uuid) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_winner pigeonpost.conversations;
  v_loser pigeonpost.conversations;
  v_copy record;
  v_messages jsonb := '[]';
  v_threads constant uuid[] := array(
    select t.id from pigeonpost.threads t where t.tenant_id = p_tenant_id and t.conversation_id in (p_winner, p_loser));
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
    from pigeonpost.threads t
    join pigeonpost.messages l on l.tenant_id = t.tenant_id and l.thread_id = t.id
    join pigeonpost.messages w on w.tenant_id = l.tenant_id and w.external_message_id = l.external_message_id and w.conversation_id = p_winner
    where t.tenant_id = p_tenant_id and t.conversation_id = p_loser and l.external_message_id is not null
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
    where m.tenant_id = p_tenant_id and m.reply_to_id = v_copy.loser_id and m.thread_id = any (v_threads);
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
    last_message_at = case when coalesce(v_winner.last_message_at, v_loser.last_message_at) is not null
      then pigeonpost_private.last_message_at(p_tenant_id, p_winner, null) end,
    unread_count = v_winner.unread_count + v_loser.unread_count,
    total_messages = v_winner.total_messages + v_loser.total_messages,
    address = coalesce(v_winner.address, v_loser.address)
  where c.tenant_id = p_tenant_id and c.id = p_winner;
  return jsonb_build_object('from', p_loser, 'into', p_winner, 'messages', v_messages);
end
$$;
ALTER FUNCTION pigeonpost_private.merge_conversation(p_tenant_id integer, p_winner uuid, p_loser uuid) OWNER TO pigeonpost_owner;

-- Name: message_defaults(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.message_defaults() RETURNS pigeonpost.messages
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN jsonb_populate_record(NULL::pigeonpost.messages, '{"channel": "whatsapp", "attempts": 0, "metadata": {}, "priority": 0, "is_from_bot": false, "body_version": 1, "content_type": "text", "is_processed": false}'::jsonb);
ALTER FUNCTION pigeonpost_private.message_defaults() OWNER TO pigeonpost_owner;

-- Name: FUNCTION message_defaults(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.message_defaults() IS 'A message of defaults alone.';

-- Name: message_fields(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.message_fields() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '{tenant_id,channel,direction,address,alternate_address,lead_id,customer_id,sender_customer_id,conversation_id,conversation_external_id,account_id,external_message_id,content_type,body,media_url,metadata,raw,reply_to_id,reply_to_external_id,reference,sent_at,status,priority,scheduled_for,valid_until,is_from_bot,campaign_id,idempotency_key}'::text[];
ALTER FUNCTION pigeonpost_private.message_fields() OWNER TO pigeonpost_owner;

-- Name: FUNCTION message_fields(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.message_fields() IS 'The fields that a message of ingest() may have: the columns of given_messages.';

-- Name: next_log_id(integer, bigint); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.next_log_id(p_tenant_id integer, p_after bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return least(
    (select m.number from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.number > p_after order by m.number limit 1),
    (select e.id from pigeonpost.events e where e.tenant_id = p_tenant_id and e.id > p_after order by e.id limit 1),
    (select s.number from pigeonpost.message_statuses s where s.tenant_id = p_tenant_id and s.number > p_after order by s.number limit 1));
end
$$;
ALTER FUNCTION pigeonpost_private.next_log_id(p_tenant_id integer, p_after bigint) OWNER TO pigeonpost_owner;

-- Name: normalise_message(pigeonpost.messages); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.normalise_message(p_message pigeonpost.messages) RETURNS pigeonpost.messages
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  new pigeonpost.messages := p_message;
  v_field text;
begin
  if new.direction is null or new.direction not in ('inbound', 'outbound', 'system') then
    raise exception 'direction "%" is not known', new.direction using errcode = 'PPV01', constraint = 'messages_direction_known',
      table = 'messages', column = 'direction', hint = 'Use inbound, outbound or system.';
  end if;
  if not coalesce(pigeonpost.is_content_type(new.content_type), false) then
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
      hint = 'Leave it out, or use queued, sent, delivered, read, failed, canceled or unknown.';
  end if;
  new.created_at := coalesce(new.created_at, now());
  if not isfinite(coalesce(new.sent_at, new.created_at)) then
    raise exception 'sent_at is not a finite time' using errcode = 'PPV01', constraint = 'messages_sent_at_is_finite',
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
  if new.conversation_external_id is not null and pigeonpost.is_phone_channel(new.channel)
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
    if new.address like '+%' and pigeonpost.is_phone_channel(new.channel) and not pigeonpost.is_phone(new.address) then
      raise exception 'address "%" cannot be a phone number', new.address using errcode = 'PPV01', constraint = 'messages_address_is_possible',
        table = 'messages', column = 'address', hint = 'Phone number must be in E.164 format: + and 7 to 15 digits.';
    end if;
  end if;
  new.alternate_address := nullif(pigeonpost.normalize_address(new.channel, new.alternate_address), new.address);
  if new.alternate_address like '+%' and pigeonpost.is_phone_channel(new.channel)
     and not pigeonpost.is_phone(new.alternate_address) then
    raise exception 'alternate_address "%" cannot be a phone number', new.alternate_address using errcode = 'PPV01',
      constraint = 'messages_alternate_address_is_possible', table = 'messages', column = 'alternate_address',
      hint = 'Phone number must be in E.164 format: + and 7 to 15 digits.';
  end if;
  if pigeonpost.has_control_characters(new.body) then
    if new.direction <> 'inbound' and pigeonpost.has_control_characters(replace(new.body, E'\r\n', E'\n')) then
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
  if new.direction = 'outbound' then
    if new.external_message_id is not null then
      if new.status is null or new.status not in ('sent', 'delivered', 'read', 'failed') then
        new.status := 'sent';
      end if;
      new.sent_at := coalesce(new.sent_at, new.created_at);
    elsif new.status is null or new.status not in ('sent', 'delivered', 'read', 'failed', 'canceled') then
      new.status := 'queued';
    end if;
  else
    new.status := case when new.direction = 'inbound' and new.status = 'read' then 'read' else 'delivered' end;
    new.sent_at := coalesce(new.sent_at, new.created_at);
    new.delivered_at := coalesce(new.delivered_at, new.created_at);
  end if;
  new.problem := pigeonpost.problem_of(new.status);
  new.occurred_at := coalesce(new.sent_at, new.created_at);
  return new;
end
$_$;
ALTER FUNCTION pigeonpost_private.normalise_message(p_message pigeonpost.messages) OWNER TO pigeonpost_owner;

-- Name: note_provider(integer, text, boolean, integer, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    -- Outcomes of requests that were under way when it opened are ignored; only the probe's counts.
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
ALTER FUNCTION pigeonpost_private.note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text) IS 'Counts failures since the last success (p_succeeded: there was one, and p_failures came after it); true when the breaker is open. It opens after 5, for 30 s, then twice as long, at most 5 min.';

-- Name: notification(uuid, bigint, text, integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.notification(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  select '{"event_id":"' || p_event_id || '","id":' || p_id || ',"type":"' || p_type || '","tenant_id":' || p_tenant_id || '}'
$$;
ALTER FUNCTION pigeonpost_private.notification(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION notification(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.notification(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer) IS 'The payload of NOTIFY on channel pigeonpost_events, the same whether a trigger or the relay notifies.';

-- Name: notify_lock_class(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.notify_lock_class() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select pigeonpost_private.lock_class(0) $$;
ALTER FUNCTION pigeonpost_private.notify_lock_class() OWNER TO pigeonpost_owner;

-- Name: FUNCTION notify_lock_class(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.notify_lock_class() IS 'The first key of the advisory lock, with 0 for the second, that a relay holds while it notifies for all writers.';

-- Name: number_ranges(integer, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.number_ranges(p_tenant_id integer, p_since timestamp with time zone, p_until timestamp with time zone) RETURNS TABLE(low bigint, high bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  with span as (
    select lag(s.last_number, 1, -1::bigint) over w as low, s.last_number as high, row_number() over w as place,
      (p_since is null or s.until >= p_since) and (p_until is null or s.since < p_until) as is_meant
    from pigeonpost_private.message_spans s where s.tenant_id = p_tenant_id
    window w as (order by s.last_number)
  ), meant as (
    select s.low, s.high, s.place - row_number() over (order by s.place) as island from span s where s.is_meant
  )
  select min(m.low), max(m.high) from meant m group by m.island
  union all
  select coalesce(max(s.high), -1), 9223372036854775807 from span s;
end
$$;
ALTER FUNCTION pigeonpost_private.number_ranges(p_tenant_id integer, p_since timestamp with time zone, p_until timestamp with time zone) OWNER TO pigeonpost_owner;

-- Name: open_conversations(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.open_conversations(p_tenant_id integer, p_wanted jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  perform pigeonpost_private.find_or_open_direct(p_tenant_id, w.account_id, w.channel, w.customer_id, w.address, w.topic)
  from (
    select w.*, pigeonpost_private.find_or_open_customer(p_tenant_id, w.channel, w.address, w.sender_name) as customer_id
    from (
      select distinct on (w.channel, w.address, w.account_id, w.topic) w.*
      from jsonb_to_recordset(p_wanted) w (ord bigint, shape text, channel text, account_id uuid, address text, topic text,
        sender_name text, is_queued boolean)
      join pigeonpost.accounts a on a.tenant_id = p_tenant_id and a.id = w.account_id and a.channel = w.channel
        and not (w.is_queued and a.status = 'disabled')
      where w.shape = 'direct'
      order by w.channel, w.address, w.account_id, w.topic, w.ord offset 0) w
    offset 0) w;
  perform pigeonpost_private.find_or_open_group(p_tenant_id, w.account_id, w.channel, w.topic, w.group_name)
  from (
    select distinct on (w.account_id, w.topic) w.*
    from jsonb_to_recordset(p_wanted) w (ord bigint, shape text, channel text, account_id uuid, topic text, group_name text, is_queued boolean)
    join pigeonpost.accounts a on a.tenant_id = p_tenant_id and a.id = w.account_id and a.channel = w.channel
      and not (w.is_queued and a.status = 'disabled')
    where w.shape = 'group'
    order by w.account_id, w.topic, w.ord offset 0) w;
  perform pigeonpost_private.find_or_open_customer(p_tenant_id, w.channel, w.address, w.sender_name)
  from (
    select distinct on (w.channel, w.address) w.*
    from jsonb_to_recordset(p_wanted) w (ord bigint, shape text, channel text, account_id uuid, address text, sender_name text,
      is_queued boolean)
    join pigeonpost.accounts a on a.tenant_id = p_tenant_id and a.id = w.account_id and a.channel = w.channel
    where w.shape = 'group' and not w.is_queued and w.address is not null
    order by w.channel, w.address, w.ord offset 0) w;
end
$$;
ALTER FUNCTION pigeonpost_private.open_conversations(p_tenant_id integer, p_wanted jsonb) OWNER TO pigeonpost_owner;

-- Name: open_thread(integer, uuid, uuid, uuid, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.open_thread(p_tenant_id integer, p_thread_id uuid, p_conversation_id uuid, p_customer_id uuid, p_channel text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into pigeonpost.threads (tenant_id, id, conversation_id, customer_id, channel)
  values (p_tenant_id, p_thread_id, p_conversation_id, p_customer_id, p_channel)
  -- Without a target: two that open it at once meet at three keys, and whichever is looked at is no error.
  on conflict do nothing;
  update pigeonpost.conversations c set status = 'open'
  where c.tenant_id = p_tenant_id and c.id = p_conversation_id and c.status = 'closed';
end
$$;
ALTER FUNCTION pigeonpost_private.open_thread(p_tenant_id integer, p_thread_id uuid, p_conversation_id uuid, p_customer_id uuid, p_channel text) OWNER TO pigeonpost_owner;

-- Name: place_elements(jsonb, jsonb, jsonb, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.place_elements(p_elements jsonb, p_accounts jsonb, p_moved jsonb, p_chat text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select jsonb_agg(case when p_moved ? m.key then jsonb_set(p.value, array[p_chat], p_moved -> m.key) else p.value end order by e.ord)
    from jsonb_array_elements(p_elements) with ordinality e (value, ord)
    cross join lateral (
      select e.value - array['account_address', 'opens_account'] || jsonb_strip_nulls(jsonb_build_object('account_id',
        p_accounts -> concat(e.value ->> 'channel', ' ', e.value ->> 'account_address'))) as value offset 0) p
    cross join lateral (
      select concat_ws(' ', p.value ->> 'channel', coalesce(p.value ->> 'account_id', '-'), p.value ->> p_chat) as key offset 0) m);
end
$$;
ALTER FUNCTION pigeonpost_private.place_elements(p_elements jsonb, p_accounts jsonb, p_moved jsonb, p_chat text) OWNER TO pigeonpost_owner;

-- Name: prune(integer, integer, boolean); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.prune(p_tenant_id integer, p_batch integer DEFAULT 1000, p_is_dry_run boolean DEFAULT false) RETURNS TABLE(kind text, days numeric, pruned bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_kind record;
  v_kept jsonb;
  v_before timestamptz;
begin
  if p_tenant_id is distinct from nullif(current_setting('pigeonpost.tenant', true), '')::integer
     and not pigeonpost_private.caller_is_bound_to(p_tenant_id) then
    raise exception 'tenant % is not set', p_tenant_id using errcode = 'PPT01', constraint = 'tenant_is_granted',
      column = 'tenant_id', hint = format('set local pigeonpost.tenant = %s', p_tenant_id);
  end if;
  v_kept := (select t.settings -> 'retention' from pigeonpost.tenants t where t.tenant_id = p_tenant_id);
  for v_kind in select k.* from pigeonpost_private.retention_kinds() k loop
    kind := v_kind.kind;
    pruned := 0;
    -- A null there keeps them for ever.
    days := case when v_kept ? kind then (v_kept ->> kind)::numeric else v_kind.default_days end;
    v_before := now() - days::double precision * interval '1 day';
    if v_before is null then
      null;
    elsif p_is_dry_run then
      execute format('select count(*) from pigeonpost.%I r where r.tenant_id = $1 and %s', kind, v_kind.is_old)
      into pruned using p_tenant_id, v_before;
    else
      execute format('delete from pigeonpost.%1$I d where d.tenant_id = $1 and d.ctid = any (array(
          select r.ctid from pigeonpost.%1$I r where r.tenant_id = $1 and %2$s order by r.%3$s limit $3 for update of r skip locked))',
        kind, v_kind.is_old, v_kind.sort)
      using p_tenant_id, v_before, p_batch;
      get diagnostics pruned = row_count;
    end if;
    return next;
  end loop;
end
$_$;
ALTER FUNCTION pigeonpost_private.prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean) OWNER TO pigeonpost_owner;

-- Name: FUNCTION prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean) IS 'Deletes up to p_batch rows of each kind that are older than the tenant''s retention (tenants.settings.retention, in days; null: kept for ever), and returns how many of each; with p_is_dry_run deletes nothing and counts all of them.';

-- Name: read_counts(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.read_counts(p_tenant_id integer DEFAULT NULL::integer) RETURNS TABLE(tenant_id integer, account_id uuid, direction text, content_type text, status text, messages bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select c.tenant_id, c.account_id, c.direction, c.content_type, c.status, sum(c.messages)::bigint
  from (
    select m.tenant_id, m.account_id, m.direction, m.content_type, m.status, m.messages
    from pigeonpost_private.message_counts m where p_tenant_id is null or m.tenant_id = p_tenant_id
    union all
    select t.tenant_id, d.account_id, d.direction, d.content_type, d.status, d.messages
    from pigeonpost.tenants t
    cross join lateral pigeonpost_private.count_changes(t.tenant_id, pigeonpost_private.folded_id(t.tenant_id), 9223372036854775807) d
    where p_tenant_id is null or t.tenant_id = p_tenant_id
  ) c
  group by 1, 2, 3, 4, 5
  having sum(c.messages) <> 0;
end
$$;
ALTER FUNCTION pigeonpost_private.read_counts(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION read_counts(p_tenant_id integer); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.read_counts(p_tenant_id integer) IS 'How many messages there are per account, direction, content type and status: exact in this snapshot, from the folded counts and the log after them.';

-- Name: receive(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.receive(p_tenant_id integer, p_items jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
declare
  v_answers jsonb;
  v_inbox uuid[];
begin
  if jsonb_array_length(p_items) = 1 then
    v_answers := jsonb_build_array(pigeonpost_private.receive_one(p_tenant_id, p_items -> 0));
  else
    begin
      v_answers := pigeonpost_private.receive_contents(p_tenant_id, p_items);
      set constraints all immediate;
    exception when others then
      if pigeonpost_private.is_callers_error(sqlstate) then
        raise;
      end if;
      v_answers := null;
    end;
    -- One of them cannot be stored: each is stored alone.
    v_answers := coalesce(v_answers, (
      select jsonb_agg(a.answer order by a.ord) from (
        select i.ord, pigeonpost_private.receive_one(p_tenant_id, i.value) as answer
        from jsonb_array_elements(p_items) with ordinality i (value, ord) order by i.ord offset 0) a));
  end if;
  if v_answers @> any (array['[{"messages": [{"outcome": "refused"}]}]', '[{"updates": [{"outcome": "refused"}]}]']::jsonb[]) then
    select jsonb_agg(case when f.error is null then i.value else i.value || jsonb_build_object('error', f.error) end order by i.ord)
    into v_answers
    from jsonb_array_elements(v_answers) with ordinality i (value, ord)
    cross join lateral (
      select coalesce(i.value -> 'error', jsonb_path_query_first(i.value, '$.messages[*] ? (@.outcome == "refused")'),
        jsonb_path_query_first(i.value, '$.updates[*] ? (@.outcome == "refused")')) as error offset 0) f;
  end if;
  -- Last, when the results are known; all at once and in one order, since other servers may store the same deliveries.
  -- A webhook's error is what its channel could not parse, else the first refusal.
  if jsonb_array_length(p_items) = 1 then
    if p_items -> 0 ? 'inbox' then
      v_inbox := pigeonpost_private.keep_webhooks(p_tenant_id, jsonb_build_array(
        pigeonpost_private.inbox_row(p_items -> 0 -> 'inbox', v_answers -> 0 -> 'error')));
    end if;
    return jsonb_build_array(v_answers -> 0 || jsonb_build_object('inbox_id', v_inbox[1]));
  end if;
  v_inbox := pigeonpost_private.keep_webhooks(p_tenant_id, case
    when not jsonb_path_exists(v_answers, '$[*].error') then nullif(jsonb_path_query_array(p_items, '$[*].inbox'), '[]')
    else (
      select jsonb_agg(pigeonpost_private.inbox_row(i.value -> 'inbox', v_answers -> (i.ord - 1)::integer -> 'error') order by i.ord)
      from jsonb_array_elements(p_items) with ordinality i (value, ord)
      where i.value ? 'inbox') end);
  return (
    select jsonb_agg(v_answers -> (i.ord - 1)::integer || jsonb_build_object('inbox_id', v_inbox[i.place]) order by i.ord)
    from (
      select i.ord, case when i.value ? 'inbox' then count(*) filter (where i.value ? 'inbox') over (order by i.ord) end as place
      from jsonb_array_elements(p_items) with ordinality i (value, ord)) i);
end
$_$;
ALTER FUNCTION pigeonpost_private.receive(p_tenant_id integer, p_items jsonb) OWNER TO pigeonpost_owner;

-- Name: FUNCTION receive(p_tenant_id integer, p_items jsonb); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.receive(p_tenant_id integer, p_items jsonb) IS 'Stores webhooks of one tenant: [{inbox: {channel, account_id, method, path, headers, body, digest, error_code …}, messages: [as ingest() takes them, with account_address], updates: [{channel, account_id, account_address, id, chat, said}], identities: [{channel, address, alternate_address}], groups: [{channel, account_id, external_id, new_external_id, name, avatar, metadata}]}]. Answers each, in order: {inbox_id, messages: [{outcome, id …}], updates: [{outcome}], error}. An item that cannot be stored falls back by itself; its bytes are kept as failed.';

-- Name: receive_contents(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.receive_contents(p_tenant_id integer, p_items jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
declare
  v_messages jsonb := nullif(jsonb_path_query_array(p_items, '$[*].messages[*]'), '[]');
  v_updates jsonb := nullif(jsonb_path_query_array(p_items, '$[*].updates[*]'), '[]');
  v_groups jsonb := nullif(jsonb_path_query_array(p_items, '$[*].groups[*]'), '[]');
  v_names_accounts constant boolean := jsonb_path_exists(p_items, '$[*].*[*].account_address');
  v_accounts jsonb := '{}';
  v_moved jsonb := '{}';
  v_stored jsonb := '[]';
  v_ordinals bigint[];
  v_ids uuid[];
  v_numbers bigint[];
  v_applied jsonb := '[]';
begin
  if v_updates is not null and coalesce(jsonb_array_length(v_messages), 0) + jsonb_array_length(v_updates) > 1 then
    perform pigeonpost_private.lock_external_ids(p_tenant_id,
      array(select e ->> 'external_message_id' from jsonb_array_elements(v_messages) e),
      array(select e ->> 'id' from jsonb_array_elements(v_updates) e));
  end if;
  if v_names_accounts then
    v_accounts := pigeonpost_private.accounts_named(p_tenant_id, coalesce(v_messages, '[]') || coalesce(v_updates, '[]') || coalesce(v_groups, '[]'));
    v_groups := pigeonpost_private.place_elements(v_groups, v_accounts, '{}', 'external_id');
  end if;
  if jsonb_path_exists(p_items, '$[*].identities') then
    perform pigeonpost_private.link_addresses(p_tenant_id, l.channel, l.one, l.other)
    from (
      select e.value ->> 'channel' as channel, pigeonpost.normalize_address(e.value ->> 'channel', e.value ->> 'address') as one,
        pigeonpost.normalize_address(e.value ->> 'channel', e.value ->> 'alternate_address') as other
      from jsonb_array_elements(p_items) with ordinality i (value, ord)
      cross join lateral jsonb_array_elements(i.value -> 'identities') with ordinality e (value, ord)
      order by i.ord, e.ord offset 0) l
    where l.one <> l.other;
  end if;
  if v_groups is not null then
    perform pigeonpost_private.change_group(p_tenant_id, g.value)
    from jsonb_array_elements(v_groups) g (value) where g.value ->> 'new_external_id' is not null;
    select coalesce(jsonb_object_agg(concat_ws(' ', g.value ->> 'channel', coalesce(g.value ->> 'account_id', '-'), g.value ->> 'external_id'),
      g.value -> 'new_external_id'), '{}')
    into v_moved from jsonb_array_elements(v_groups) g (value) where g.value ->> 'new_external_id' is not null;
  end if;
  if v_names_accounts or v_moved <> '{}' then
    v_messages := pigeonpost_private.place_elements(v_messages, v_accounts, v_moved, 'conversation_external_id');
    v_updates := pigeonpost_private.place_elements(v_updates, v_accounts, v_moved, 'chat');
  end if;
  if v_messages is not null then
    insert into pigeonpost.ingest_batches (tenant_id, messages) values (p_tenant_id, v_messages)
    returning results, ordinals, ids, numbers into v_stored, v_ordinals, v_ids, v_numbers;
    -- Each answer in the order of the messages.
    select jsonb_agg(s.answer order by s.ord) into v_stored from (
      select n.ord, jsonb_build_object('outcome', 'stored', 'id', n.id, 'number', n.number) as answer
      from unnest(v_ordinals, v_ids, v_numbers) n (ord, id, number)
      union all
      select o.key::bigint, o.value from jsonb_each(v_stored) o) s;
  end if;
  if v_updates is not null then
    v_applied := pigeonpost_private.apply_updates(p_tenant_id, v_updates);
  end if;
  if v_groups is not null then
    perform pigeonpost_private.change_group(p_tenant_id, g.value)
    from jsonb_array_elements(v_groups) g (value) where g.value ->> 'new_external_id' is null;
  end if;
  return (
    select jsonb_agg(jsonb_build_object(
      'messages', coalesce((select jsonb_agg(v_stored -> k) from generate_series(i.first_message, i.first_message + i.messages - 1) k), '[]'),
      'updates', coalesce((select jsonb_agg(v_applied -> k) from generate_series(i.first_update, i.first_update + i.updates - 1) k), '[]'))
      order by i.ord)
    from (
      select n.*, (sum(n.messages) over so_far)::integer - n.messages as first_message, (sum(n.updates) over so_far)::integer - n.updates as first_update
      from (
        select i.ord, coalesce(jsonb_array_length(i.value -> 'messages'), 0) as messages,
          coalesce(jsonb_array_length(i.value -> 'updates'), 0) as updates
        from jsonb_array_elements(p_items) with ordinality i (value, ord)) n
      window so_far as (order by n.ord)) i);
end
$_$;
ALTER FUNCTION pigeonpost_private.receive_contents(p_tenant_id integer, p_items jsonb) OWNER TO pigeonpost_owner;

-- Name: receive_one(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.receive_one(p_tenant_id integer, p_item jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_answers jsonb;
  v_constraint text;
  v_column text;
  v_hint text;
begin
  set constraints all deferred;
  v_answers := pigeonpost_private.receive_contents(p_tenant_id, jsonb_build_array(p_item));
  -- Deferred checks run here: a failure at commit would also undo the inbox's row.
  set constraints all immediate;
  return v_answers -> 0;
exception when others then
  if pigeonpost_private.is_callers_error(sqlstate) then
    raise;
  end if;
  get stacked diagnostics v_constraint = constraint_name, v_column = column_name, v_hint = pg_exception_hint;
  return jsonb_build_object('messages', '[]'::jsonb, 'updates', '[]'::jsonb,
    'error', pigeonpost_private.refusal(sqlstate, v_constraint, v_column, sqlerrm, v_hint));
end
$$;
ALTER FUNCTION pigeonpost_private.receive_one(p_tenant_id integer, p_item jsonb) OWNER TO pigeonpost_owner;

-- Name: refer_media(pigeonpost.messages); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.refer_media(p_message pigeonpost.messages) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_media constant jsonb := case
    when jsonb_typeof(p_message.metadata -> 'media') = 'array' and p_message.metadata -> 'media' <> '[]' then p_message.metadata -> 'media'
    -- A message that is sent as text has no file.
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
$_$;
ALTER FUNCTION pigeonpost_private.refer_media(p_message pigeonpost.messages) OWNER TO pigeonpost_owner;

-- Name: refusal(text, text, text, text, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN jsonb_build_object('outcome', 'refused', 'code', p_sqlstate, 'constraint', NULLIF(p_constraint, ''::text), 'field', NULLIF(p_column, ''::text), 'message', p_message, 'hint', NULLIF(p_hint, ''::text));
ALTER FUNCTION pigeonpost_private.refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text) OWNER TO pigeonpost_owner;

-- Name: FUNCTION refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text) IS 'The answer to what was refused: its error, as it was raised.';

-- Name: relay_notifies(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.relay_notifies() RETURNS boolean
    LANGUAGE sql
    AS $$
  select pg_catalog.current_setting('pigeonpost.notify', true) is not distinct from 'off'
    or not pg_catalog.pg_try_advisory_xact_lock_shared(pigeonpost_private.lock_class(0), 0)
$$;
ALTER FUNCTION pigeonpost_private.relay_notifies() OWNER TO pigeonpost_owner;

-- Name: resolve_message(pigeonpost.messages); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.resolve_message(p_message pigeonpost.messages) RETURNS pigeonpost.messages
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    -- A writer that knows leads but no accounts (the et_messages contract): one active thread per lead and channel.
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
  if new.status = 'queued' then
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
ALTER FUNCTION pigeonpost_private.resolve_message(p_message pigeonpost.messages) OWNER TO pigeonpost_owner;

-- Name: retention_kinds(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.retention_kinds() RETURNS TABLE(kind text, default_days numeric, is_old text, sort text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  return query values
    -- For replays, while somebody may still notice that an adapter misread something. Those that failed are the only copy
    -- of what they brought, so they stay until they are processed or dismissed; and those whose files are still to be
    -- fetched (a mail's attachments are in it) until they are.
    ('webhook_inbox', 30::numeric,
      $sql$r.status in ('processed', 'dismissed') and r.received_at < $2 and r.processed_at < least($2, (
        select min(t.created_at) from pigeonpost_private.media_tasks t where t.tenant_id = $1 and t.kind = 'fetch'))$sql$,
      'received_at'),
    -- For questions about a bill or a complaint, which come within a quarter. One of a message that is under way, or whose
    -- outcome is unknown, has the id that the provider gets again. Attempt ids rise with time, so no index is needed.
    ('delivery_attempts', 90,
      $sql$r.attempt_id < (lpad(to_hex((extract(epoch from $2) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
        and r.started_at < $2 and r.outcome <> 'sending'
        and exists (select 1 from pigeonpost.messages m
          where m.tenant_id = r.tenant_id and m.id = r.message_id and m.status not in ('queued', 'unknown'))$sql$,
      'attempt_id'),
    -- The same. A transition is its own event, so it stays above the log's floor, and what fold and relay have not read.
    -- The spans tell up to which number rows are old; rows above are not read.
    ('message_statuses', 90,
      $sql$r.number <= least(
          (select f.floor_id from pigeonpost_private.log_floor f),
          (select min(c.cursor) from pigeonpost_private.log_cursors c where c.tenant_id = $1 and c.name <> 'settled'),
          coalesce((select p.last_number from pigeonpost_private.message_spans p
            where p.tenant_id = $1 and p.until < $2 order by p.last_number desc limit 1), 0))
        and r.created_at < $2
        and exists (select 1 from pigeonpost.messages m
          where m.tenant_id = r.tenant_id and m.id = r.message_id and m.status not in ('queued', 'unknown'))$sql$,
      'number'),
    -- No provider sends a message a month after its receipt.
    ('parked_updates', 30, 'r.created_at < $2', 'created_at'),
    -- As long as clients repeat a request.
    ('idempotent_requests', 1, 'r.created_at < $2', 'created_at');
end
$_$;
ALTER FUNCTION pigeonpost_private.retention_kinds() OWNER TO pigeonpost_owner;

-- Name: FUNCTION retention_kinds(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.retention_kinds() IS 'The tables that prune() deletes from: days kept by default, what counts as old, and in which order it goes.';

-- Name: sent_at_is(timestamp with time zone); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.sent_at_is(p_sent_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (p_sent_at > (now() + '00:10:00'::interval)) THEN 'future'::text WHEN (p_sent_at < '1990-01-01 00:00:00+00'::timestamp with time zone) THEN 'past'::text ELSE NULL::text END;
ALTER FUNCTION pigeonpost_private.sent_at_is(p_sent_at timestamp with time zone) OWNER TO pigeonpost_owner;

-- Name: FUNCTION sent_at_is(p_sent_at timestamp with time zone); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.sent_at_is(p_sent_at timestamp with time zone) IS 'The value of metadata.sent_at_is for an implausible time: future (by more than clocks differ), past (the epoch, a clock that was never set); null for any other.';

-- Name: sent_since(integer, timestamp with time zone); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.sent_since(p_tenant_id integer, p_since timestamp with time zone) RETURNS TABLE(account_id uuid, messages bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select m.account_id, count(*)
  from (
    select s.message_id as id from pigeonpost.message_statuses s
    where s.tenant_id = p_tenant_id and s.number > coalesce((
      select p.last_number from pigeonpost_private.message_spans p
      where p.tenant_id = p_tenant_id and p.until < p_since order by p.last_number desc limit 1), -1) and s.status in ('sent', 'delivered', 'read')
    union
    select n.id from pigeonpost_private.number_ranges(p_tenant_id, p_since, null) r
    cross join unnest(array['text', 'image', 'audio', 'video', 'file', 'location', 'structured']) k (content_type)
    cross join lateral (
      select n.id from pigeonpost.messages n
      where n.tenant_id = p_tenant_id and n.direction = 'outbound' and (n.direction <> 'inbound' or n.content_type <> 'text')
        and n.content_type = k.content_type and n.number > r.low and n.number <= r.high
        -- Not by the index of times, which knows no number.
        and (n.sent_at > p_since) is true offset 0) n
  ) s
  cross join lateral (
    select m.account_id from pigeonpost.messages m
    where m.tenant_id = p_tenant_id and m.id = s.id and m.direction = 'outbound' and m.sent_at > p_since and m.sent_at <= now()
    offset 0) m
  group by 1;
end
$$;
ALTER FUNCTION pigeonpost_private.sent_since(p_tenant_id integer, p_since timestamp with time zone) OWNER TO pigeonpost_owner;

-- Name: settle_log(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.settle_log(p_tenant_id integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_settled bigint;
  v_last bigint;
  v_writers text[];
  v_slot smallint;
  v_is_waiting boolean;
begin
  select greatest(max(r.settled_id), (
    select c.cursor from pigeonpost_private.log_cursors c where c.tenant_id = p_tenant_id and c.name = 'settled'), 0)
  into v_settled from pigeonpost_private.log_rounds r where r.tenant_id = p_tenant_id;
  -- A snapshot older than the locks would miss rows that they say are settled, and a standby does not know who is
  -- writing: both use what was settled before.
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') or pg_is_in_recovery() then
    return v_settled;
  end if;
  v_last := pigeonpost_private.last_log_id();
  if v_last <= v_settled then
    return v_settled;
  end if;
  select array_agg(distinct w.virtual_transaction) into v_writers from pigeonpost_private.log_writers() w
  where w.tenant_id = p_tenant_id
    or p_tenant_id = 0 and exists (select 1 from pigeonpost.tenants t where t.tenant_id = w.tenant_id);
  if v_writers is null then
    v_settled := v_last;
  else
    -- After a crash a prepared transaction has another virtual id, -1/xid: while there is one, no earlier round ends.
    select greatest(v_settled, max(r.round_id) filter (where not r.waits_for && v_writers
        and not exists (select 1 from unnest(v_writers) w where w like '-1/%'))),
      coalesce(bool_or(r.round_id > v_settled and r.waits_for && v_writers), false)
    into v_settled, v_is_waiting
    from pigeonpost_private.log_rounds r where r.tenant_id = p_tenant_id;
  end if;
  if current_setting('transaction_read_only') = 'on' then
    return v_settled;
  end if;
  if v_writers is not null and not v_is_waiting then
    select r.slot into v_slot from pigeonpost_private.log_rounds r
    where r.tenant_id = p_tenant_id and coalesce(r.round_id, 0) <= v_settled order by r.slot limit 1 for update skip locked;
    update pigeonpost_private.log_rounds r set settled_id = v_settled, round_id = v_last, waits_for = v_writers
    where r.tenant_id = p_tenant_id and r.slot = v_slot;
  end if;
  -- The holder of the row stores the same, or will at its next call.
  perform from pigeonpost_private.log_cursors c
  where c.tenant_id = p_tenant_id and c.name = 'settled' and c.cursor < v_settled for update skip locked;
  if found then
    update pigeonpost_private.log_cursors c set cursor = v_settled
    where c.tenant_id = p_tenant_id and c.name = 'settled' and c.cursor < v_settled;
  end if;
  return v_settled;
end
$$;
ALTER FUNCTION pigeonpost_private.settle_log(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: FUNCTION settle_log(p_tenant_id integer); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.settle_log(p_tenant_id integer) IS 'Advances and returns the id up to which a tenant''s log is settled (no open transaction can still add to it); for tenant 0, up to which every tenant''s is.';

-- Name: store_message(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.store_message(p_tenant_id integer, p_message jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_unknown text;
  v_id uuid;
  v_number bigint;
  v_answered record;
  v_row pigeonpost.messages;
begin
  if jsonb_typeof(p_message) <> 'object' then
    raise exception 'a message is a JSON object' using errcode = 'PPV01', constraint = 'ingest_message_is_an_object',
      hint = 'Give an array of objects with the columns of pigeonpost.messages as names.';
  end if;
  if p_message ->> 'tenant_id' is distinct from p_tenant_id::text then
    raise exception 'tenant_id is missing' using errcode = 'PPV01', constraint = 'tenant_is_named', column = 'tenant_id',
      hint = 'Give the company''s number as tenant_id.';
  end if;
  if p_message - pigeonpost_private.message_fields() <> '{}' then
    select k into v_unknown from jsonb_object_keys(p_message - pigeonpost_private.message_fields()) k limit 1;
    raise exception 'field "%" is not known', v_unknown using errcode = 'PPV01', constraint = 'ingest_field_known', column = v_unknown,
      hint = 'Put what has no column of its own into metadata or raw.';
  end if;
  -- One test for fields that are rarely given: each expression costs.
  if p_message ?| array['reference', 'reply_to_external_id'] then
    if p_message ->> 'reference' is not null and p_message ->> 'direction' = 'outbound' then
      -- The echo of a message of ours whose outcome is not recorded yet: our row gets the external id.
      v_id := pigeonpost.identify_message(p_tenant_id, coalesce(p_message ->> 'channel', 'whatsapp'), p_message ->> 'reference',
        p_message ->> 'external_message_id', (p_message ->> 'account_id')::uuid);
      if v_id is not null then
        perform pigeonpost.apply_update_to(p_tenant_id, v_id, pigeonpost.normalise_update(coalesce(p_message ->> 'channel', 'whatsapp'),
          jsonb_build_object('kind', 'receipt', 'status', 'sent', 'at', coalesce(p_message ->> 'sent_at', now()::text))));
        select m.number into v_number from pigeonpost.messages m where m.tenant_id = p_tenant_id and m.id = v_id;
        return jsonb_build_object('outcome', 'duplicate', 'id', v_id, 'number', v_number, 'echo', true);
      end if;
    end if;
    if p_message ->> 'reply_to_external_id' is not null and p_message ->> 'reply_to_id' is null then
      select m.id, m.conversation_id, m.address into v_answered from pigeonpost.messages m
      where m.tenant_id = p_tenant_id and m.id = pigeonpost_private.find_answered(p_tenant_id, coalesce(p_message ->> 'channel', 'whatsapp'),
        (p_message ->> 'account_id')::uuid, p_message -> 'reply_to_external_id');
      if found then
        p_message := p_message || jsonb_build_object('reply_to_id', v_answered.id);
        -- A mail belongs to the conversation of the message that it answers, unless that is another person's.
        if p_message ->> 'channel' = 'email' and p_message ->> 'conversation_id' is null
           and v_answered.address = pigeonpost.normalize_address('email', p_message ->> 'address') then
          p_message := p_message - 'conversation_external_id' || jsonb_build_object('conversation_id', v_answered.conversation_id);
        end if;
      end if;
    end if;
  end if;
  -- As one record: an INSERT that reads its columns from the JSON prepares each of them anew, which takes a tenth of the
  -- total. The whole record is inserted, so that a new column needs no line here.
  v_row := jsonb_populate_record(pigeonpost_private.message_defaults(), p_message);
  v_row.id := pigeonpost.uuid_v7();
  v_row.created_at := now();
  v_row.updated_at := now();
  -- A null counts as not given.
  if num_nulls(v_row.channel, v_row.content_type, v_row.metadata, v_row.priority, v_row.is_from_bot) > 0 then
    v_row.channel := coalesce(v_row.channel, 'whatsapp');
    v_row.content_type := coalesce(v_row.content_type, 'text');
    v_row.metadata := coalesce(v_row.metadata, '{}');
    v_row.priority := coalesce(v_row.priority, 0::smallint);
    v_row.is_from_bot := coalesce(v_row.is_from_bot, false);
  end if;
  if pigeonpost_private.sent_at_is(v_row.sent_at) is not null and jsonb_typeof(v_row.metadata) = 'object' then
    v_row.metadata := v_row.metadata || jsonb_build_object('sent_at_is', pigeonpost_private.sent_at_is(v_row.sent_at));
  end if;
  insert into pigeonpost.messages as m values (v_row.*)
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
ALTER FUNCTION pigeonpost_private.store_message(p_tenant_id integer, p_message jsonb) OWNER TO pigeonpost_owner;

-- Name: take_day(integer, uuid, integer, timestamp with time zone); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    -- Full, and not merely made by another since the update looked.
    exit when exists (select from pigeonpost_private.account_days d
      where d.tenant_id = p_tenant_id and d.account_id = p_account_id and d.day = take_day.day
        and d.accepted >= v_account.daily_limit);
    -- What went out on this day while there was no limit counts too.
    insert into pigeonpost_private.account_days (tenant_id, account_id, day, accepted)
    select p_tenant_id, p_account_id, take_day.day, count(*) from pigeonpost.messages m
    where m.tenant_id = p_tenant_id and m.account_id = p_account_id and m.direction = 'outbound' and m.attempts > 0
      and m.sent_at >= pigeonpost_private.day_start(take_day.day, v_account.time_zone) and m.sent_at < next_day
      and not exists (
        select 1 from pigeonpost.delivery_attempts t
        where t.tenant_id = m.tenant_id and t.message_id = m.id and t.accepted_on is not null)
      -- Of the account's messages those of the last days: hardly one leaves a week after it was stored.
      and m.number > (select min(r.low) from pigeonpost_private.number_ranges(p_tenant_id,
        pigeonpost_private.day_start(take_day.day - 7, v_account.time_zone), null) r)
    on conflict on constraint account_days_pkey do nothing;
    delete from pigeonpost_private.account_days d
    where d.tenant_id = p_tenant_id and d.account_id = p_account_id and d.day < take_day.day - 35;
  end loop;
end
$$;
ALTER FUNCTION pigeonpost_private.take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone) OWNER TO pigeonpost_owner;

-- Name: FUNCTION take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone) IS 'Counts up to so many messages for the account''s local day of that moment, and tells where the next one begins. An account without a limit is not counted, and day is null.';

-- Name: take_probe(integer, text, double precision); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := pigeonpost_private.clock();
begin
  update pigeonpost_private.provider_breakers b set probe_until = v_now + p_lease_ms * interval '1 ms'
  where b.tenant_id = p_tenant_id and b.provider = p_provider and b.open_until <= v_now
    and (b.probe_until is null or b.probe_until <= v_now);
  return found;
end
$$;
ALTER FUNCTION pigeonpost_private.take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision) OWNER TO pigeonpost_owner;

-- Name: FUNCTION take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision) IS 'True for the one caller that may probe the provider with a message, when its pause is over.';

-- Name: take_rate(integer, uuid, integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision) OWNER TO pigeonpost_owner;

-- Name: FUNCTION take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision) IS 'Grants up to so many sends of an account by its rate and burst, and tells in how many ms the next one is worth asking for. What is not sent goes back by give_back_rate().';

-- Name: take_write_lock(integer, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.take_write_lock(p_tenant_id integer, p_external_message_id text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock_shared(pigeonpost_private.lock_class(p_tenant_id),
    coalesce(pigeonpost_private.lock_bucket(p_external_message_id), 64));
end
$$;
ALTER FUNCTION pigeonpost_private.take_write_lock(p_tenant_id integer, p_external_message_id text) OWNER TO pigeonpost_owner;

-- Name: tenant_of_account(uuid); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tenant_of_account(p_account_id uuid) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.tenant_id from pigeonpost.tenants t
  cross join lateral (
    select from pigeonpost.accounts a where a.tenant_id = t.tenant_id and a.id = p_account_id offset 0) a
  limit 1
$$;
ALTER FUNCTION pigeonpost_private.tenant_of_account(p_account_id uuid) OWNER TO pigeonpost_owner;

-- Name: FUNCTION tenant_of_account(p_account_id uuid); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.tenant_of_account(p_account_id uuid) IS 'The tenant of an account, null where there is none. For the HTTP server alone; reveals nothing else of the account.';

-- Name: tg__check_multi(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg__check_multi() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg__check_multi() OWNER TO pigeonpost_owner;

-- Name: tg__guard(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg__guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- In an INSERT old is null. Each function in an expression costs every insert, so this is all for the owner.
  if coalesce(old.tenant_id, new.tenant_id) = new.tenant_id and pg_has_role('pigeonpost_owner', 'usage') then
    return new;
  end if;
  if coalesce(old.tenant_id, new.tenant_id) = new.tenant_id then
    -- One by one: together they would be one query, which costs the application three times what it needs.
    if pg_has_role('pigeonpost_app', 'usage') then
      if new.tenant_id = nullif(current_setting('pigeonpost.tenant', true), '')::integer then
        return new;
      end if;
    end if;
    -- Their own bindings are all that they see of tenant_roles.
    if exists (select 1 from pigeonpost.tenant_roles r where r.tenant_id in (new.tenant_id, 0)) then
      return new;
    end if;
  end if;
  if tg_op = 'UPDATE' and new.tenant_id is distinct from old.tenant_id then
    raise exception 'tenant_id never changes' using errcode = 'PPT02', constraint = 'tenant_never_changes',
      table = tg_table_name, column = 'tenant_id', hint = 'Insert the row under the other tenant instead.';
  end if;
  if new.tenant_id is null then
    raise exception 'tenant_id is missing' using errcode = 'PPV01', constraint = 'tenant_is_named',
      table = tg_table_name, column = 'tenant_id', hint = 'Give the company''s number as tenant_id.';
  end if;
  raise exception 'role % is not bound to tenant %', current_user, coalesce(new.tenant_id::text, 'null')
    using errcode = 'PPT01', constraint = 'tenant_is_granted', table = tg_table_name, column = 'tenant_id',
      hint = format('The owner can run: select pigeonpost.grant_tenant(%L, %s);', current_user, coalesce(new.tenant_id::text, '1'));
end
$$;
ALTER FUNCTION pigeonpost_private.tg__guard() OWNER TO pigeonpost_owner;

-- Name: FUNCTION tg__guard(); Type: COMMENT; Schema: pigeonpost_private
COMMENT ON FUNCTION pigeonpost_private.tg__guard() IS 'First BEFORE trigger of every tenant table. Runs as the invoker: in a definer function current_user is always the owner.';

-- Name: tg_accounts__emit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_accounts__emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pigeonpost_private.append_event(new.tenant_id, 'account.' || new.status, p_account_id => new.id,
    p_payload => nullif(jsonb_strip_nulls(jsonb_build_object('reason', new.status_reason)), '{}'));
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_accounts__emit() OWNER TO pigeonpost_owner;

-- Name: tg_accounts__normalise(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_accounts__normalise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_accounts__normalise() OWNER TO pigeonpost_owner;

-- Name: tg_accounts__relimit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_accounts__relimit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.outbox o set due_at = now()
  where o.tenant_id = new.tenant_id and o.account_id = new.id and o.state = 'scheduled' and o.error_code = 'daily_limit';
  update pigeonpost_private.account_wakeups w set due_at = least(w.due_at, now()),
    leased_until = case when w.lease_id is not null then w.leased_until end
  where w.tenant_id = new.tenant_id and w.account_id = new.id;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_accounts__relimit() OWNER TO pigeonpost_owner;

-- Name: tg_accounts__wake(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_accounts__wake() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
  values (new.tenant_id, new.id, now())
  on conflict on constraint account_wakeups_pkey do update set
    due_at = least(w.due_at, excluded.due_at),
    -- A pause, during which no worker runs, ends; a running turn keeps its lease.
    leased_until = case when w.lease_id is not null then w.leased_until end;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_accounts__wake() OWNER TO pigeonpost_owner;

-- Name: tg_conversation_participants__emit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversation_participants__emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_conversation_participants__emit() OWNER TO pigeonpost_owner;

-- Name: tg_conversation_participants__keep_direct(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversation_participants__keep_direct() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_conversation_participants__keep_direct() OWNER TO pigeonpost_owner;

-- Name: tg_conversation_participants__normalise(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversation_participants__normalise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    raise exception 'conversation % is direct: a customer and an account, and nobody else', new.conversation_id
      using errcode = 'PPC01', constraint = 'direct_is_full', table = 'conversation_participants',
        hint = 'Open a conversation of type multi for more than two.';
  end if;
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_conversation_participants__normalise() OWNER TO pigeonpost_owner;

-- Name: tg_conversations__archive_thread(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversations__archive_thread() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Whoever archives that thread at this moment holds its row and waits for ours. Were we to wait for theirs, Postgres
  -- would break the deadlock after a second, and might choose an insert that stands in the queue.
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
ALTER FUNCTION pigeonpost_private.tg_conversations__archive_thread() OWNER TO pigeonpost_owner;

-- Name: tg_conversations__emit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversations__emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_conversations__emit() OWNER TO pigeonpost_owner;

-- Name: tg_conversations__normalise(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversations__normalise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_conversations__normalise() OWNER TO pigeonpost_owner;

-- Name: tg_conversations__open(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_conversations__open() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.type = 'direct' then
    insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id, account_id)
    values (new.tenant_id, new.id, new.customer_id, null), (new.tenant_id, new.id, null, new.account_id);
  end if;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_conversations__open() OWNER TO pigeonpost_owner;

-- Name: tg_customer_identities__forget(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_customer_identities__forget() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_customer_identities__forget() OWNER TO pigeonpost_owner;

-- Name: tg_customer_identities__normalise(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_customer_identities__normalise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_customer_identities__normalise() OWNER TO pigeonpost_owner;

-- Name: tg_customers__emit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_customers__emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pigeonpost_private.append_event(new.tenant_id, 'customer.created', p_customer_id => new.id);
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_customers__emit() OWNER TO pigeonpost_owner;

-- Name: tg_customers__identify(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_customers__identify() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_customers__identify() OWNER TO pigeonpost_owner;

-- Name: tg_customers__merge(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_customers__merge() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
  -- By threads: those of its own conversations, which are the winner's by now, and those of groups in which it took part.
  update pigeonpost.messages m set customer_id = case m.customer_id when new.id then new.merged_into else m.customer_id end,
    sender_customer_id = case m.sender_customer_id when new.id then new.merged_into else m.sender_customer_id end
  where m.tenant_id = new.tenant_id and new.id in (m.customer_id, m.sender_customer_id)
    and m.thread_id = any (array(
      select t.id from pigeonpost.threads t where t.tenant_id = new.tenant_id and t.customer_id = new.merged_into
      union all
      select t.id from pigeonpost.conversation_participants p
      join pigeonpost.threads t on t.tenant_id = p.tenant_id and t.conversation_id = p.conversation_id
      where p.tenant_id = new.tenant_id and p.customer_id = new.id and t.customer_id is null));
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
    last_message_at = case when coalesce(c.last_message_at, v_loser.last_message_at) is not null
      then pigeonpost_private.last_message_at(new.tenant_id, null, new.merged_into) end,
    unread_count = c.unread_count + v_loser.unread_count,
    total_messages = c.total_messages + v_loser.total_messages
  where c.tenant_id = new.tenant_id and c.id = new.merged_into;
  update pigeonpost.customers c set unread_count = 0, total_messages = 0, last_message_at = null where c.tenant_id = new.tenant_id and c.id = new.id;
  perform pigeonpost_private.append_event(new.tenant_id, 'customer.merged', p_customer_id => new.merged_into,
    p_payload => jsonb_build_object('merged_customer_id', new.id, 'joined_conversations', v_joined));
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_customers__merge() OWNER TO pigeonpost_owner;

-- Name: tg_customers__normalise(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_customers__normalise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_customers__normalise() OWNER TO pigeonpost_owner;

-- Name: tg_event_consumers__not_later(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_event_consumers__not_later() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  new.updated_at := least(new.updated_at, now());
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_event_consumers__not_later() OWNER TO pigeonpost_owner;

-- Name: tg_ingest_batches__ingest(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_ingest_batches__ingest() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
declare
  v_count integer;
  v_answers jsonb := '{}';
begin
  if jsonb_typeof(new.messages) is distinct from 'array' then
    raise exception 'messages is not a JSON array' using errcode = 'PPV01', constraint = 'ingest_messages_are_an_array',
      hint = 'Give an array of objects with the columns of pigeonpost.messages as names.';
  end if;
  v_count := jsonb_array_length(new.messages);
  if v_count = 1 then
    v_answers := jsonb_build_object('1', pigeonpost_private.try_message(new.tenant_id, new.messages -> 0));
    if v_answers -> '1' ->> 'outcome' = 'duplicate' then
      perform pigeonpost_private.complete_messages(new.tenant_id, new.messages, v_answers, null, null);
    end if;
    new.results := v_answers;
    return new;
  end if;
  perform pigeonpost_private.lock_external_ids(new.tenant_id,
    array(select e #>> '{}' from jsonb_path_query(new.messages, '$[*].external_message_id') e), '{}');
  if v_count > 3 then
    begin
      select b.ordinals, b.ids, b.numbers, coalesce(b.copies, '{}') into new.ordinals, new.ids, new.numbers, v_answers
      from pigeonpost_private.insert_batch(new.tenant_id, new.messages, true) b;
    exception when others then
      if pigeonpost_private.is_callers_error(sqlstate) then
        raise;
      end if;
      -- One of them cannot be stored: they are stored one by one, so that only it is refused.
    end;
  end if;
  if v_count > coalesce(cardinality(new.ordinals), 0) then
    v_answers := v_answers || coalesce((
      select jsonb_object_agg(o.ord, o.answer)
      from (
        select e.ord, pigeonpost_private.try_message(new.tenant_id, e.value) as answer
        from (
          select e.ord, e.value from jsonb_array_elements(new.messages) with ordinality e (value, ord)
          where e.ord not in (select unnest(new.ordinals)) and not v_answers ? e.ord::text
          order by pigeonpost.normalize_address(coalesce(e.value ->> 'channel', 'whatsapp'), e.value ->> 'address'), e.ord
          offset 0) e
        offset 0) o), '{}');
  end if;
  perform pigeonpost_private.complete_messages(new.tenant_id, new.messages, v_answers, new.ordinals, new.ids);
  new.results := v_answers;
  return new;
end
$_$;
ALTER FUNCTION pigeonpost_private.tg_ingest_batches__ingest() OWNER TO pigeonpost_ingest;

-- Name: tg_media__copy(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_media__copy() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_media__copy() OWNER TO pigeonpost_owner;

-- Name: tg_media__drop_file(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_media__drop_file() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_media__drop_file() OWNER TO pigeonpost_owner;

-- Name: tg_media__emit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_media__emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
  -- A claim that is just finding that the file is not here is waited for: it would put the message off behind our back.
  if new.message_id is not null then
    perform 1 from pigeonpost.outbox o where o.tenant_id = new.tenant_id and o.message_id = new.message_id for update;
  end if;
  -- A message with several files is woken by the last of them. Its own row, or the messages that refer to an upload.
  with due as (
    update pigeonpost.outbox o set due_at = now()
    where o.tenant_id = new.tenant_id and o.state = 'scheduled' and o.error_code = 'media_pending' and o.message_id in (
      select new.message_id
      union all
      select m.id from pigeonpost.messages m where m.tenant_id = new.tenant_id and m.media_id = new.id)
    returning o.account_id
  )
  insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
  select distinct new.tenant_id, d.account_id, now() from due d order by d.account_id
  on conflict on constraint account_wakeups_pkey do update set due_at = least(w.due_at, excluded.due_at);
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_media__emit() OWNER TO pigeonpost_owner;

-- Name: tg_media__take_content(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_media__take_content() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.messages m
  set metadata = m.metadata #- array['media', (new.position - 1)::text, 'content_base64']
  where m.tenant_id = new.tenant_id and m.id = new.message_id
    and m.metadata #> array['media', (new.position - 1)::text, 'content_base64'] is not null;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_media__take_content() OWNER TO pigeonpost_owner;

-- Name: tg_media_files__follow(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_media_files__follow() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_media_files__follow() OWNER TO pigeonpost_owner;

-- Name: tg_media_files__touch(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_media_files__touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  new.updated_at := now();
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_media_files__touch() OWNER TO pigeonpost_owner;

-- Name: tg_message_statuses__number(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_message_statuses__number() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not pg_try_advisory_xact_lock_shared(pigeonpost_private.lock_class(new.tenant_id), 64) then
    perform pigeonpost_private.take_write_lock(new.tenant_id);
  end if;
  new.number := nextval('pigeonpost.log_id_seq');
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_message_statuses__number() OWNER TO pigeonpost_owner;

-- Name: tg_messages__advance(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__advance() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.content_type <> old.content_type
     and not pigeonpost.is_content_type(new.content_type) then
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
    -- Of these, three are states of the outbox (messages_with_state); set here they change nothing.
    if new.status not in ('scheduled', 'queued', 'sending', 'sent', 'delivered', 'read', 'retrying', 'failed', 'canceled', 'unknown') then
      raise exception 'status "%" is not known', new.status using errcode = 'PPV01', constraint = 'messages_status_known',
        table = 'messages', column = 'status',
        hint = 'Use queued, sent, delivered, read, failed, canceled or unknown.';
    end if;
    if not pigeonpost.status_may_change(new.direction, old.status, new.status) then
      new.status := old.status;
      new.error_code := old.error_code;
      new.error_message := old.error_message;
    end if;
  end if;
  if new.status <> old.status then
    new.problem := pigeonpost.problem_of(new.status);
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
ALTER FUNCTION pigeonpost_private.tg_messages__advance() OWNER TO pigeonpost_owner;

-- Name: tg_messages__apply_parked(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__apply_parked() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- There hardly ever is one, and checking costs a tenth of applying.
  if exists (
    select from pigeonpost.parked_updates p
    where p.tenant_id = new.tenant_id and p.external_message_id = new.external_message_id
  ) then
    perform pigeonpost.apply_parked_updates(new.tenant_id, new.id);
  end if;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__apply_parked() OWNER TO pigeonpost_owner;

-- Name: tg_messages__follow_up(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__follow_up() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_type constant text := 'message.' || new.direction || '.created';
  v_event_id uuid;
  v_id bigint;
begin
  -- Here and not before the insert: a duplicate must not bring back a participant who has left.
  if new.customer_id is null and new.sender_customer_id is not null then
    perform pigeonpost_private.ensure_participant(new.tenant_id, new.conversation_id, new.sender_customer_id);
  end if;
  -- A closed conversation has no thread row either: closing rotates the pointer.
  if not exists (select 1 from pigeonpost.threads t where t.tenant_id = new.tenant_id and t.id = new.thread_id) then
    perform pigeonpost_private.open_thread(new.tenant_id, new.thread_id, new.conversation_id, new.customer_id, new.channel);
  end if;
  if new.status = 'queued' then
    perform pigeonpost_private.enqueue_message(new.tenant_id, new.id, new.account_id, new.number, new.priority,
      coalesce(new.scheduled_for, new.created_at), new.valid_until, new.address);
  end if;
  -- Only what the log's readers cannot know later: what it came as, where that is not the usual (145_counts.sql). The
  -- tenant's writer lock is held since before the number was drawn.
  insert into pigeonpost.events (tenant_id, id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload)
  values (new.tenant_id, nextval('pigeonpost.log_id_seq'), v_type, new.id, new.conversation_id, new.thread_id,
    coalesce(new.sender_customer_id, new.customer_id), new.account_id,
    pigeonpost_private.created_payload(new.direction, new.content_type, new.status))
  returning event_id, id into v_event_id, v_id;
  if pigeonpost_private.may_notify() then
    perform pg_notify('pigeonpost_events', pigeonpost_private.notification(v_event_id, v_id, v_type, new.tenant_id));
  end if;
  if new.media_url is not null or new.media_id is not null or new.metadata ? 'media' then
    perform pigeonpost_private.refer_media(new);
  end if;
  if exists (select 1 from pigeonpost.parked_updates p
    where p.tenant_id = new.tenant_id and p.external_message_id = new.external_message_id
  ) then
    perform pigeonpost.apply_parked_updates(new.tenant_id, new.id);
  end if;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__follow_up() OWNER TO pigeonpost_owner;

-- Name: tg_messages__history(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    -- The API tells on whose behalf it works; the same setting by any other role is ignored.
    case when pg_has_role(coalesce(nullif(current_setting('role'), 'none'), session_user), 'pigeonpost_app', 'usage')
      then coalesce(nullif(current_setting('pigeonpost.actor', true), ''), session_user) else session_user end, '{}');
  perform pigeonpost_private.append_event(new.tenant_id,
    case when new.revoked_at is not null and old.revoked_at is null then 'message.revoked' else 'message.edited' end,
    new.conversation_id, new.thread_id, coalesce(new.sender_customer_id, new.customer_id), new.account_id, new.id,
    jsonb_build_object('version', new.body_version));
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__history() OWNER TO pigeonpost_owner;

-- Name: tg_messages__leave_events(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__leave_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into pigeonpost.events (tenant_id, id, event_id, type, message_id, conversation_id, thread_id, customer_id, account_id, payload, created_at)
  select l.tenant_id, l.id, l.event_id, l.type, l.message_id, l.conversation_id, l.thread_id, l.customer_id, l.account_id, l.payload, l.created_at
  from (
    select old.tenant_id, old.number as id, old.id as event_id, 'message.' || old.direction || '.created' as type, old.id as message_id,
      old.conversation_id, old.thread_id, coalesce(old.sender_customer_id, old.customer_id) as customer_id, old.account_id,
      null::jsonb as payload, old.created_at
    where old.is_own_event
    union all
    select old.tenant_id, s.number, s.id, 'message.status', old.id, old.conversation_id, old.thread_id, old.customer_id, old.account_id,
      pigeonpost.status_payload(old.direction, s.status, s.previous_status, s.error_code, s.content_type), s.created_at
    from pigeonpost.message_statuses s
    where s.tenant_id = old.tenant_id and s.message_id = old.id and s.previous_status is not null
  ) l
  where l.id > pigeonpost.log_floor();
  perform pigeonpost_private.append_event(old.tenant_id, 'message.removed', old.conversation_id, old.thread_id, old.customer_id,
    old.account_id, old.id, jsonb_build_object('direction', old.direction, 'status', old.status, 'content_type', old.content_type));
  return old;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__leave_events() OWNER TO pigeonpost_owner;

-- Name: tg_messages__leave_outbox(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__leave_outbox() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_left record;
begin
  delete from pigeonpost.outbox o
  where o.tenant_id = new.tenant_id and o.message_id = new.id and (new.status <> 'canceled' or o.state <> 'sending')
  returning o.state, o.attempt, o.attempt_id, o.provider, o.error_code, o.error_message into v_left;
  if not found then
    if new.status = 'canceled' and exists (
      select 1 from pigeonpost.outbox o where o.tenant_id = new.tenant_id and o.message_id = new.id
    ) then
      new.status := old.status;
      new.problem := old.problem;
      new.error_code := old.error_code;
      new.error_message := old.error_message;
    end if;
    return new;
  end if;
  -- Ended by a receipt or an operator, and not by the worker that made the attempt, which may have died before recording it.
  if v_left.state = 'sending' and new.attempts = old.attempts then
    update pigeonpost.delivery_attempts d
    set outcome = case when new.status in ('failed', 'unknown') then new.status else 'sent' end
    where d.tenant_id = new.tenant_id and d.attempt_id = v_left.attempt_id and d.attempt = v_left.attempt and d.outcome = 'sending';
  end if;
  new.attempts := greatest(new.attempts, v_left.attempt);
  new.provider := coalesce(v_left.provider, new.provider);
  if new.status = 'canceled' then
    new.error_code := v_left.error_code;
    new.error_message := v_left.error_message;
  end if;
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__leave_outbox() OWNER TO pigeonpost_owner;

-- Name: tg_messages__lock_external_id(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__lock_external_id() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Tried in an `if` first: as a `perform` it cost every send 20 microseconds.
  if not pigeonpost_private.try_write_lock(new.tenant_id, new.external_message_id) then
    perform pigeonpost_private.take_write_lock(new.tenant_id, new.external_message_id);
  end if;
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__lock_external_id() OWNER TO pigeonpost_owner;

-- Name: tg_messages__reclassify(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__reclassify() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pigeonpost_private.append_event(new.tenant_id, 'message.reclassified', new.conversation_id, new.thread_id,
    new.customer_id, new.account_id, new.id, jsonb_build_object('direction', new.direction, 'status', old.status,
      'content_type', new.content_type, 'previous_content_type', old.content_type));
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__reclassify() OWNER TO pigeonpost_owner;

-- Name: tg_messages__record_status(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__record_status() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_event_id uuid;
  v_number bigint;
begin
  insert into pigeonpost.message_statuses (tenant_id, message_id, status, previous_status, content_type, occurred_at, error_code, error_message)
  values (new.tenant_id, new.id, new.status, old.status, nullif(new.content_type, 'text'),
    case new.status when 'sent' then new.sent_at when 'delivered' then new.delivered_at when 'read' then new.read_at
      when 'failed' then new.failed_at else now() end,
    new.error_code, new.error_message)
  returning id, number into v_event_id, v_number;
  if pigeonpost_private.may_notify() then
    perform pg_notify('pigeonpost_events', pigeonpost_private.notification(v_event_id, v_number, 'message.status', new.tenant_id));
  end if;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__record_status() OWNER TO pigeonpost_owner;

-- Name: tg_messages__refer(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__refer() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.media_url is not distinct from old.media_url and (new.metadata -> 'media' is not distinct from old.metadata -> 'media'
      or pigeonpost_private.without_contents(old.metadata -> 'media') = pigeonpost_private.without_contents(new.metadata -> 'media')) then
    new.media_url := null;
    new.metadata := new.metadata - 'media';
  end if;
  perform pigeonpost_private.refer_media(new);
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__refer() OWNER TO pigeonpost_owner;

-- Name: tg_messages__refetch(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__refetch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.media m set status = 'pending', error_code = null, error_message = null
  where m.tenant_id = new.tenant_id and m.message_id = new.id and m.status = 'failed' and m.file_id is null;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__refetch() OWNER TO pigeonpost_owner;

-- Name: tg_messages__refuse_number(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__refuse_number() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if current_user <> 'pigeonpost_ingest' then
    raise exception 'number is given' using errcode = 'PPV01', constraint = 'messages_number_is_drawn', table = 'messages',
      column = 'number', hint = 'Leave it out: it is drawn when the row is stored.';
  end if;
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__refuse_number() OWNER TO pigeonpost_owner;

-- Name: tg_messages__remove_from_outbox(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__remove_from_outbox() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from pigeonpost.outbox o where o.tenant_id = old.tenant_id and o.message_id = old.id;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__remove_from_outbox() OWNER TO pigeonpost_owner;

-- Name: tg_messages__reorder(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__reorder() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.outbox o set priority = new.priority, valid_until = new.valid_until
  where o.tenant_id = new.tenant_id and o.message_id = new.id;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__reorder() OWNER TO pigeonpost_owner;

-- Name: tg_messages__requeue(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__requeue() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_attempt_id uuid;
  v_accepted_on date;
begin
  if old.status = 'unknown' then
    select case when d.outcome = 'unknown' then d.attempt_id end, d.accepted_on into v_attempt_id, v_accepted_on
    from pigeonpost.delivery_attempts d where d.tenant_id = new.tenant_id and d.message_id = new.id
    order by d.started_at desc, d.attempt desc limit 1;
  end if;
  perform pigeonpost_private.enqueue_message(new.tenant_id, new.id, new.account_id, new.number, new.priority, now(),
    new.valid_until, new.address, new.attempts, v_attempt_id, new.provider, v_accepted_on);
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__requeue() OWNER TO pigeonpost_owner;

-- Name: tg_messages__resolve(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_messages__resolve() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id constant uuid := new.account_id;
begin
  if new.direction = 'inbound' and new.content_type = 'text' and new.external_message_id <> ''
    and octet_length(new.external_message_id) <= 1024 and octet_length(new.body) <= 16384 and not pigeonpost.has_control_characters(new.body)
    and new.metadata @> '{}' and not new.metadata ? 'media' and new.body_version = 1 and isfinite(coalesce(new.sent_at, new.created_at))
    and new.status is null and new.address is not null and new.created_at is not null and new.is_own_event is null
    and new.media_url is null and new.media_id is null and new.conversation_id is null and new.customer_id is null
    and new.conversation_external_id is null and new.sender_customer_id is null and new.lead_id is null
    and new.alternate_address is null and new.delivered_at is null and new.problem is null and new.idempotency_key is null
    and new.campaign_id is null
    -- A statement of its own, before the query that draws the number and looks for parked updates. Where the lock cannot
    -- be had at once, the slow path waits for it.
    and pigeonpost_private.try_write_lock(new.tenant_id, new.external_message_id)
  then
    -- One row answers: the direct conversation of this address with the account that is meant. Without its event in
    -- events, where nothing follows from the message: the thread is there, nothing is parked, nobody is to be notified.
    -- What needs no look-up is assigned below: a column of this query passes through each of its nodes.
    select nextval('pigeonpost.log_id_seq'), c.id, c.thread_id, c.customer_id, c.account_id,
      case when exists (select 1 from pigeonpost.threads t where t.tenant_id = c.tenant_id and t.id = c.thread_id)
        and not exists (select 1 from pigeonpost.parked_updates p
          where p.tenant_id = new.tenant_id and p.external_message_id = new.external_message_id)
        and pigeonpost_private.relay_notifies() then true end
    into new.number, new.conversation_id, new.thread_id, new.customer_id, new.account_id, new.is_own_event
    from pigeonpost.conversations c
    where c.tenant_id = new.tenant_id and c.address = new.address and c.channel = new.channel
      and c.customer_id is not null and c.external_id is null and c.merged_into is null
      and c.account_id = coalesce(new.account_id, (
        select a.id from pigeonpost.accounts a where a.tenant_id = new.tenant_id and a.channel = new.channel
        order by a.is_default desc, a.created_at, a.id limit 1))
    for key share;
    if found then
      new.sender_customer_id := new.customer_id;
      new.status := 'delivered';
      new.sent_at := coalesce(new.sent_at, new.created_at);
      new.occurred_at := new.sent_at;
      new.delivered_at := new.created_at;
      return new;
    end if;
    -- Restores the given values: a query without a row has set its targets to null.
    new.account_id := v_account_id;
  end if;
  new := pigeonpost_private.normalise_message(new);
  new.is_own_event := null;
  perform pigeonpost_private.take_write_lock(new.tenant_id, new.external_message_id);
  -- Before the number: a reader of all tenants must see that this one is being founded.
  perform pigeonpost_private.ensure_tenant(new.tenant_id);
  new.number := nextval('pigeonpost.log_id_seq');
  return pigeonpost_private.resolve_message(new);
end
$$;
ALTER FUNCTION pigeonpost_private.tg_messages__resolve() OWNER TO pigeonpost_owner;

-- Name: tg_parked_updates__apply(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_parked_updates__apply() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_message_id constant uuid := pigeonpost.find_message(new.tenant_id, new.channel, new.external_message_id, new.account_id,
    new.conversation_external_id);
begin
  if v_message_id is not null then
    perform pigeonpost.apply_parked_updates(new.tenant_id, v_message_id);
  end if;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_parked_updates__apply() OWNER TO pigeonpost_owner;

-- Name: tg_parked_updates__lock(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_parked_updates__lock() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(pigeonpost_private.lock_class(new.tenant_id),
    pigeonpost_private.lock_bucket(new.external_message_id));
  return new;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_parked_updates__lock() OWNER TO pigeonpost_owner;

-- Name: tg_provider_routes__wake(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_provider_routes__wake() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost_private.account_wakeups w set due_at = least(w.due_at, now()),
    leased_until = case when w.lease_id is not null then w.leased_until end
  where w.tenant_id = coalesce(new.tenant_id, old.tenant_id);
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_provider_routes__wake() OWNER TO pigeonpost_owner;

-- Name: tg_tenants__open_log(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_tenants__open_log() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pigeonpost_private.take_write_lock(0);
  -- A tenant that was deleted and is created again goes on where its log was.
  insert into pigeonpost_private.log_cursors (tenant_id, name)
  values (new.tenant_id, 'settled'), (new.tenant_id, 'fold'), (new.tenant_id, 'relay')
  on conflict on constraint log_cursors_pkey do nothing;
  insert into pigeonpost_private.log_rounds (tenant_id, slot) select new.tenant_id, generate_series(1, 8)
  on conflict on constraint log_rounds_pkey do nothing;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_tenants__open_log() OWNER TO pigeonpost_owner;

-- Name: tg_threads__emit(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_threads__emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pigeonpost_private.append_event(new.tenant_id,
    case when tg_op = 'INSERT' then 'thread.opened' else 'thread.archived' end,
    new.conversation_id, new.id, new.customer_id);
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_threads__emit() OWNER TO pigeonpost_owner;

-- Name: tg_threads__normalise(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_threads__normalise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
ALTER FUNCTION pigeonpost_private.tg_threads__normalise() OWNER TO pigeonpost_owner;

-- Name: tg_threads__rotate(); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.tg_threads__rotate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update pigeonpost.conversations c set thread_id = pigeonpost.uuid_v7()
  where c.tenant_id = new.tenant_id and c.id = new.conversation_id and c.thread_id = new.id;
  return null;
end
$$;
ALTER FUNCTION pigeonpost_private.tg_threads__rotate() OWNER TO pigeonpost_owner;

-- Name: try_message(integer, jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.try_message(p_tenant_id integer, p_message jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_constraint text;
  v_column text;
  v_hint text;
begin
  return pigeonpost_private.store_message(p_tenant_id, p_message);
exception when others then
  if pigeonpost_private.is_callers_error(sqlstate) then
    raise;
  end if;
  get stacked diagnostics v_constraint = constraint_name, v_column = column_name, v_hint = pg_exception_hint;
  return pigeonpost_private.refusal(sqlstate, v_constraint, v_column, sqlerrm, v_hint);
end
$$;
ALTER FUNCTION pigeonpost_private.try_message(p_tenant_id integer, p_message jsonb) OWNER TO pigeonpost_owner;

-- Name: try_update(integer, text, text, jsonb, uuid, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.try_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_constraint text;
  v_column text;
  v_hint text;
begin
  return jsonb_build_object('outcome', pigeonpost.apply_update(p_tenant_id, p_channel, p_external_message_id, p_update, p_account_id,
    p_conversation_external_id));
exception when others then
  if pigeonpost_private.is_callers_error(sqlstate) then
    raise;
  end if;
  get stacked diagnostics v_constraint = constraint_name, v_column = column_name, v_hint = pg_exception_hint;
  return pigeonpost_private.refusal(sqlstate, v_constraint, v_column, sqlerrm, v_hint);
end
$$;
ALTER FUNCTION pigeonpost_private.try_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) OWNER TO pigeonpost_owner;

-- Name: try_write_lock(integer, text); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.try_write_lock(p_tenant_id integer, p_external_message_id text) RETURNS boolean
    LANGUAGE sql
    AS $$
  select pg_catalog.pg_try_advisory_xact_lock_shared(
    pigeonpost_private.lock_class(p_tenant_id), pigeonpost_private.lock_bucket(p_external_message_id))
$$;
ALTER FUNCTION pigeonpost_private.try_write_lock(p_tenant_id integer, p_external_message_id text) OWNER TO pigeonpost_owner;

-- Name: unfolded_ids(integer); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.unfolded_ids(p_tenant_id integer) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return greatest(0, greatest(
    (select max(m.number) from pigeonpost.messages m where m.tenant_id = p_tenant_id),
    (select max(e.id) from pigeonpost.events e where e.tenant_id = p_tenant_id),
    (select max(s.number) from pigeonpost.message_statuses s where s.tenant_id = p_tenant_id)) - pigeonpost_private.folded_id(p_tenant_id));
end
$$;
ALTER FUNCTION pigeonpost_private.unfolded_ids(p_tenant_id integer) OWNER TO pigeonpost_owner;

-- Name: uploads_named_by(pigeonpost.messages); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.uploads_named_by(p_message pigeonpost.messages) RETURNS TABLE(id uuid, "position" bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select (e.value ->> 'media_id')::uuid, e.ord
  from jsonb_array_elements(case when jsonb_typeof(p_message.metadata -> 'media') = 'array' then p_message.metadata -> 'media' end)
    with ordinality e (value, ord)
  where e.value ->> 'media_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  union all
  select p_message.media_id, 0 where p_message.media_id is not null
$_$;
ALTER FUNCTION pigeonpost_private.uploads_named_by(p_message pigeonpost.messages) OWNER TO pigeonpost_owner;

-- Name: without_contents(jsonb); Type: FUNCTION; Schema: pigeonpost_private
CREATE FUNCTION pigeonpost_private.without_contents(p_media jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when jsonb_typeof(p_media) = 'array' then (
      select coalesce(jsonb_agg(case when jsonb_typeof(e.value) = 'object' then e.value - 'content_base64' else e.value end order by e.ord), '[]')
      from jsonb_array_elements(p_media) with ordinality e (value, ord))
    else p_media end
$$;
ALTER FUNCTION pigeonpost_private.without_contents(p_media jsonb) OWNER TO pigeonpost_owner;

-- Name: accounts; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.accounts (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    channel text NOT NULL,
    address text,
    name text,
    provider text,
    status text DEFAULT 'connected'::text NOT NULL,
    status_reason text,
    rate_per_minute integer DEFAULT 20,
    burst integer DEFAULT 1 NOT NULL,
    daily_limit integer DEFAULT 1000,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    secret_ref text,
    is_default boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT accounts_burst_is_positive CHECK ((burst > 0)),
    CONSTRAINT accounts_channel_not_empty CHECK ((channel <> ''::text)),
    CONSTRAINT accounts_daily_limit_in_range CHECK ((daily_limit >= 0)),
    CONSTRAINT accounts_rate_is_positive CHECK ((rate_per_minute > 0)),
    CONSTRAINT accounts_recipient_interval_in_range CHECK (
CASE jsonb_typeof((settings -> 'recipient_interval_ms'::text))
    WHEN 'number'::text THEN ((((settings ->> 'recipient_interval_ms'::text))::numeric >= (0)::numeric) AND (((settings ->> 'recipient_interval_ms'::text))::numeric <= (86400000)::numeric))
    ELSE (NOT (settings ? 'recipient_interval_ms'::text))
END),
    CONSTRAINT accounts_secret_ref_is_a_name CHECK ((secret_ref ~ '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$'::text)),
    CONSTRAINT accounts_settings_are_an_object CHECK ((jsonb_typeof(settings) = 'object'::text)),
    CONSTRAINT accounts_status_known CHECK ((status = ANY (ARRAY['connected'::text, 'disconnected'::text, 'disabled'::text])))
);
ALTER TABLE pigeonpost.accounts OWNER TO pigeonpost_owner;

-- Name: TABLE accounts; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.accounts IS 'The endpoints that a tenant owns: a WhatsApp number, a mailbox, a bot. A message that names none takes the default of its channel, else the first, else one that appears by itself.';

-- Name: COLUMN accounts.channel; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.channel IS 'whatsapp, sms, email, telegram, discord, fakechat or another name, in lower case.';

-- Name: COLUMN accounts.address; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.address IS 'Ours, in the one spelling of normalize_address(); null where nobody has told it. One account per tenant, channel and address.';

-- Name: COLUMN accounts.provider; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.provider IS 'Who delivers; null: messages wait with error_code no_provider.';

-- Name: COLUMN accounts.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.status IS 'connected; disconnected: what SQL inserts waits, the API refuses; disabled: outbound is refused.';

-- Name: COLUMN accounts.status_reason; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.status_reason IS 'Why it is not connected: the provider''s code and text. Null while it is.';

-- Name: COLUMN accounts.rate_per_minute; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.rate_per_minute IS 'Messages per minute, by all workers together; null means no limit. Default 20, as in the WhatsApp message API (/api/v1/messages).';

-- Name: COLUMN accounts.burst; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.burst IS 'How many messages may be sent at once before the rate limit applies.';

-- Name: COLUMN accounts.daily_limit; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.daily_limit IS 'Messages accepted per day of time_zone; null means no limit. Default 1000, as in the WhatsApp message API (/api/v1/messages).';

-- Name: COLUMN accounts.time_zone; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.time_zone IS 'An IANA name; where the account''s day begins.';

-- Name: COLUMN accounts.settings; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.settings IS 'Settings of the provider''s adapter, secrets excepted.';

-- Name: COLUMN accounts.secret_ref; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.secret_ref IS 'Where the secret is, as env:NAME or file:PATH. The secret itself is never in the database.';

-- Name: COLUMN accounts.is_default; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.accounts.is_default IS 'At most one of a tenant and channel.';

-- Name: api_keys; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.api_keys (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    rate_per_minute integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_hash_is_sha256 CHECK ((octet_length(hash) = 32)),
    CONSTRAINT api_keys_rate_is_positive CHECK ((rate_per_minute >= 1))
);
ALTER TABLE pigeonpost.api_keys OWNER TO pigeonpost_owner;

-- Name: TABLE api_keys; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.api_keys IS 'Keys of the HTTP API. Of the key itself only the hash is kept.';

-- Name: COLUMN api_keys.prefix; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.api_keys.prefix IS 'How the key begins, for people to tell keys apart.';

-- Name: COLUMN api_keys.hash; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.api_keys.hash IS 'SHA-256 of the whole key: 32 bytes.';

-- Name: COLUMN api_keys.rate_per_minute; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.api_keys.rate_per_minute IS 'Requests per minute that each server takes by this key; null means no limit.';

-- Name: COLUMN api_keys.expires_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.api_keys.expires_at IS 'Refused from then on; null means never.';

-- Name: COLUMN api_keys.revoked_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.api_keys.revoked_at IS 'Refused from then on.';

-- Name: COLUMN api_keys.last_used_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.api_keys.last_used_at IS 'To the minute.';

-- Name: conversation_participants; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.conversation_participants (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    conversation_id uuid NOT NULL,
    customer_id uuid,
    account_id uuid,
    role text DEFAULT 'member'::text NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT conversation_participants_is_customer_or_account CHECK ((num_nonnulls(customer_id, account_id) = 1)),
    CONSTRAINT conversation_participants_metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT conversation_participants_role_known CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text])))
);
ALTER TABLE pigeonpost.conversation_participants OWNER TO pigeonpost_owner;

-- Name: TABLE conversation_participants; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.conversation_participants IS 'Customers and accounts in a conversation. The two of a direct one follow its columns and stay.';

-- Name: COLUMN conversation_participants.role; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversation_participants.role IS 'owner, admin or member.';

-- Name: COLUMN conversation_participants.joined_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversation_participants.joined_at IS 'When they last joined, for those who left and came back.';

-- Name: COLUMN conversation_participants.left_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversation_participants.left_at IS 'Null while they are in the conversation.';

-- Name: COLUMN conversation_participants.metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.conversation_participants.metadata IS 'The writer''s own; an object.';

-- Name: customer_identities; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.customer_identities (
    tenant_id integer NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,
    customer_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT customer_identities_address_not_empty CHECK ((address <> ''::text))
);
ALTER TABLE pigeonpost.customer_identities OWNER TO pigeonpost_owner;

-- Name: TABLE customer_identities; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.customer_identities IS 'Every address by which a channel knows a customer: phone, WhatsApp LID, mail address, user id. One customer per tenant, channel and address.';

-- Name: COLUMN customer_identities.address; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customer_identities.address IS 'In the one spelling of normalize_address().';

-- Name: customers_lead_id_seq; Type: SEQUENCE; Schema: pigeonpost
CREATE SEQUENCE pigeonpost.customers_lead_id_seq
    START WITH 4294967296
    INCREMENT BY 1
    MINVALUE 4294967296
    NO MAXVALUE
    CACHE 1;
ALTER TABLE pigeonpost.customers_lead_id_seq OWNER TO pigeonpost_owner;

-- Name: customers; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.customers (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    lead_id bigint DEFAULT nextval('pigeonpost.customers_lead_id_seq'::regclass) NOT NULL,
    name text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    external_type text,
    external_id text,
    last_message_at timestamp with time zone,
    unread_count bigint DEFAULT 0 NOT NULL,
    total_messages bigint DEFAULT 0 NOT NULL,
    merged_into uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT customers_counters_in_range CHECK (((unread_count >= 0) AND (total_messages >= 0))),
    CONSTRAINT customers_metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT customers_not_merged_into_itself CHECK ((merged_into <> id))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');
ALTER TABLE pigeonpost.customers OWNER TO pigeonpost_owner;

-- Name: TABLE customers; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.customers IS 'Whom we talk to. A customer is a lead (lead_id) in the et_threads/et_messages contract for chat bridges, and a contact (contactId) in the WhatsApp message API.';

-- Name: COLUMN customers.lead_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.lead_id IS 'The CRM''s number of this customer, unique in the tenant. Generated ones start at 4294967296, above any 32-bit id.';

-- Name: COLUMN customers.metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.metadata IS 'The writer''s own; an object. A merge keeps the winner''s value of a name that both have.';

-- Name: COLUMN customers.external_type; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.external_type IS 'The channel of the first address; all of them are in customer_identities.';

-- Name: COLUMN customers.external_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.external_id IS 'The first address, in the one spelling of normalize_address().';

-- Name: COLUMN customers.last_message_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.last_message_at IS 'Folded from the log, a moment behind (half a second behind busy writers); customer_counters() is exact.';

-- Name: COLUMN customers.unread_count; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.unread_count IS 'Inbound messages that are not read yet. Folded; customer_counters() is exact.';

-- Name: COLUMN customers.total_messages; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.total_messages IS 'Messages of the direct conversations. Folded; customer_counters() is exact.';

-- Name: COLUMN customers.merged_into; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.customers.merged_into IS 'Set: this row is a tombstone, and its id stands for that customer. Setting it merges; a merge cannot be undone.';

-- Name: delivery_attempts; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.delivery_attempts (
    tenant_id integer NOT NULL,
    attempt_id uuid NOT NULL,
    attempt integer NOT NULL,
    message_id uuid NOT NULL,
    provider text,
    reason text,
    outcome text DEFAULT 'sending'::text NOT NULL,
    error_code text,
    error_message text,
    external_message_id text,
    duration_ms integer,
    accepted_on date,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT delivery_attempts_outcome_known CHECK ((outcome = ANY (ARRAY['sending'::text, 'sent'::text, 'retry'::text, 'failed'::text, 'unknown'::text])))
)
WITH (fillfactor='50');
ALTER TABLE pigeonpost.delivery_attempts OWNER TO pigeonpost_owner;

-- Name: TABLE delivery_attempts; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.delivery_attempts IS 'Every attempt to send a message, committed before its request is made.';

-- Name: COLUMN delivery_attempts.attempt_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.attempt_id IS 'Sent with the request; a provider that takes it as an idempotency key may get it again with the next attempt.';

-- Name: COLUMN delivery_attempts.attempt; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.attempt IS 'From 1.';

-- Name: COLUMN delivery_attempts.reason; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.reason IS 'Why this provider was chosen.';

-- Name: COLUMN delivery_attempts.outcome; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.outcome IS 'sending until it is known: then sent, retry, failed or unknown.';

-- Name: COLUMN delivery_attempts.duration_ms; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.duration_ms IS 'Milliseconds from the request to its answer.';

-- Name: COLUMN delivery_attempts.accepted_on; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.accepted_on IS 'The account''s local day whose limit the message counts for; null where it counts for none.';

-- Name: COLUMN delivery_attempts.started_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.delivery_attempts.started_at IS 'When the request left.';

-- Name: event_consumers; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.event_consumers (
    tenant_id integer NOT NULL,
    name text NOT NULL,
    cursor bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT event_consumers_name_not_empty CHECK ((name <> ''::text))
);
ALTER TABLE pigeonpost.event_consumers OWNER TO pigeonpost_owner;

-- Name: TABLE event_consumers; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.event_consumers IS 'Named readers of the log and how far they are.';

-- Name: COLUMN event_consumers.tenant_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.event_consumers.tenant_id IS 'Whose log it reads. Our own readers are in log_cursors.';

-- Name: COLUMN event_consumers.cursor; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.event_consumers.cursor IS 'The id of the last event that was handled.';

-- Name: events; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.events (
    tenant_id integer NOT NULL,
    id bigint NOT NULL,
    event_id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    type text NOT NULL,
    message_id uuid,
    conversation_id uuid,
    thread_id uuid,
    customer_id uuid,
    account_id uuid,
    payload jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
PARTITION BY RANGE (id);
ALTER TABLE pigeonpost.events OWNER TO pigeonpost_owner;

-- Name: TABLE events; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.events IS 'The events of the log other than usual messages (messages.is_own_event) and statuses, whose rows are events themselves: appended in the transaction that made the change, by append_event() and triggers. Read the log with read_events() or consume_events(), which return only what is settled, and join the bodies; event_log shows all of it to people.';

-- Name: COLUMN events.id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.events.id IS 'The cursor, from the same sequence as messages.number and message_statuses.number. Drawn before commit, so a higher id may become visible first: read up to settle_events(tenant).';

-- Name: COLUMN events.type; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.events.type IS 'One of event_types.';

-- Name: COLUMN events.payload; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.events.payload IS 'Fields other than the ids; never a body and never an address.';

-- Name: message_statuses; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.message_statuses (
    number bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    message_id uuid NOT NULL,
    status text NOT NULL,
    previous_status text,
    content_type text,
    recipient text,
    error_code text,
    error_message text
);
ALTER TABLE pigeonpost.message_statuses OWNER TO pigeonpost_owner;

-- Name: TABLE message_statuses; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.message_statuses IS 'Every status that a message went through, and every recipient''s receipt in a group.';

-- Name: COLUMN message_statuses.number; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_statuses.number IS 'Its id in the log, drawn by trigger, over all tenants; gaps are normal.';

-- Name: COLUMN message_statuses.occurred_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_statuses.occurred_at IS 'By the channel''s clock, where it gives a time.';

-- Name: COLUMN message_statuses.content_type; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_statuses.content_type IS 'What the message was then; null for text.';

-- Name: COLUMN message_statuses.recipient; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_statuses.recipient IS 'Who, in a group; null for the message''s own status.';

-- Name: event_log; Type: VIEW; Schema: pigeonpost
CREATE VIEW pigeonpost.event_log WITH (security_invoker='true') AS
 SELECT e.tenant_id,
    e.id,
    e.event_id,
    e.type,
    e.message_id,
    e.conversation_id,
    e.thread_id,
    e.customer_id,
    e.account_id,
    e.payload,
    e.created_at
   FROM pigeonpost.events e
UNION ALL
 SELECT m.tenant_id,
    m.number AS id,
    m.id AS event_id,
    (('message.'::text || m.direction) || '.created'::text) AS type,
    m.id AS message_id,
    m.conversation_id,
    m.thread_id,
    COALESCE(m.sender_customer_id, m.customer_id) AS customer_id,
    m.account_id,
    NULL::jsonb AS payload,
    m.created_at
   FROM pigeonpost.messages m
  WHERE m.is_own_event
UNION ALL
 SELECT s.tenant_id,
    s.number AS id,
    s.id AS event_id,
    'message.status'::text AS type,
    s.message_id,
    m.conversation_id,
    m.thread_id,
    m.customer_id,
    m.account_id,
    pigeonpost.status_payload(m.direction, s.status, s.previous_status, s.error_code, s.content_type) AS payload,
    s.created_at
   FROM (pigeonpost.message_statuses s
     JOIN pigeonpost.messages m ON (((m.tenant_id = s.tenant_id) AND (m.id = s.message_id))))
  WHERE (s.previous_status IS NOT NULL);
ALTER TABLE pigeonpost.event_log OWNER TO pigeonpost_owner;

-- Name: VIEW event_log; Type: COMMENT; Schema: pigeonpost
COMMENT ON VIEW pigeonpost.event_log IS 'The whole log as rows, for people: events, and the messages and message_statuses that are events themselves. To follow it use read_events() or consume_events(), which read by the cursor; a query over this view sorts the whole log.';

-- Name: event_types; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.event_types (
    type text NOT NULL,
    description text NOT NULL,
    payload_schema jsonb NOT NULL,
    since text NOT NULL
);
ALTER TABLE pigeonpost.event_types OWNER TO pigeonpost_owner;

-- Name: TABLE event_types; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.event_types IS 'Every type of event, and what its payload holds as read_events() and consume_events() show it.';

-- Name: COLUMN event_types.payload_schema; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.event_types.payload_schema IS 'JSON Schema (2020-12) of the whole payload. Later versions may add fields.';

-- Name: COLUMN event_types.since; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.event_types.since IS 'The version of Pigeonpost that logged it first.';

-- Name: events_default; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.events_default (
    tenant_id integer NOT NULL,
    id bigint NOT NULL,
    event_id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    type text NOT NULL,
    message_id uuid,
    conversation_id uuid,
    thread_id uuid,
    customer_id uuid,
    account_id uuid,
    payload jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE pigeonpost.events_default OWNER TO pigeonpost_owner;

-- Name: events_p0; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.events_p0 (
    tenant_id integer NOT NULL,
    id bigint NOT NULL,
    event_id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    type text NOT NULL,
    message_id uuid,
    conversation_id uuid,
    thread_id uuid,
    customer_id uuid,
    account_id uuid,
    payload jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE pigeonpost.events_p0 OWNER TO pigeonpost_owner;

-- Name: events_p1; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.events_p1 (
    tenant_id integer NOT NULL,
    id bigint NOT NULL,
    event_id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    type text NOT NULL,
    message_id uuid,
    conversation_id uuid,
    thread_id uuid,
    customer_id uuid,
    account_id uuid,
    payload jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE pigeonpost.events_p1 OWNER TO pigeonpost_owner;

-- Name: idempotent_requests; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.idempotent_requests (
    tenant_id integer NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    response json,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotent_requests_answer_is_whole CHECK (((status IS NULL) = (response IS NULL))),
    CONSTRAINT idempotent_requests_hash_is_sha256 CHECK ((octet_length(request_hash) = 32)),
    CONSTRAINT idempotent_requests_status_is_success CHECK (((status >= 200) AND (status <= 299)))
);
ALTER TABLE pigeonpost.idempotent_requests OWNER TO pigeonpost_owner;

-- Name: TABLE idempotent_requests; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.idempotent_requests IS 'Answers to POST requests with an Idempotency-Key, kept for a day so that the same request gets the same answer. A message keeps its key: after that day the same key is refused, and nothing is sent again.';

-- Name: COLUMN idempotent_requests.key; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.idempotent_requests.key IS 'The header as it came; the tenant''s, whichever API key brings it.';

-- Name: COLUMN idempotent_requests.request_hash; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.idempotent_requests.request_hash IS 'SHA-256 of method, path and body: 32 bytes.';

-- Name: COLUMN idempotent_requests.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.idempotent_requests.status IS 'HTTP status. Null only within the transaction that answers the request.';

-- Name: COLUMN idempotent_requests.response; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.idempotent_requests.response IS 'The answer''s text, byte for byte, without a secret that is shown once.';

-- Name: ingest_batches; Type: VIEW; Schema: pigeonpost
CREATE VIEW pigeonpost.ingest_batches WITH (security_invoker='true') AS
 SELECT NULL::integer AS tenant_id,
    NULL::jsonb AS messages,
    NULL::jsonb AS results,
    NULL::bigint[] AS ordinals,
    NULL::uuid[] AS ids,
    NULL::bigint[] AS numbers
  WHERE false;
ALTER TABLE pigeonpost.ingest_batches OWNER TO pigeonpost_owner;

-- Name: VIEW ingest_batches; Type: COMMENT; Schema: pigeonpost
COMMENT ON VIEW pigeonpost.ingest_batches IS 'The entry point of ingest(): an insert here is checked by the guard as the invoker and carried out by a definer trigger. `returning` gives ordinals, ids and numbers of what was stored at once, and in results the answers of all others by their ordinals.';

-- Name: log_id_seq; Type: SEQUENCE; Schema: pigeonpost
CREATE SEQUENCE pigeonpost.log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE pigeonpost.log_id_seq OWNER TO pigeonpost_owner;

-- Name: media_files; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.media_files (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    content_type text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    storage text,
    storage_key text,
    preview_key text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    signature text,
    error_message text,
    scanned_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT media_files_hash_is_sha256 CHECK ((octet_length(sha256) = 32)),
    CONSTRAINT media_files_key_names_its_storage CHECK (((storage IS NULL) = (storage_key IS NULL))),
    CONSTRAINT media_files_metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT media_files_only_infected_is_gone CHECK (((storage_key IS NULL) = (status = 'infected'::text))),
    CONSTRAINT media_files_preview_beside_file CHECK (((preview_key IS NULL) OR (storage_key IS NOT NULL))),
    CONSTRAINT media_files_size_in_range CHECK ((size >= 0)),
    CONSTRAINT media_files_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'scanning'::text, 'clean'::text, 'infected'::text, 'unscanned'::text, 'failed'::text])))
);
ALTER TABLE pigeonpost.media_files OWNER TO pigeonpost_owner;

-- Name: TABLE media_files; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.media_files IS 'Stored files: one per tenant and content. An infected file keeps its row, so that the same content is refused at once.';

-- Name: COLUMN media_files.sha256; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.sha256 IS 'Of the whole file: 32 bytes.';

-- Name: COLUMN media_files.size; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.size IS 'Bytes.';

-- Name: COLUMN media_files.content_type; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.content_type IS 'Detected from its content.';

-- Name: COLUMN media_files.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.status IS 'As in media.';

-- Name: COLUMN media_files.storage; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.storage IS 'Which storage has it: folder, s3 or cloudinary.';

-- Name: COLUMN media_files.storage_key; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.storage_key IS 'messages/<tenant>/<yyyy>/<mm>/<id>.';

-- Name: COLUMN media_files.preview_key; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.preview_key IS 'Its thumbnail''s, in the same storage.';

-- Name: COLUMN media_files.metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.metadata IS 'width and height (pixels), duration (seconds), pages.';

-- Name: COLUMN media_files.signature; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.signature IS 'The scanner''s name of the virus.';

-- Name: COLUMN media_files.scanned_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.media_files.scanned_at IS 'When it was scanned.';

-- Name: message_history; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.message_history (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    message_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    customer_id uuid,
    direction text NOT NULL,
    kind text NOT NULL,
    body_version integer NOT NULL,
    body text,
    previous_body text,
    edited_at timestamp with time zone DEFAULT now() NOT NULL,
    edited_by text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT message_history_kind_known CHECK ((kind = ANY (ARRAY['edit'::text, 'revoke'::text])))
);
ALTER TABLE pigeonpost.message_history OWNER TO pigeonpost_owner;

-- Name: TABLE message_history; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.message_history IS 'One row per edit or revoke, written by a trigger alone. No application role may change it.';

-- Name: COLUMN message_history.kind; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_history.kind IS 'edit or revoke.';

-- Name: COLUMN message_history.body_version; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_history.body_version IS 'The version that this made; previous_body is the one before.';

-- Name: COLUMN message_history.edited_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_history.edited_at IS 'When it was recorded.';

-- Name: COLUMN message_history.edited_by; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_history.edited_by IS 'The login role, or, for the API, on whose behalf it worked.';

-- Name: COLUMN message_history.metadata; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_history.metadata IS 'An object.';

-- Name: message_reactions; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.message_reactions (
    tenant_id integer NOT NULL,
    message_id uuid NOT NULL,
    sender text NOT NULL,
    emoji text,
    reacted_at timestamp with time zone NOT NULL
);
ALTER TABLE pigeonpost.message_reactions OWNER TO pigeonpost_owner;

-- Name: TABLE message_reactions; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.message_reactions IS 'The last reaction of each sender to a message.';

-- Name: COLUMN message_reactions.sender; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_reactions.sender IS 'Their address; empty where the channel did not give one.';

-- Name: COLUMN message_reactions.emoji; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_reactions.emoji IS 'Null: taken back.';

-- Name: COLUMN message_reactions.reacted_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.message_reactions.reacted_at IS 'By the channel''s clock; a later one replaces an earlier one, in whatever order they come.';

-- Name: outbox; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.outbox (
    tenant_id integer NOT NULL,
    message_id uuid NOT NULL,
    account_id uuid NOT NULL,
    number bigint NOT NULL,
    priority smallint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    attempt integer DEFAULT 0 NOT NULL,
    attempt_id uuid,
    provider text,
    provider_reason text,
    accepted_on date,
    address text NOT NULL,
    error_code text,
    error_message text,
    CONSTRAINT outbox_sending_has_attempt CHECK (((state <> 'sending'::text) OR ((attempt_id IS NOT NULL) AND (attempt > 0)))),
    CONSTRAINT outbox_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'scheduled'::text, 'sending'::text, 'retrying'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_insert_scale_factor='0.1', autovacuum_analyze_scale_factor='0.05', autovacuum_vacuum_cost_delay='0');
ALTER TABLE pigeonpost.outbox OWNER TO pigeonpost_owner;

-- Name: TABLE outbox; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.outbox IS 'Messages under way: one row from the insert of an outbound message to its end. Written by triggers and workers alone; read it through messages_with_state.';

-- Name: COLUMN outbox.number; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.number IS 'The message''s: of one priority the older goes first.';

-- Name: COLUMN outbox.priority; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.priority IS 'The message''s.';

-- Name: COLUMN outbox.state; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.state IS 'queued: may be sent now; scheduled: is due later, or waits for a file, a day or a provider; sending: a worker has claimed it; retrying: between two attempts.';

-- Name: COLUMN outbox.due_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.due_at IS 'Queued: since when it may go. Scheduled, retrying: when it is due. Sending: when the worker''s lease ends; it is unknown then, or goes again with the same attempt id.';

-- Name: COLUMN outbox.valid_until; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.valid_until IS 'The message''s.';

-- Name: COLUMN outbox.attempt; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.attempt IS 'Attempts begun.';

-- Name: COLUMN outbox.attempt_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.attempt_id IS 'The attempt under way, or one that is to be repeated under the same id: the idempotency key for providers that take one.';

-- Name: COLUMN outbox.provider; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.provider IS 'The provider of the last attempt.';

-- Name: COLUMN outbox.provider_reason; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.provider_reason IS 'Why this provider got the last attempt: route <position>, account, failover from <provider>, or probe.';

-- Name: COLUMN outbox.accepted_on; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.accepted_on IS 'The account''s local day whose daily limit it counts for; null while it counts for none. Set by the API when it accepts and by the worker when it first sends.';

-- Name: COLUMN outbox.address; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.address IS 'To whom, for the interval between two messages to one recipient.';

-- Name: COLUMN outbox.error_code; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.outbox.error_code IS 'What it waits for, or why the last attempt failed.';

-- Name: messages_with_state; Type: VIEW; Schema: pigeonpost
CREATE VIEW pigeonpost.messages_with_state WITH (security_invoker='true') AS
 SELECT COALESCE(o.state, m.status) AS state,
        CASE
            WHEN (o.state = ANY (ARRAY['scheduled'::text, 'retrying'::text])) THEN o.due_at
            ELSE NULL::timestamp with time zone
        END AS next_attempt_at,
    m.number,
    m.occurred_at,
    m.created_at,
    m.sent_at,
    m.delivered_at,
    m.read_at,
    m.failed_at,
    m.revoked_at,
    m.updated_at,
    m.scheduled_for,
    m.valid_until,
    m.tenant_id,
    m.body_version,
    GREATEST(o.attempt, m.attempts) AS attempts,
    m.priority,
    m.is_processed,
    m.is_from_bot,
    m.id,
    m.account_id,
    m.conversation_id,
    m.thread_id,
    m.customer_id,
    m.sender_customer_id,
    m.media_id,
    m.reply_to_id,
    m.created_by,
    m.address,
    m.direction,
    m.channel,
    m.external_message_id,
    m.content_type,
    m.status,
    m.problem,
    m.body,
    m.metadata,
    m.media_url,
    m.raw,
    COALESCE(o.provider, m.provider) AS provider,
        CASE
            WHEN (o.message_id IS NULL) THEN m.error_code
            ELSE o.error_code
        END AS error_code,
        CASE
            WHEN (o.message_id IS NULL) THEN m.error_message
            ELSE o.error_message
        END AS error_message,
    m.campaign_id,
    m.idempotency_key
   FROM (pigeonpost.messages m
     LEFT JOIN pigeonpost.outbox o ON (((o.tenant_id = m.tenant_id) AND (o.message_id =
        CASE
            WHEN (m.status = 'queued'::text) THEN m.id
            ELSE NULL::uuid
        END))));
ALTER TABLE pigeonpost.messages_with_state OWNER TO pigeonpost_owner;

-- Name: VIEW messages_with_state; Type: COMMENT; Schema: pigeonpost
COMMENT ON VIEW pigeonpost.messages_with_state IS 'Messages with what the outbox knows of those that are under way: state (status, or scheduled, sending, retrying), attempts, next_attempt_at, and the error and provider of the last try.';

-- Name: parked_updates; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.parked_updates (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    channel text NOT NULL,
    account_id uuid,
    conversation_external_id text,
    external_message_id text NOT NULL,
    update jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE pigeonpost.parked_updates OWNER TO pigeonpost_owner;

-- Name: TABLE parked_updates; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.parked_updates IS 'Receipts, edits, revokes and reactions whose message is not here yet. The insert that brings it applies them.';

-- Name: COLUMN parked_updates.update; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.parked_updates.update IS 'As apply_update() was given it, with the time at which it came.';

-- Name: provider_routes; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.provider_routes (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    "position" integer NOT NULL,
    channel text,
    account_id uuid,
    country_prefix text,
    content_type text,
    provider text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT provider_routes_channel_is_a_name CHECK (((channel <> ''::text) AND (channel = lower(btrim(channel))))),
    CONSTRAINT provider_routes_content_type_known CHECK ((content_type = ANY (ARRAY['text'::text, 'image'::text, 'audio'::text, 'video'::text, 'file'::text, 'location'::text, 'structured'::text]))),
    CONSTRAINT provider_routes_country_prefix_is_dialled CHECK ((country_prefix ~ '^\+[1-9][0-9]{0,14}$'::text)),
    CONSTRAINT provider_routes_position_is_positive CHECK (("position" > 0)),
    CONSTRAINT provider_routes_provider_not_empty CHECK ((provider <> ''::text))
);
ALTER TABLE pigeonpost.provider_routes OWNER TO pigeonpost_owner;

-- Name: TABLE provider_routes; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.provider_routes IS 'Which provider sends what: the first that matches, by position. A column that is null matches everything.';

-- Name: COLUMN provider_routes."position"; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.provider_routes."position" IS 'Order of the rules, unique in the tenant; delivery_attempts.reason names it.';

-- Name: COLUMN provider_routes.country_prefix; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.provider_routes.country_prefix IS 'How the recipient''s number begins, in E.164: +27.';

-- Name: COLUMN provider_routes.provider; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.provider_routes.provider IS 'The name of an installed provider; one that is not installed, or does not serve the channel, is skipped.';

-- Name: tenant_roles; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.tenant_roles (
    tenant_id integer NOT NULL,
    role regrole NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tenant_roles_tenant_is_positive_or_all CHECK ((tenant_id >= 0))
);
ALTER TABLE pigeonpost.tenant_roles OWNER TO pigeonpost_owner;

-- Name: TABLE tenant_roles; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.tenant_roles IS 'Which role sees which tenant. Written by grant_tenant() and revoke_tenant() only.';

-- Name: COLUMN tenant_roles.tenant_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.tenant_roles.tenant_id IS '0 means all tenants, those to come included.';

-- Name: tenants; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.tenants (
    tenant_id integer NOT NULL,
    name text,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tenants_id_is_positive CHECK ((tenant_id > 0)),
    CONSTRAINT tenants_retention_is_in_days CHECK (((NOT (settings ? 'retention'::text)) OR ((jsonb_typeof((settings -> 'retention'::text)) = 'object'::text) AND (NOT jsonb_path_exists((settings -> 'retention'::text), 'strict $.keyvalue()?(!(@."value".type() == "null" || (@."value".type() == "number" && @."value" >= 1) && @."value" <= 36500) || !((((@."key" == "webhook_inbox" || @."key" == "delivery_attempts") || @."key" == "message_statuses") || @."key" == "parked_updates") || @."key" == "idempotent_requests"))'::jsonpath))))),
    CONSTRAINT tenants_settings_are_an_object CHECK ((jsonb_typeof(settings) = 'object'::text))
);
ALTER TABLE pigeonpost.tenants OWNER TO pigeonpost_owner;

-- Name: TABLE tenants; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.tenants IS 'The companies. tenant_id leads every key of every table, never changes, and is the one number to shard by. Made by grant_tenant(), or by the first insert of the owner or of a role that is bound to all.';

-- Name: COLUMN tenants.settings; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.tenants.settings IS 'The tenant''s own choices; {} means the defaults. retention: days by kind, such as {"webhook_inbox": 7, "delivery_attempts": null}, null for ever (165_pruning.sql has the kinds and defaults).';

-- Name: threads_number_seq; Type: SEQUENCE; Schema: pigeonpost
CREATE SEQUENCE pigeonpost.threads_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE pigeonpost.threads_number_seq OWNER TO pigeonpost_owner;

-- Name: threads; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.threads (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    number bigint DEFAULT nextval('pigeonpost.threads_number_seq'::regclass) NOT NULL,
    conversation_id uuid NOT NULL,
    customer_id uuid,
    channel text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    archived_at timestamp with time zone,
    CONSTRAINT threads_status_known CHECK ((status = ANY (ARRAY['active'::text, 'archived'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.01');
ALTER TABLE pigeonpost.threads OWNER TO pigeonpost_owner;

-- Name: TABLE threads; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.threads IS 'The parts of a conversation, as archiving divides it, at most one of them active. They open by themselves; set status to archived to end one.';

-- Name: COLUMN threads.number; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.threads.number IS 'For people and for clients that need integers: from 1, over all tenants.';

-- Name: COLUMN threads.customer_id; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.threads.customer_id IS 'The counterpart; null in a group.';

-- Name: COLUMN threads.archived_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.threads.archived_at IS 'Null while it is active.';

-- Name: webhook_inbox; Type: TABLE; Schema: pigeonpost
CREATE TABLE pigeonpost.webhook_inbox (
    tenant_id integer NOT NULL,
    id uuid DEFAULT pigeonpost.uuid_v7() NOT NULL,
    channel text NOT NULL,
    account_id uuid,
    method text DEFAULT 'POST'::text NOT NULL,
    path text NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    body bytea NOT NULL,
    digest bytea,
    status text DEFAULT 'received'::text NOT NULL,
    error_code text,
    error_field text,
    error_message text,
    attempts integer DEFAULT 0 NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    processed_at timestamp with time zone,
    CONSTRAINT webhook_inbox_status_known CHECK ((status = ANY (ARRAY['received'::text, 'processed'::text, 'failed'::text, 'dismissed'::text])))
);
ALTER TABLE pigeonpost.webhook_inbox OWNER TO pigeonpost_owner;

-- Name: TABLE webhook_inbox; Type: COMMENT; Schema: pigeonpost
COMMENT ON TABLE pigeonpost.webhook_inbox IS 'Every inbound webhook: exact bytes, headers but the secret ones, and what became of it.';

-- Name: COLUMN webhook_inbox.path; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.path IS 'With its query string, secrets removed.';

-- Name: COLUMN webhook_inbox.headers; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.headers IS 'An object of strings.';

-- Name: COLUMN webhook_inbox.body; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.body IS 'The exact bytes.';

-- Name: COLUMN webhook_inbox.digest; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.digest IS 'SHA-256 of channel, path and body, by which a repeated delivery finds its row; null in rows that were stored without.';

-- Name: COLUMN webhook_inbox.status; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.status IS 'received, processed, failed or dismissed; failed ones can be replayed, or dismissed where nobody needs them.';

-- Name: COLUMN webhook_inbox.attempts; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.attempts IS 'How often it was processed.';

-- Name: COLUMN webhook_inbox.received_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.received_at IS 'When its last byte had arrived.';

-- Name: COLUMN webhook_inbox.processed_at; Type: COMMENT; Schema: pigeonpost
COMMENT ON COLUMN pigeonpost.webhook_inbox.processed_at IS 'When its rows were committed, or when it was dismissed.';

-- Name: account_days; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.account_days (
    tenant_id integer NOT NULL,
    account_id uuid NOT NULL,
    day date NOT NULL,
    accepted integer NOT NULL,
    granted integer DEFAULT 0 NOT NULL
);
ALTER TABLE pigeonpost_private.account_days OWNER TO pigeonpost_owner;

-- Name: TABLE account_days; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.account_days IS 'How many messages each account has accepted for each of its local days. Kept for 35 days.';

-- Name: COLUMN account_days.accepted; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_days.accepted IS 'How many messages count for that day so far.';

-- Name: COLUMN account_days.granted; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_days.granted IS 'What the last statement was granted.';

-- Name: account_limits; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.account_limits (
    tenant_id integer NOT NULL,
    account_id uuid NOT NULL,
    tat timestamp with time zone NOT NULL,
    granted integer DEFAULT 0 NOT NULL
);
ALTER TABLE pigeonpost_private.account_limits OWNER TO pigeonpost_owner;

-- Name: TABLE account_limits; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.account_limits IS 'How much of its rate limit each account has used.';

-- Name: COLUMN account_limits.tat; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_limits.tat IS 'When all that was granted would have left at an even pace; ahead of now by what the burst allows.';

-- Name: COLUMN account_limits.granted; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_limits.granted IS 'What the last statement was granted.';

-- Name: account_wakeups; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.account_wakeups (
    tenant_id integer NOT NULL,
    account_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    lease_id uuid
);
ALTER TABLE pigeonpost_private.account_wakeups OWNER TO pigeonpost_owner;

-- Name: TABLE account_wakeups; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.account_wakeups IS 'When each account''s next turn is due.';

-- Name: COLUMN account_wakeups.due_at; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_wakeups.due_at IS 'Only ever moved to an earlier time, except by the end of a turn; infinity: nothing waits.';

-- Name: COLUMN account_wakeups.leased_until; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_wakeups.leased_until IS 'Until then a worker has the lease, or the account is paused.';

-- Name: COLUMN account_wakeups.lease_id; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.account_wakeups.lease_id IS 'The worker''s lease; null while the account is paused.';

-- Name: clock_offset; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.clock_offset (
    only_one boolean DEFAULT true NOT NULL,
    ahead interval NOT NULL,
    CONSTRAINT clock_offset_is_one_row CHECK (only_one)
);
ALTER TABLE pigeonpost_private.clock_offset OWNER TO pigeonpost_owner;

-- Name: TABLE clock_offset; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.clock_offset IS 'One row while a test has set the clock of delivery ahead, else none.';

-- Name: COLUMN clock_offset.ahead; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.clock_offset.ahead IS 'Added to clock_timestamp(); positive.';

-- Name: fixtures; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.fixtures (
    name text NOT NULL,
    sha256 text NOT NULL,
    earlier text[] DEFAULT '{}'::text[] NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE pigeonpost_private.fixtures OWNER TO pigeonpost_owner;

-- Name: TABLE fixtures; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.fixtures IS 'The version of each file of migrations/fixtures that was applied last. Written by `pigeonpost migrate`.';

-- Name: COLUMN fixtures.earlier; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.fixtures.earlier IS 'Hashes of versions applied before: a process of an earlier release stays ready while its fixtures are among them.';

-- Name: COLUMN fixtures.applied_at; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.fixtures.applied_at IS 'When this version was applied.';

-- Name: given_messages; Type: VIEW; Schema: pigeonpost_private
CREATE VIEW pigeonpost_private.given_messages WITH (security_invoker='true') AS
 SELECT NULL::integer AS tenant_id,
    NULL::text AS channel,
    NULL::text AS direction,
    NULL::text AS address,
    NULL::text AS alternate_address,
    NULL::text AS lead_id,
    NULL::text AS customer_id,
    NULL::text AS sender_customer_id,
    NULL::uuid AS conversation_id,
    NULL::text AS conversation_external_id,
    NULL::uuid AS account_id,
    NULL::text AS external_message_id,
    NULL::text AS content_type,
    NULL::text AS body,
    NULL::text AS media_url,
    NULL::jsonb AS metadata,
    NULL::jsonb AS raw,
    NULL::uuid AS reply_to_id,
    NULL::jsonb AS reply_to_external_id,
    NULL::text AS reference,
    NULL::timestamp with time zone AS sent_at,
    NULL::text AS status,
    NULL::smallint AS priority,
    NULL::timestamp with time zone AS scheduled_for,
    NULL::timestamp with time zone AS valid_until,
    NULL::boolean AS is_from_bot,
    NULL::text AS campaign_id,
    NULL::text AS idempotency_key
  WHERE false;
ALTER TABLE pigeonpost_private.given_messages OWNER TO pigeonpost_owner;

-- Name: VIEW given_messages; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON VIEW pigeonpost_private.given_messages IS 'The fields that a message of ingest() may have, as a row type: it has no rows. References to a customer are text, since insert_batch() skips messages that give one.';

-- Name: lock_salt; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.lock_salt (
    only_one boolean DEFAULT true NOT NULL,
    salt integer NOT NULL,
    CONSTRAINT lock_salt_is_one_row CHECK (only_one)
);
ALTER TABLE pigeonpost_private.lock_salt OWNER TO pigeonpost_owner;

-- Name: TABLE lock_salt; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.lock_salt IS 'Salt against accidental collisions of our advisory locks with those of other applications; not a secret, since pg_locks shows held keys to any login. One row, never changed.';

-- Name: COLUMN lock_salt.salt; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.lock_salt.salt IS 'Mixed with the tenant''s number into the first key of its locks.';

-- Name: log_cursors; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.log_cursors (
    cursor bigint DEFAULT 0 NOT NULL,
    tenant_id integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT log_cursors_name_known CHECK ((name = ANY (ARRAY['settled'::text, 'fold'::text, 'relay'::text])))
);
ALTER TABLE pigeonpost_private.log_cursors OWNER TO pigeonpost_owner;

-- Name: TABLE log_cursors; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.log_cursors IS 'How far each tenant''s log is settled, folded and relayed; tenant 0: of all tenants together. The relay that locks its row of tenant 0 is the leader.';

-- Name: COLUMN log_cursors.cursor; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.log_cursors.cursor IS 'The id up to which. Settled: no open transaction can still add an event at or below it.';

-- Name: log_floor; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.log_floor (
    only_one boolean DEFAULT true NOT NULL,
    floor_id bigint DEFAULT 0 NOT NULL,
    CONSTRAINT log_floor_is_one_row CHECK (only_one)
);
ALTER TABLE pigeonpost_private.log_floor OWNER TO pigeonpost_owner;

-- Name: TABLE log_floor; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.log_floor IS 'Events at or below it may have been dropped. One row.';

-- Name: COLUMN log_floor.floor_id; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.log_floor.floor_id IS 'The highest id that may have been dropped; cursors start at it.';

-- Name: log_rounds; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.log_rounds (
    settled_id bigint DEFAULT 0 NOT NULL,
    round_id bigint,
    tenant_id integer NOT NULL,
    slot smallint NOT NULL,
    waits_for text[] DEFAULT '{}'::text[] NOT NULL
);
ALTER TABLE pigeonpost_private.log_rounds OWNER TO pigeonpost_owner;

-- Name: TABLE log_rounds; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.log_rounds IS 'Rounds of settling that are not over. Whoever stores one holds its row until the transaction ends, so there are several.';

-- Name: COLUMN log_rounds.settled_id; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.log_rounds.settled_id IS 'How far the log was settled when this round began.';

-- Name: COLUMN log_rounds.round_id; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.log_rounds.round_id IS 'The id up to which the log is settled once the transactions of waits_for have ended.';

-- Name: COLUMN log_rounds.slot; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.log_rounds.slot IS 'From 1 to 8; only identifies the row.';

-- Name: COLUMN log_rounds.waits_for; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.log_rounds.waits_for IS 'Virtual transaction ids, as pg_locks shows them.';

-- Name: media_tasks; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.media_tasks (
    tenant_id integer NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error_message text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT media_tasks_kind_known CHECK ((kind = ANY (ARRAY['fetch'::text, 'scan'::text, 'delete'::text])))
);
ALTER TABLE pigeonpost_private.media_tasks OWNER TO pigeonpost_owner;

-- Name: TABLE media_tasks; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.media_tasks IS 'Tasks on files outside the database: fetch (subject: media.id), scan (media_files.id), delete (storage:key).';

-- Name: COLUMN media_tasks.due_at; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.media_tasks.due_at IS 'When it is due; for a claimed task, when the claim expires.';

-- Name: COLUMN media_tasks.attempts; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.media_tasks.attempts IS 'How often it was started.';

-- Name: message_counts; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.message_counts (
    tenant_id integer NOT NULL,
    account_id uuid NOT NULL,
    direction text NOT NULL,
    content_type text NOT NULL,
    status text NOT NULL,
    messages bigint NOT NULL
);
ALTER TABLE pigeonpost_private.message_counts OWNER TO pigeonpost_owner;

-- Name: TABLE message_counts; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.message_counts IS 'How many messages each account has, by direction, type and status: the source of the API''s statistics and of metrics. Folded from the log.';

-- Name: COLUMN message_counts.messages; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.message_counts.messages IS 'How many.';

-- Name: message_spans; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.message_spans (
    tenant_id integer NOT NULL,
    last_number bigint NOT NULL,
    messages integer NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL
);
ALTER TABLE pigeonpost_private.message_spans OWNER TO pigeonpost_owner;

-- Name: TABLE message_spans; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.message_spans IS 'When each run of some thousand messages of a tenant was stored, so that a list of a period knows where to read. Folded from the log.';

-- Name: COLUMN message_spans.last_number; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.message_spans.last_number IS 'The number of its last message; it starts after the previous span.';

-- Name: COLUMN message_spans.messages; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.message_spans.messages IS 'How many it had when it was made.';

-- Name: COLUMN message_spans.since; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.message_spans.since IS 'The earliest created_at in it.';

-- Name: COLUMN message_spans.until; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.message_spans.until IS 'The latest created_at in it.';

-- Name: provider_breakers; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.provider_breakers (
    tenant_id integer NOT NULL,
    provider text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    pause_ms integer DEFAULT 0 NOT NULL,
    open_until timestamp with time zone,
    probe_until timestamp with time zone,
    last_error text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE pigeonpost_private.provider_breakers OWNER TO pigeonpost_owner;

-- Name: TABLE provider_breakers; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.provider_breakers IS 'Circuit breakers: providers that failed lately, per tenant. No row: closed.';

-- Name: COLUMN provider_breakers.failures; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.provider_breakers.failures IS 'Since the last success.';

-- Name: COLUMN provider_breakers.pause_ms; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.provider_breakers.pause_ms IS 'Milliseconds of the pause that open_until ends; doubled by a probe that fails.';

-- Name: COLUMN provider_breakers.open_until; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.provider_breakers.open_until IS 'Nothing goes there before; then one message at a time. Null: closed.';

-- Name: COLUMN provider_breakers.probe_until; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.provider_breakers.probe_until IS 'A probe is under way; one without an outcome by then is given up.';

-- Name: recipient_limits; Type: TABLE; Schema: pigeonpost_private
CREATE TABLE pigeonpost_private.recipient_limits (
    tenant_id integer NOT NULL,
    account_id uuid NOT NULL,
    address text NOT NULL,
    next_at timestamp with time zone NOT NULL
);
ALTER TABLE pigeonpost_private.recipient_limits OWNER TO pigeonpost_owner;

-- Name: TABLE recipient_limits; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON TABLE pigeonpost_private.recipient_limits IS 'When each recipient may get the account''s next message, where the account has an interval per recipient.';

-- Name: COLUMN recipient_limits.address; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.recipient_limits.address IS 'As in messages.address: the number, or the group.';

-- Name: COLUMN recipient_limits.next_at; Type: COMMENT; Schema: pigeonpost_private
COMMENT ON COLUMN pigeonpost_private.recipient_limits.next_at IS 'The earliest time for the next message.';

-- Name: events_default; Type: TABLE ATTACH; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events ATTACH PARTITION pigeonpost.events_default DEFAULT;

-- Name: events_p0; Type: TABLE ATTACH; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events ATTACH PARTITION pigeonpost.events_p0 FOR VALUES FROM ('0') TO ('10000000');

-- Name: events_p1; Type: TABLE ATTACH; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events ATTACH PARTITION pigeonpost.events_p1 FOR VALUES FROM ('10000000') TO ('20000000');

-- Name: accounts accounts_address_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.accounts
    ADD CONSTRAINT accounts_address_is_unique UNIQUE NULLS NOT DISTINCT (tenant_id, channel, address);

-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id);

-- Name: api_keys api_keys_hash_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.api_keys
    ADD CONSTRAINT api_keys_hash_is_unique UNIQUE (tenant_id, hash);

-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id);

-- Name: conversation_participants conversation_participants_account_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversation_participants
    ADD CONSTRAINT conversation_participants_account_is_unique UNIQUE (tenant_id, conversation_id, account_id);

-- Name: conversation_participants conversation_participants_customer_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversation_participants
    ADD CONSTRAINT conversation_participants_customer_is_unique UNIQUE (tenant_id, conversation_id, customer_id);

-- Name: conversation_participants conversation_participants_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversation_participants
    ADD CONSTRAINT conversation_participants_pkey PRIMARY KEY (tenant_id, id);

-- Name: conversations conversations_number_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversations
    ADD CONSTRAINT conversations_number_is_unique UNIQUE (tenant_id, number);

-- Name: conversations conversations_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (tenant_id, id);

-- Name: conversations conversations_thread_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversations
    ADD CONSTRAINT conversations_thread_is_unique UNIQUE (tenant_id, thread_id);

-- Name: customer_identities customer_identities_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.customer_identities
    ADD CONSTRAINT customer_identities_pkey PRIMARY KEY (tenant_id, channel, address);

-- Name: customers customers_lead_id_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.customers
    ADD CONSTRAINT customers_lead_id_is_unique UNIQUE (tenant_id, lead_id);

-- Name: customers customers_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (tenant_id, id);

-- Name: delivery_attempts delivery_attempts_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.delivery_attempts
    ADD CONSTRAINT delivery_attempts_pkey PRIMARY KEY (tenant_id, attempt_id, attempt);

-- Name: event_consumers event_consumers_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.event_consumers
    ADD CONSTRAINT event_consumers_pkey PRIMARY KEY (tenant_id, name);

-- Name: event_types event_types_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.event_types
    ADD CONSTRAINT event_types_pkey PRIMARY KEY (type);

-- Name: events events_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (tenant_id, id);

-- Name: events_default events_default_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events_default
    ADD CONSTRAINT events_default_pkey PRIMARY KEY (tenant_id, id);

-- Name: events_p0 events_p0_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events_p0
    ADD CONSTRAINT events_p0_pkey PRIMARY KEY (tenant_id, id);

-- Name: events_p1 events_p1_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.events_p1
    ADD CONSTRAINT events_p1_pkey PRIMARY KEY (tenant_id, id);

-- Name: idempotent_requests idempotent_requests_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.idempotent_requests
    ADD CONSTRAINT idempotent_requests_pkey PRIMARY KEY (tenant_id, key);

-- Name: media_files media_files_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.media_files
    ADD CONSTRAINT media_files_pkey PRIMARY KEY (tenant_id, id);

-- Name: media_files media_files_stored_once; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.media_files
    ADD CONSTRAINT media_files_stored_once UNIQUE (tenant_id, sha256);

-- Name: media media_one_per_place; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.media
    ADD CONSTRAINT media_one_per_place UNIQUE (tenant_id, message_id, "position");

-- Name: media media_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.media
    ADD CONSTRAINT media_pkey PRIMARY KEY (tenant_id, id);

-- Name: message_history message_history_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_history
    ADD CONSTRAINT message_history_pkey PRIMARY KEY (tenant_id, id);

-- Name: message_history message_history_version_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_history
    ADD CONSTRAINT message_history_version_is_unique UNIQUE (tenant_id, message_id, body_version);

-- Name: message_reactions message_reactions_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_reactions
    ADD CONSTRAINT message_reactions_pkey PRIMARY KEY (tenant_id, message_id, sender);

-- Name: message_statuses message_statuses_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_statuses
    ADD CONSTRAINT message_statuses_pkey PRIMARY KEY (tenant_id, number);

-- Name: messages messages_external_id_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.messages
    ADD CONSTRAINT messages_external_id_is_unique UNIQUE (tenant_id, external_message_id, conversation_id);

-- Name: messages messages_number_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.messages
    ADD CONSTRAINT messages_number_is_unique UNIQUE (tenant_id, number);

-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, id);

-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, message_id);

-- Name: parked_updates parked_updates_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.parked_updates
    ADD CONSTRAINT parked_updates_pkey PRIMARY KEY (tenant_id, id);

-- Name: provider_routes provider_routes_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.provider_routes
    ADD CONSTRAINT provider_routes_pkey PRIMARY KEY (tenant_id, id);

-- Name: provider_routes provider_routes_position_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.provider_routes
    ADD CONSTRAINT provider_routes_position_is_unique UNIQUE (tenant_id, "position");

-- Name: tenant_roles tenant_roles_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.tenant_roles
    ADD CONSTRAINT tenant_roles_pkey PRIMARY KEY (tenant_id, role);

-- Name: tenants tenants_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id);

-- Name: threads threads_conversation_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.threads
    ADD CONSTRAINT threads_conversation_is_unique UNIQUE (tenant_id, conversation_id, id);

-- Name: threads threads_number_is_unique; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.threads
    ADD CONSTRAINT threads_number_is_unique UNIQUE (tenant_id, number);

-- Name: threads threads_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.threads
    ADD CONSTRAINT threads_pkey PRIMARY KEY (tenant_id, id);

-- Name: webhook_inbox webhook_inbox_pkey; Type: CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.webhook_inbox
    ADD CONSTRAINT webhook_inbox_pkey PRIMARY KEY (tenant_id, id);

-- Name: account_days account_days_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.account_days
    ADD CONSTRAINT account_days_pkey PRIMARY KEY (tenant_id, account_id, day);

-- Name: account_limits account_limits_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.account_limits
    ADD CONSTRAINT account_limits_pkey PRIMARY KEY (tenant_id, account_id);

-- Name: account_wakeups account_wakeups_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.account_wakeups
    ADD CONSTRAINT account_wakeups_pkey PRIMARY KEY (tenant_id, account_id);

-- Name: clock_offset clock_offset_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.clock_offset
    ADD CONSTRAINT clock_offset_pkey PRIMARY KEY (only_one);

-- Name: fixtures fixtures_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.fixtures
    ADD CONSTRAINT fixtures_pkey PRIMARY KEY (name);

-- Name: lock_salt lock_salt_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.lock_salt
    ADD CONSTRAINT lock_salt_pkey PRIMARY KEY (only_one);

-- Name: log_cursors log_cursors_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.log_cursors
    ADD CONSTRAINT log_cursors_pkey PRIMARY KEY (tenant_id, name);

-- Name: log_floor log_floor_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.log_floor
    ADD CONSTRAINT log_floor_pkey PRIMARY KEY (only_one);

-- Name: log_rounds log_rounds_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.log_rounds
    ADD CONSTRAINT log_rounds_pkey PRIMARY KEY (tenant_id, slot);

-- Name: media_tasks media_tasks_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.media_tasks
    ADD CONSTRAINT media_tasks_pkey PRIMARY KEY (tenant_id, kind, subject);

-- Name: message_counts message_counts_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.message_counts
    ADD CONSTRAINT message_counts_pkey PRIMARY KEY (tenant_id, account_id, direction, content_type, status);

-- Name: message_spans message_spans_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.message_spans
    ADD CONSTRAINT message_spans_pkey PRIMARY KEY (tenant_id, last_number);

-- Name: provider_breakers provider_breakers_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.provider_breakers
    ADD CONSTRAINT provider_breakers_pkey PRIMARY KEY (tenant_id, provider);

-- Name: recipient_limits recipient_limits_pkey; Type: CONSTRAINT; Schema: pigeonpost_private
ALTER TABLE ONLY pigeonpost_private.recipient_limits
    ADD CONSTRAINT recipient_limits_pkey PRIMARY KEY (tenant_id, account_id, address);

-- Name: accounts_choice; Type: INDEX; Schema: pigeonpost
CREATE INDEX accounts_choice ON pigeonpost.accounts USING btree (tenant_id, channel, is_default DESC, created_at, id);

-- Name: accounts_one_default; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX accounts_one_default ON pigeonpost.accounts USING btree (tenant_id, channel) WHERE is_default;

-- Name: conversation_participants_customer; Type: INDEX; Schema: pigeonpost
CREATE INDEX conversation_participants_customer ON pigeonpost.conversation_participants USING btree (tenant_id, customer_id);

-- Name: conversations_address; Type: INDEX; Schema: pigeonpost
CREATE INDEX conversations_address ON pigeonpost.conversations USING btree (tenant_id, account_id, address) WHERE ((customer_id IS NOT NULL) AND (external_id IS NULL));

-- Name: conversations_customer; Type: INDEX; Schema: pigeonpost
CREATE INDEX conversations_customer ON pigeonpost.conversations USING btree (tenant_id, customer_id, channel, created_at);

-- Name: conversations_merged; Type: INDEX; Schema: pigeonpost
CREATE INDEX conversations_merged ON pigeonpost.conversations USING btree (tenant_id, merged_into) WHERE (merged_into IS NOT NULL);

-- Name: conversations_one_direct; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX conversations_one_direct ON pigeonpost.conversations USING btree (tenant_id, account_id, customer_id, external_id) NULLS NOT DISTINCT WHERE ((type = 'direct'::text) AND (merged_into IS NULL));

-- Name: conversations_one_external; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX conversations_one_external ON pigeonpost.conversations USING btree (tenant_id, account_id, external_id) WHERE ((type <> 'direct'::text) AND (merged_into IS NULL) AND (external_id IS NOT NULL));

-- Name: conversations_recent; Type: INDEX; Schema: pigeonpost
CREATE INDEX conversations_recent ON pigeonpost.conversations USING btree (tenant_id, last_message_at);

-- Name: conversations_silent; Type: INDEX; Schema: pigeonpost
CREATE INDEX conversations_silent ON pigeonpost.conversations USING btree (tenant_id, created_at, number) WHERE (last_message_at IS NULL);

-- Name: customer_identities_customer; Type: INDEX; Schema: pigeonpost
CREATE INDEX customer_identities_customer ON pigeonpost.customer_identities USING btree (tenant_id, customer_id);

-- Name: delivery_attempts_message; Type: INDEX; Schema: pigeonpost
CREATE INDEX delivery_attempts_message ON pigeonpost.delivery_attempts USING btree (tenant_id, message_id, started_at);

-- Name: idempotent_requests_created; Type: INDEX; Schema: pigeonpost
CREATE INDEX idempotent_requests_created ON pigeonpost.idempotent_requests USING btree (tenant_id, created_at);

-- Name: media_created; Type: INDEX; Schema: pigeonpost
CREATE INDEX media_created ON pigeonpost.media USING btree (tenant_id, created_at, id);

-- Name: media_file; Type: INDEX; Schema: pigeonpost
CREATE INDEX media_file ON pigeonpost.media USING btree (tenant_id, file_id);

-- Name: message_statuses_message; Type: INDEX; Schema: pigeonpost
CREATE INDEX message_statuses_message ON pigeonpost.message_statuses USING btree (tenant_id, message_id, number);

-- Name: message_statuses_one_per_recipient; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX message_statuses_one_per_recipient ON pigeonpost.message_statuses USING btree (tenant_id, message_id, recipient, status) WHERE (recipient IS NOT NULL);

-- Name: messages_account; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_account ON pigeonpost.messages USING btree (tenant_id, account_id, number);

-- Name: INDEX messages_account; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_account IS 'An account''s messages, newest first (GET /api/v1/messages); what it sent on a day.';

-- Name: messages_campaign; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_campaign ON pigeonpost.messages USING btree (tenant_id, campaign_id, number) WHERE (campaign_id IS NOT NULL);

-- Name: INDEX messages_campaign; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_campaign IS 'A campaign''s messages, newest first (GET /api/v1/messages).';

-- Name: INDEX messages_external_id_is_unique; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_external_id_is_unique IS 'Refuses duplicates; finds the message of a receipt, an edit or a reply, and et_messages by message_id.';

-- Name: messages_failed; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_failed ON pigeonpost.messages USING btree (tenant_id, problem, number) WHERE (problem IS NOT NULL);

-- Name: INDEX messages_failed; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_failed IS 'Failed, unknown and canceled messages, newest first (GET /api/v1/messages; retry, resolve). By problem and not by status: an index that names the status would make every receipt write to all indexes.';

-- Name: messages_idempotency_key_is_unique; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX messages_idempotency_key_is_unique ON pigeonpost.messages USING btree (tenant_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

-- Name: INDEX messages_idempotency_key_is_unique; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_idempotency_key_is_unique IS 'Refuses a message with a key that was used.';

-- Name: messages_kind; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_kind ON pigeonpost.messages USING btree (tenant_id, direction, content_type, number) WHERE ((direction <> 'inbound'::text) OR (content_type <> 'text'::text));

-- Name: INDEX messages_kind; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_kind IS 'Lists of outbound and system messages, and of files, newest first: one walk for each direction and type.';

-- Name: messages_media; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_media ON pigeonpost.messages USING btree (tenant_id, media_id) WHERE (media_id IS NOT NULL);

-- Name: INDEX messages_media; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_media IS 'Messages that are sent with an upload, which have no row of media of their own; for deleting it and for sending what waits for it.';

-- Name: INDEX messages_number_is_unique; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_number_is_unique IS 'One message by its number (et_messages.id); lists of the newest first; the numbers of a time (message_spans).';

-- Name: INDEX messages_pkey; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_pkey IS 'One message by its id; receipts, history, replies, reactions and files of a message.';

-- Name: messages_thread; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_thread ON pigeonpost.messages USING btree (tenant_id, thread_id, occurred_at, number);

-- Name: INDEX messages_thread; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_thread IS 'A thread''s messages in order, et_messages by thread_id; merged, those of a conversation, a customer or a lead; the first and last time of a thread; the cascade from threads.';

-- Name: messages_times; Type: INDEX; Schema: pigeonpost
CREATE INDEX messages_times ON pigeonpost.messages USING brin (tenant_id, created_at timestamptz_minmax_multi_ops, sent_at timestamptz_minmax_multi_ops) WITH (autosummarize='on');

-- Name: INDEX messages_times; Type: COMMENT; Schema: pigeonpost
COMMENT ON INDEX pigeonpost.messages_times IS 'Queries of the whole table by time, in SQL: created_at and sent_at.';

-- Name: outbox_claim; Type: INDEX; Schema: pigeonpost
CREATE INDEX outbox_claim ON pigeonpost.outbox USING btree (tenant_id, account_id, priority DESC, number) WHERE (state = 'queued'::text);

-- Name: outbox_due; Type: INDEX; Schema: pigeonpost
CREATE INDEX outbox_due ON pigeonpost.outbox USING btree (tenant_id, account_id, state, due_at);

-- Name: outbox_expiring; Type: INDEX; Schema: pigeonpost
CREATE INDEX outbox_expiring ON pigeonpost.outbox USING btree (tenant_id, account_id, valid_until) WHERE (valid_until IS NOT NULL);

-- Name: parked_updates_created; Type: INDEX; Schema: pigeonpost
CREATE INDEX parked_updates_created ON pigeonpost.parked_updates USING btree (tenant_id, created_at);

-- Name: parked_updates_external_id; Type: INDEX; Schema: pigeonpost
CREATE INDEX parked_updates_external_id ON pigeonpost.parked_updates USING btree (tenant_id, external_message_id);

-- Name: provider_routes_account; Type: INDEX; Schema: pigeonpost
CREATE INDEX provider_routes_account ON pigeonpost.provider_routes USING btree (tenant_id, account_id);

-- Name: threads_lead; Type: INDEX; Schema: pigeonpost
CREATE INDEX threads_lead ON pigeonpost.threads USING btree (tenant_id, customer_id, channel, status);

-- Name: threads_one_active; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX threads_one_active ON pigeonpost.threads USING btree (tenant_id, conversation_id) WHERE (status = 'active'::text);

-- Name: webhook_inbox_one_delivery; Type: INDEX; Schema: pigeonpost
CREATE UNIQUE INDEX webhook_inbox_one_delivery ON pigeonpost.webhook_inbox USING btree (tenant_id, digest);

-- Name: webhook_inbox_open; Type: INDEX; Schema: pigeonpost
CREATE INDEX webhook_inbox_open ON pigeonpost.webhook_inbox USING btree (tenant_id, received_at) WHERE (status = ANY (ARRAY['received'::text, 'failed'::text]));

-- Name: webhook_inbox_received; Type: INDEX; Schema: pigeonpost
CREATE INDEX webhook_inbox_received ON pigeonpost.webhook_inbox USING btree (tenant_id, received_at);

-- Name: account_wakeups_due; Type: INDEX; Schema: pigeonpost_private
CREATE INDEX account_wakeups_due ON pigeonpost_private.account_wakeups USING btree (due_at);

-- Name: media_tasks_due; Type: INDEX; Schema: pigeonpost_private
CREATE INDEX media_tasks_due ON pigeonpost_private.media_tasks USING btree (due_at);

-- Name: events_default_pkey; Type: INDEX ATTACH; Schema: pigeonpost
ALTER INDEX pigeonpost.events_pkey ATTACH PARTITION pigeonpost.events_default_pkey;

-- Name: events_p0_pkey; Type: INDEX ATTACH; Schema: pigeonpost
ALTER INDEX pigeonpost.events_pkey ATTACH PARTITION pigeonpost.events_p0_pkey;

-- Name: events_p1_pkey; Type: INDEX ATTACH; Schema: pigeonpost
ALTER INDEX pigeonpost.events_pkey ATTACH PARTITION pigeonpost.events_p1_pkey;

-- Name: accounts 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.accounts FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: api_keys 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.api_keys FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: conversation_participants 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.conversation_participants FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: conversations 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.conversations FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: customer_identities 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.customer_identities FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: customers 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.customers FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: event_consumers 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.event_consumers FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: idempotent_requests 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.idempotent_requests FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: ingest_batches 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" INSTEAD OF INSERT ON pigeonpost.ingest_batches FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: media 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.media FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: media_files 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.media_files FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: message_reactions 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.message_reactions FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: message_statuses 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.message_statuses FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: messages 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.messages FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: parked_updates 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.parked_updates FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: provider_routes 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.provider_routes FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: tenants 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.tenants FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: threads 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.threads FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: webhook_inbox 000_guard; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "000_guard" BEFORE INSERT OR UPDATE OF tenant_id ON pigeonpost.webhook_inbox FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__guard();

-- Name: messages 001_refuse_number; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "001_refuse_number" BEFORE INSERT ON pigeonpost.messages FOR EACH ROW WHEN ((new.number IS NOT NULL)) EXECUTE FUNCTION pigeonpost_private.tg_messages__refuse_number();

-- Name: messages 100_advance; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_advance" BEFORE UPDATE ON pigeonpost.messages FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_messages__advance();

-- Name: accounts 100_normalise; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_normalise" BEFORE INSERT OR UPDATE ON pigeonpost.accounts FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_accounts__normalise();

-- Name: conversation_participants 100_normalise; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_normalise" BEFORE INSERT OR UPDATE OF conversation_id, customer_id, account_id, role ON pigeonpost.conversation_participants FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_conversation_participants__normalise();

-- Name: conversations 100_normalise; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_normalise" BEFORE INSERT OR UPDATE OF type, status, account_id, group_name, group_avatar, group_metadata ON pigeonpost.conversations FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_conversations__normalise();

-- Name: customer_identities 100_normalise; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_normalise" BEFORE INSERT OR UPDATE OF channel, address ON pigeonpost.customer_identities FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_customer_identities__normalise();

-- Name: customers 100_normalise; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_normalise" BEFORE INSERT OR UPDATE OF lead_id, name, metadata, external_type, external_id, merged_into ON pigeonpost.customers FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_customers__normalise();

-- Name: threads 100_normalise; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_normalise" BEFORE UPDATE OF status ON pigeonpost.threads FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_threads__normalise();

-- Name: event_consumers 100_not_later; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_not_later" BEFORE INSERT OR UPDATE ON pigeonpost.event_consumers FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_event_consumers__not_later();

-- Name: media_files 100_touch; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "100_touch" BEFORE UPDATE ON pigeonpost.media_files FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_media_files__touch();

-- Name: messages 110_leave_outbox; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "110_leave_outbox" BEFORE UPDATE OF status ON pigeonpost.messages FOR EACH ROW WHEN (((old.status = 'queued'::text) AND (new.status <> 'queued'::text))) EXECUTE FUNCTION pigeonpost_private.tg_messages__leave_outbox();

-- Name: media 200_copy; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "200_copy" BEFORE INSERT OR UPDATE ON pigeonpost.media FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_media__copy();

-- Name: conversation_participants 200_keep_direct; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "200_keep_direct" BEFORE DELETE OR UPDATE OF left_at, conversation_id, customer_id, account_id ON pigeonpost.conversation_participants FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_conversation_participants__keep_direct();

-- Name: parked_updates 200_lock; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "200_lock" BEFORE INSERT ON pigeonpost.parked_updates FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_parked_updates__lock();

-- Name: messages 200_lock_external_id; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "200_lock_external_id" BEFORE UPDATE OF external_message_id ON pigeonpost.messages FOR EACH ROW WHEN (((new.external_message_id IS NOT NULL) AND (new.external_message_id IS DISTINCT FROM old.external_message_id))) EXECUTE FUNCTION pigeonpost_private.tg_messages__lock_external_id();

-- Name: message_statuses 200_number; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "200_number" BEFORE INSERT ON pigeonpost.message_statuses FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_message_statuses__number();

-- Name: messages 200_resolve; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "200_resolve" BEFORE INSERT ON pigeonpost.messages FOR EACH ROW WHEN ((new.number IS NULL)) EXECUTE FUNCTION pigeonpost_private.tg_messages__resolve();

-- Name: media_files 500_follow; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "500_follow" AFTER INSERT OR DELETE OR UPDATE ON pigeonpost.media_files FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_media_files__follow();

-- Name: messages 500_history; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "500_history" AFTER UPDATE OF body, revoked_at, body_version ON pigeonpost.messages FOR EACH ROW WHEN ((new.body_version <> old.body_version)) EXECUTE FUNCTION pigeonpost_private.tg_messages__history();

-- Name: ingest_batches 500_ingest; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "500_ingest" INSTEAD OF INSERT ON pigeonpost.ingest_batches FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_ingest_batches__ingest();

-- Name: messages 500_leave_events; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "500_leave_events" BEFORE DELETE ON pigeonpost.messages FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_messages__leave_events();

-- Name: messages 550_reclassify; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "550_reclassify" AFTER UPDATE OF content_type ON pigeonpost.messages FOR EACH ROW WHEN ((new.content_type <> old.content_type)) EXECUTE FUNCTION pigeonpost_private.tg_messages__reclassify();

-- Name: conversations 600_archive_thread; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_archive_thread" AFTER UPDATE OF status ON pigeonpost.conversations FOR EACH ROW WHEN (((new.status = 'closed'::text) AND (old.status <> 'closed'::text))) EXECUTE FUNCTION pigeonpost_private.tg_conversations__archive_thread();

-- Name: customer_identities 600_forget; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_forget" AFTER DELETE ON pigeonpost.customer_identities FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_customer_identities__forget();

-- Name: customer_identities 600_forget_moved; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_forget_moved" AFTER UPDATE OF channel, address, customer_id ON pigeonpost.customer_identities FOR EACH ROW WHEN (((old.channel <> new.channel) OR (old.address <> new.address) OR (old.customer_id <> new.customer_id))) EXECUTE FUNCTION pigeonpost_private.tg_customer_identities__forget();

-- Name: customers 600_identify; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_identify" AFTER INSERT ON pigeonpost.customers FOR EACH ROW WHEN (((new.external_type IS NOT NULL) AND (new.external_id IS NOT NULL))) EXECUTE FUNCTION pigeonpost_private.tg_customers__identify();

-- Name: tenants 600_open_log; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_open_log" AFTER INSERT ON pigeonpost.tenants FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_tenants__open_log();

-- Name: messages 600_record_status; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_record_status" AFTER UPDATE OF status ON pigeonpost.messages FOR EACH ROW WHEN ((new.status <> old.status)) EXECUTE FUNCTION pigeonpost_private.tg_messages__record_status();

-- Name: threads 600_rotate; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "600_rotate" AFTER UPDATE OF status ON pigeonpost.threads FOR EACH ROW WHEN (((new.status = 'archived'::text) AND (old.status = 'active'::text))) EXECUTE FUNCTION pigeonpost_private.tg_threads__rotate();

-- Name: conversation_participants 650_check_multi; Type: TRIGGER; Schema: pigeonpost
CREATE CONSTRAINT TRIGGER "650_check_multi" AFTER DELETE OR UPDATE OF left_at, conversation_id ON pigeonpost.conversation_participants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg__check_multi();

-- Name: conversations 650_check_multi; Type: TRIGGER; Schema: pigeonpost
CREATE CONSTRAINT TRIGGER "650_check_multi" AFTER INSERT ON pigeonpost.conversations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.type = 'multi'::text)) EXECUTE FUNCTION pigeonpost_private.tg__check_multi();

-- Name: messages 650_remove_from_outbox; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "650_remove_from_outbox" AFTER DELETE ON pigeonpost.messages FOR EACH ROW WHEN ((old.status = 'queued'::text)) EXECUTE FUNCTION pigeonpost_private.tg_messages__remove_from_outbox();

-- Name: messages 650_reorder; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "650_reorder" AFTER UPDATE OF priority, valid_until ON pigeonpost.messages FOR EACH ROW WHEN (((new.status = 'queued'::text) AND ((new.priority <> old.priority) OR (new.valid_until IS DISTINCT FROM old.valid_until)))) EXECUTE FUNCTION pigeonpost_private.tg_messages__reorder();

-- Name: messages 650_requeue; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "650_requeue" AFTER UPDATE OF status ON pigeonpost.messages FOR EACH ROW WHEN (((new.status = 'queued'::text) AND (old.status <> 'queued'::text))) EXECUTE FUNCTION pigeonpost_private.tg_messages__requeue();

-- Name: media 700_drop_file; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "700_drop_file" AFTER DELETE ON pigeonpost.media FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_media__drop_file();

-- Name: media 700_drop_former_file; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "700_drop_former_file" AFTER UPDATE OF file_id ON pigeonpost.media FOR EACH ROW WHEN (((old.file_id IS NOT NULL) AND (new.file_id IS DISTINCT FROM old.file_id))) EXECUTE FUNCTION pigeonpost_private.tg_media__drop_file();

-- Name: messages 700_follow_up; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "700_follow_up" AFTER INSERT ON pigeonpost.messages FOR EACH ROW WHEN ((new.is_own_event IS NULL)) EXECUTE FUNCTION pigeonpost_private.tg_messages__follow_up();

-- Name: customers 700_merge; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "700_merge" AFTER UPDATE OF merged_into ON pigeonpost.customers FOR EACH ROW WHEN (((new.merged_into IS NOT NULL) AND (old.merged_into IS NULL))) EXECUTE FUNCTION pigeonpost_private.tg_customers__merge();

-- Name: conversations 700_open; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "700_open" AFTER INSERT ON pigeonpost.conversations FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_conversations__open();

-- Name: accounts 700_relimit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "700_relimit" AFTER UPDATE OF rate_per_minute, burst, daily_limit, time_zone, settings ON pigeonpost.accounts FOR EACH ROW WHEN (((new.rate_per_minute IS DISTINCT FROM old.rate_per_minute) OR (new.burst IS DISTINCT FROM old.burst) OR (new.daily_limit IS DISTINCT FROM old.daily_limit) OR (new.time_zone <> old.time_zone) OR (new.settings <> old.settings))) EXECUTE FUNCTION pigeonpost_private.tg_accounts__relimit();

-- Name: messages 750_refer; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "750_refer" AFTER UPDATE OF media_id, media_url, metadata ON pigeonpost.messages FOR EACH ROW WHEN (((new.media_url IS DISTINCT FROM old.media_url) OR (new.media_id IS DISTINCT FROM old.media_id) OR ((new.metadata -> 'media'::text) IS DISTINCT FROM (old.metadata -> 'media'::text)))) EXECUTE FUNCTION pigeonpost_private.tg_messages__refer();

-- Name: messages 760_refetch; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "760_refetch" AFTER UPDATE OF status ON pigeonpost.messages FOR EACH ROW WHEN (((old.status = 'failed'::text) AND (new.status = 'queued'::text))) EXECUTE FUNCTION pigeonpost_private.tg_messages__refetch();

-- Name: media 760_take_content; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "760_take_content" AFTER UPDATE OF file_id ON pigeonpost.media FOR EACH ROW WHEN (((old.file_id IS NULL) AND (new.file_id IS NOT NULL) AND (new.message_id IS NOT NULL))) EXECUTE FUNCTION pigeonpost_private.tg_media__take_content();

-- Name: parked_updates 800_apply; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "800_apply" AFTER INSERT ON pigeonpost.parked_updates FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_parked_updates__apply();

-- Name: messages 800_apply_parked; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "800_apply_parked" AFTER UPDATE OF external_message_id ON pigeonpost.messages FOR EACH ROW WHEN (((new.external_message_id IS NOT NULL) AND (new.external_message_id IS DISTINCT FROM old.external_message_id))) EXECUTE FUNCTION pigeonpost_private.tg_messages__apply_parked();

-- Name: accounts 800_wake; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "800_wake" AFTER UPDATE OF status, provider ON pigeonpost.accounts FOR EACH ROW WHEN (((new.status = 'connected'::text) AND (new.provider IS NOT NULL) AND ((new.status IS DISTINCT FROM old.status) OR (new.provider IS DISTINCT FROM old.provider)))) EXECUTE FUNCTION pigeonpost_private.tg_accounts__wake();

-- Name: provider_routes 800_wake; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "800_wake" AFTER INSERT OR DELETE OR UPDATE ON pigeonpost.provider_routes FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_provider_routes__wake();

-- Name: accounts 900_emit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit" AFTER UPDATE OF status ON pigeonpost.accounts FOR EACH ROW WHEN ((new.status IS DISTINCT FROM old.status)) EXECUTE FUNCTION pigeonpost_private.tg_accounts__emit();

-- Name: conversation_participants 900_emit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit" AFTER INSERT OR DELETE OR UPDATE OF left_at ON pigeonpost.conversation_participants FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_conversation_participants__emit();

-- Name: conversations 900_emit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit" AFTER INSERT ON pigeonpost.conversations FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_conversations__emit();

-- Name: customers 900_emit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit" AFTER INSERT ON pigeonpost.customers FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_customers__emit();

-- Name: media 900_emit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit" AFTER INSERT ON pigeonpost.media FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_media__emit();

-- Name: threads 900_emit; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit" AFTER INSERT ON pigeonpost.threads FOR EACH ROW EXECUTE FUNCTION pigeonpost_private.tg_threads__emit();

-- Name: threads 900_emit_archived; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit_archived" AFTER UPDATE OF status ON pigeonpost.threads FOR EACH ROW WHEN (((new.status = 'archived'::text) AND (old.status = 'active'::text))) EXECUTE FUNCTION pigeonpost_private.tg_threads__emit();

-- Name: conversations 900_emit_status; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit_status" AFTER UPDATE OF status ON pigeonpost.conversations FOR EACH ROW WHEN ((new.status IS DISTINCT FROM old.status)) EXECUTE FUNCTION pigeonpost_private.tg_conversations__emit();

-- Name: media 900_emit_status; Type: TRIGGER; Schema: pigeonpost
CREATE TRIGGER "900_emit_status" AFTER UPDATE ON pigeonpost.media FOR EACH ROW WHEN ((new.status IS DISTINCT FROM old.status)) EXECUTE FUNCTION pigeonpost_private.tg_media__emit();

-- Name: accounts accounts_tenant_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.accounts
    ADD CONSTRAINT accounts_tenant_exists FOREIGN KEY (tenant_id) REFERENCES pigeonpost.tenants(tenant_id);

-- Name: api_keys api_keys_tenant_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.api_keys
    ADD CONSTRAINT api_keys_tenant_exists FOREIGN KEY (tenant_id) REFERENCES pigeonpost.tenants(tenant_id);

-- Name: conversation_participants conversation_participants_conversation_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversation_participants
    ADD CONSTRAINT conversation_participants_conversation_exists FOREIGN KEY (tenant_id, conversation_id) REFERENCES pigeonpost.conversations(tenant_id, id) ON DELETE CASCADE;

-- Name: conversation_participants conversation_participants_customer_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversation_participants
    ADD CONSTRAINT conversation_participants_customer_exists FOREIGN KEY (tenant_id, customer_id) REFERENCES pigeonpost.customers(tenant_id, id);

-- Name: conversations conversations_customer_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversations
    ADD CONSTRAINT conversations_customer_exists FOREIGN KEY (tenant_id, customer_id) REFERENCES pigeonpost.customers(tenant_id, id);

-- Name: conversations conversations_merged_into_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.conversations
    ADD CONSTRAINT conversations_merged_into_exists FOREIGN KEY (tenant_id, merged_into) REFERENCES pigeonpost.conversations(tenant_id, id);

-- Name: customer_identities customer_identities_customer_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.customer_identities
    ADD CONSTRAINT customer_identities_customer_exists FOREIGN KEY (tenant_id, customer_id) REFERENCES pigeonpost.customers(tenant_id, id);

-- Name: customers customers_merged_into_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.customers
    ADD CONSTRAINT customers_merged_into_exists FOREIGN KEY (tenant_id, merged_into) REFERENCES pigeonpost.customers(tenant_id, id);

-- Name: delivery_attempts delivery_attempts_message_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.delivery_attempts
    ADD CONSTRAINT delivery_attempts_message_exists FOREIGN KEY (tenant_id, message_id) REFERENCES pigeonpost.messages(tenant_id, id) ON DELETE CASCADE;

-- Name: media media_file_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.media
    ADD CONSTRAINT media_file_exists FOREIGN KEY (tenant_id, file_id) REFERENCES pigeonpost.media_files(tenant_id, id);

-- Name: media media_message_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.media
    ADD CONSTRAINT media_message_exists FOREIGN KEY (tenant_id, message_id) REFERENCES pigeonpost.messages(tenant_id, id) ON DELETE CASCADE;

-- Name: message_history message_history_message_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_history
    ADD CONSTRAINT message_history_message_exists FOREIGN KEY (tenant_id, message_id) REFERENCES pigeonpost.messages(tenant_id, id) ON DELETE CASCADE;

-- Name: message_reactions message_reactions_message_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_reactions
    ADD CONSTRAINT message_reactions_message_exists FOREIGN KEY (tenant_id, message_id) REFERENCES pigeonpost.messages(tenant_id, id) ON DELETE CASCADE;

-- Name: message_statuses message_statuses_message_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.message_statuses
    ADD CONSTRAINT message_statuses_message_exists FOREIGN KEY (tenant_id, message_id) REFERENCES pigeonpost.messages(tenant_id, id) ON DELETE CASCADE;

-- Name: messages messages_thread_is_the_conversations; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.messages
    ADD CONSTRAINT messages_thread_is_the_conversations FOREIGN KEY (tenant_id, conversation_id, thread_id) REFERENCES pigeonpost.threads(tenant_id, conversation_id, id) ON UPDATE CASCADE ON DELETE CASCADE;

-- Name: provider_routes provider_routes_account_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.provider_routes
    ADD CONSTRAINT provider_routes_account_exists FOREIGN KEY (tenant_id, account_id) REFERENCES pigeonpost.accounts(tenant_id, id) ON DELETE CASCADE;

-- Name: provider_routes provider_routes_tenant_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.provider_routes
    ADD CONSTRAINT provider_routes_tenant_exists FOREIGN KEY (tenant_id) REFERENCES pigeonpost.tenants(tenant_id);

-- Name: threads threads_conversation_exists; Type: FK CONSTRAINT; Schema: pigeonpost
ALTER TABLE ONLY pigeonpost.threads
    ADD CONSTRAINT threads_conversation_exists FOREIGN KEY (tenant_id, conversation_id) REFERENCES pigeonpost.conversations(tenant_id, id) ON DELETE CASCADE;

-- Name: accounts; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.accounts ENABLE ROW LEVEL SECURITY;

-- Name: api_keys; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.api_keys ENABLE ROW LEVEL SECURITY;

-- Name: conversation_participants; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.conversation_participants ENABLE ROW LEVEL SECURITY;

-- Name: conversations; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.conversations ENABLE ROW LEVEL SECURITY;

-- Name: customer_identities; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.customer_identities ENABLE ROW LEVEL SECURITY;

-- Name: customers; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.customers ENABLE ROW LEVEL SECURITY;

-- Name: delivery_attempts; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.delivery_attempts ENABLE ROW LEVEL SECURITY;

-- Name: event_consumers; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.event_consumers ENABLE ROW LEVEL SECURITY;

-- Name: events; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.events ENABLE ROW LEVEL SECURITY;

-- Name: idempotent_requests; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.idempotent_requests ENABLE ROW LEVEL SECURITY;

-- Name: media; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.media ENABLE ROW LEVEL SECURITY;

-- Name: media_files; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.media_files ENABLE ROW LEVEL SECURITY;

-- Name: message_history; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.message_history ENABLE ROW LEVEL SECURITY;

-- Name: message_reactions; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.message_reactions ENABLE ROW LEVEL SECURITY;

-- Name: message_statuses; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.message_statuses ENABLE ROW LEVEL SECURITY;

-- Name: messages; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.messages ENABLE ROW LEVEL SECURITY;

-- Name: outbox; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.outbox ENABLE ROW LEVEL SECURITY;

-- Name: tenant_roles own_bindings; Type: POLICY; Schema: pigeonpost
CREATE POLICY own_bindings ON pigeonpost.tenant_roles FOR SELECT USING (pg_has_role((role)::oid, 'usage'::text));

-- Name: parked_updates; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.parked_updates ENABLE ROW LEVEL SECURITY;

-- Name: provider_routes; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.provider_routes ENABLE ROW LEVEL SECURITY;

-- Name: tenant_roles; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.tenant_roles ENABLE ROW LEVEL SECURITY;

-- Name: accounts tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.accounts USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: api_keys tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.api_keys USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: conversation_participants tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.conversation_participants USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: conversations tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.conversations USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: customer_identities tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.customer_identities USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: customers tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.customers USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: delivery_attempts tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.delivery_attempts USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK ((((tenant_id = (NULLIF(current_setting('pigeonpost.tenant'::text, true), ''::text))::integer) AND pg_has_role('pigeonpost_app'::name, 'usage'::text)) OR (EXISTS ( SELECT
   FROM pigeonpost.tenant_roles r
  WHERE ((r.tenant_id = ANY (ARRAY[delivery_attempts.tenant_id, 0])) AND pg_has_role((r.role)::oid, 'usage'::text))))));

-- Name: event_consumers tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.event_consumers USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: events tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.events USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: idempotent_requests tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.idempotent_requests USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: media tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.media USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: media_files tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.media_files USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: message_history tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.message_history USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: message_reactions tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.message_reactions USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: message_statuses tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.message_statuses USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: messages tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.messages USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: outbox tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.outbox USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK ((((tenant_id = (NULLIF(current_setting('pigeonpost.tenant'::text, true), ''::text))::integer) AND pg_has_role('pigeonpost_app'::name, 'usage'::text)) OR (EXISTS ( SELECT
   FROM pigeonpost.tenant_roles r
  WHERE ((r.tenant_id = ANY (ARRAY[outbox.tenant_id, 0])) AND pg_has_role((r.role)::oid, 'usage'::text))))));

-- Name: parked_updates tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.parked_updates USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: provider_routes tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.provider_routes USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: tenants tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.tenants USING ((((tenant_id = (NULLIF(current_setting('pigeonpost.tenant'::text, true), ''::text))::integer) AND pg_has_role('pigeonpost_app'::name, 'usage'::text)) OR (EXISTS ( SELECT
   FROM pigeonpost.tenant_roles r
  WHERE ((r.tenant_id = ANY (ARRAY[tenants.tenant_id, 0])) AND pg_has_role((r.role)::oid, 'usage'::text)))))) WITH CHECK ((((tenant_id = (NULLIF(current_setting('pigeonpost.tenant'::text, true), ''::text))::integer) AND pg_has_role('pigeonpost_app'::name, 'usage'::text)) OR (EXISTS ( SELECT
   FROM pigeonpost.tenant_roles r
  WHERE ((r.tenant_id = ANY (ARRAY[tenants.tenant_id, 0])) AND pg_has_role((r.role)::oid, 'usage'::text))))));

-- Name: threads tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.threads USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: webhook_inbox tenant_rows; Type: POLICY; Schema: pigeonpost
CREATE POLICY tenant_rows ON pigeonpost.webhook_inbox USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK (true);

-- Name: tenants; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.tenants ENABLE ROW LEVEL SECURITY;

-- Name: threads; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.threads ENABLE ROW LEVEL SECURITY;

-- Name: webhook_inbox; Type: ROW SECURITY; Schema: pigeonpost
ALTER TABLE pigeonpost.webhook_inbox ENABLE ROW LEVEL SECURITY;

-- Name: account_days; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.account_days ENABLE ROW LEVEL SECURITY;

-- Name: account_limits; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.account_limits ENABLE ROW LEVEL SECURITY;

-- Name: account_wakeups; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.account_wakeups ENABLE ROW LEVEL SECURITY;

-- Name: media_tasks; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.media_tasks ENABLE ROW LEVEL SECURITY;

-- Name: message_counts; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.message_counts ENABLE ROW LEVEL SECURITY;

-- Name: message_spans; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.message_spans ENABLE ROW LEVEL SECURITY;

-- Name: provider_breakers; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.provider_breakers ENABLE ROW LEVEL SECURITY;

-- Name: recipient_limits; Type: ROW SECURITY; Schema: pigeonpost_private
ALTER TABLE pigeonpost_private.recipient_limits ENABLE ROW LEVEL SECURITY;

-- Name: account_days tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.account_days USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: account_limits tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.account_limits USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: account_wakeups tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.account_wakeups USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK ((((tenant_id = (NULLIF(current_setting('pigeonpost.tenant'::text, true), ''::text))::integer) AND pg_has_role('pigeonpost_app'::name, 'usage'::text)) OR (EXISTS ( SELECT
   FROM pigeonpost.tenant_roles r
  WHERE ((r.tenant_id = ANY (ARRAY[account_wakeups.tenant_id, 0])) AND pg_has_role((r.role)::oid, 'usage'::text))))));

-- Name: media_tasks tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.media_tasks USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]))) WITH CHECK ((((tenant_id = (NULLIF(current_setting('pigeonpost.tenant'::text, true), ''::text))::integer) AND pg_has_role('pigeonpost_app'::name, 'usage'::text)) OR (EXISTS ( SELECT
   FROM pigeonpost.tenant_roles r
  WHERE ((r.tenant_id = ANY (ARRAY[media_tasks.tenant_id, 0])) AND pg_has_role((r.role)::oid, 'usage'::text))))));

-- Name: message_counts tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.message_counts FOR SELECT USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: message_spans tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.message_spans FOR SELECT USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: provider_breakers tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.provider_breakers USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: recipient_limits tenant_rows; Type: POLICY; Schema: pigeonpost_private
CREATE POLICY tenant_rows ON pigeonpost_private.recipient_limits USING ((tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));

-- Name: SCHEMA pigeonpost; Type: ACL; Schema: -
GRANT USAGE ON SCHEMA pigeonpost TO pigeonpost_bridge;
GRANT USAGE ON SCHEMA pigeonpost TO pigeonpost_reader;
GRANT USAGE ON SCHEMA pigeonpost TO pigeonpost_app;

-- Name: SCHEMA pigeonpost_private; Type: ACL; Schema: -
GRANT USAGE ON SCHEMA pigeonpost_private TO pigeonpost_app;
GRANT CREATE ON SCHEMA pigeonpost_private TO pigeonpost_ingest;

-- Name: FUNCTION apply_parked_updates(p_tenant_id integer, p_message_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.apply_parked_updates(p_tenant_id integer, p_message_id uuid) TO pigeonpost_app;

-- Name: FUNCTION apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.apply_receipts(p_tenant_id integer, p_ids uuid[], p_statuses text[], p_times timestamp with time zone[]) TO pigeonpost_app;

-- Name: FUNCTION apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.apply_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_app;

-- Name: FUNCTION apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.apply_update_to(p_tenant_id integer, p_message_id uuid, p_update jsonb) TO pigeonpost_app;

-- Name: FUNCTION archive_thread(p_tenant_id integer, p_thread_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.archive_thread(p_tenant_id integer, p_thread_id uuid) TO pigeonpost_app;

-- Name: FUNCTION consume_events(p_consumer text, p_tenant_id integer, p_limit integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.consume_events(p_consumer text, p_tenant_id integer, p_limit integer) TO pigeonpost_app;

-- Name: FUNCTION conversation_counters(p_tenant_id integer, p_conversation_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.conversation_counters(p_tenant_id integer, p_conversation_id uuid) TO pigeonpost_app;

-- Name: FUNCTION current_customer(p_tenant_id integer, p_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.current_customer(p_tenant_id integer, p_id uuid) TO pigeonpost_app;

-- Name: FUNCTION customer_counters(p_tenant_id integer, p_customer_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.customer_counters(p_tenant_id integer, p_customer_id uuid) TO pigeonpost_app;

-- Name: FUNCTION dismiss_webhooks(p_tenant_id integer, p_ids uuid[]); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.dismiss_webhooks(p_tenant_id integer, p_ids uuid[]) TO pigeonpost_app;

-- Name: FUNCTION event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.event_payload(p_tenant_id integer, p_event_id uuid, p_type text, p_message_id uuid, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_payload jsonb, p_created_at timestamp with time zone) TO pigeonpost_app;

-- Name: FUNCTION find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.find_message(p_tenant_id integer, p_channel text, p_external_message_id text, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_app;

-- Name: FUNCTION fold(p_limit integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.fold(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.fold(p_limit integer) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.fold(p_limit integer) TO pigeonpost_app;

-- Name: FUNCTION grant_tenant(p_role name, p_tenant_id integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.grant_tenant(p_role name, p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION has_control_characters(p_body text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.has_control_characters(p_body text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.has_control_characters(p_body text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.has_control_characters(p_body text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.has_control_characters(p_body text) TO pigeonpost_app;

-- Name: FUNCTION identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.identify_message(p_tenant_id integer, p_channel text, p_reference text, p_external_message_id text, p_account_id uuid) TO pigeonpost_app;

-- Name: FUNCTION ingest(p_messages jsonb); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.ingest(p_messages jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.ingest(p_messages jsonb) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.ingest(p_messages jsonb) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.ingest(p_messages jsonb) TO pigeonpost_app;

-- Name: FUNCTION is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.is_chat(p_tenant_id integer, p_conversation_id uuid, p_external_id text) TO pigeonpost_app;

-- Name: FUNCTION is_content_type(p_content_type text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.is_content_type(p_content_type text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.is_content_type(p_content_type text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.is_content_type(p_content_type text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.is_content_type(p_content_type text) TO pigeonpost_app;

-- Name: FUNCTION is_phone(p_address text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.is_phone(p_address text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.is_phone(p_address text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.is_phone(p_address text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.is_phone(p_address text) TO pigeonpost_app;

-- Name: FUNCTION is_phone_channel(p_channel text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.is_phone_channel(p_channel text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.is_phone_channel(p_channel text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.is_phone_channel(p_channel text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.is_phone_channel(p_channel text) TO pigeonpost_app;

-- Name: FUNCTION log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.log_after(p_tenant_id integer, p_after bigint, p_up_to bigint, p_limit integer) TO pigeonpost_app;

-- Name: FUNCTION log_floor(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.log_floor() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.log_floor() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.log_floor() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.log_floor() TO pigeonpost_app;

-- Name: FUNCTION mark_processed(p_tenant_id integer, p_ids uuid[]); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.mark_processed(p_tenant_id integer, p_ids uuid[]) TO pigeonpost_app;

-- Name: FUNCTION merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.merge_customers(p_tenant_id integer, p_winner uuid, p_loser uuid) TO pigeonpost_app;

-- Name: FUNCTION message_of_attempt(p_tenant_id integer, p_attempt_id uuid); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.message_of_attempt(p_tenant_id integer, p_attempt_id uuid) TO pigeonpost_app;

-- Name: FUNCTION my_tenants(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.my_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.my_tenants() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.my_tenants() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.my_tenants() TO pigeonpost_app;

-- Name: FUNCTION normalise_update(p_channel text, p_update jsonb); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.normalise_update(p_channel text, p_update jsonb) TO pigeonpost_app;

-- Name: FUNCTION normalize_address(p_channel text, p_address text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.normalize_address(p_channel text, p_address text) TO pigeonpost_app;

-- Name: FUNCTION problem_of(p_status text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.problem_of(p_status text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.problem_of(p_status text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.problem_of(p_status text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.problem_of(p_status text) TO pigeonpost_app;

-- Name: FUNCTION read_events(p_after bigint, p_limit integer, p_tenant_id integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.read_events(p_after bigint, p_limit integer, p_tenant_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.read_events(p_after bigint, p_limit integer, p_tenant_id integer) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.read_events(p_after bigint, p_limit integer, p_tenant_id integer) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.read_events(p_after bigint, p_limit integer, p_tenant_id integer) TO pigeonpost_app;

-- Name: FUNCTION revoke_tenant(p_role name, p_tenant_id integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.revoke_tenant(p_role name, p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION sanitize_body(p_body text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.sanitize_body(p_body text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.sanitize_body(p_body text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.sanitize_body(p_body text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.sanitize_body(p_body text) TO pigeonpost_app;

-- Name: FUNCTION settle_events(p_tenant_id integer); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.settle_events(p_tenant_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.settle_events(p_tenant_id integer) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.settle_events(p_tenant_id integer) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.settle_events(p_tenant_id integer) TO pigeonpost_app;

-- Name: FUNCTION status_may_change(p_direction text, p_from text, p_to text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.status_may_change(p_direction text, p_from text, p_to text) TO pigeonpost_app;

-- Name: FUNCTION status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.status_payload(p_direction text, p_status text, p_previous_status text, p_error_code text, p_content_type text) TO pigeonpost_app;

-- Name: FUNCTION tg_et_messages__insert(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.tg_et_messages__insert() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.tg_et_messages__insert() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.tg_et_messages__insert() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.tg_et_messages__insert() TO pigeonpost_app;

-- Name: FUNCTION tg_et_messages__update(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.tg_et_messages__update() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.tg_et_messages__update() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.tg_et_messages__update() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.tg_et_messages__update() TO pigeonpost_app;

-- Name: FUNCTION tg_et_threads__insert(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.tg_et_threads__insert() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.tg_et_threads__insert() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.tg_et_threads__insert() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.tg_et_threads__insert() TO pigeonpost_app;

-- Name: FUNCTION tg_et_threads__update(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.tg_et_threads__update() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.tg_et_threads__update() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.tg_et_threads__update() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.tg_et_threads__update() TO pigeonpost_app;

-- Name: FUNCTION uuid_v7(); Type: ACL; Schema: pigeonpost
REVOKE ALL ON FUNCTION pigeonpost.uuid_v7() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost.uuid_v7() TO pigeonpost_bridge;
GRANT ALL ON FUNCTION pigeonpost.uuid_v7() TO pigeonpost_reader;
GRANT ALL ON FUNCTION pigeonpost.uuid_v7() TO pigeonpost_app;

-- Name: FUNCTION accept_message(p_tenant_id integer, p_message_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.accept_message(p_tenant_id integer, p_message_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.accept_message(p_tenant_id integer, p_message_id uuid) TO pigeonpost_app;

-- Name: FUNCTION accounts_named(p_tenant_id integer, p_named jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.accounts_named(p_tenant_id integer, p_named jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.accounts_named(p_tenant_id integer, p_named jsonb) TO pigeonpost_app;

-- Name: FUNCTION add_media_task(p_tenant_id integer, p_kind text, p_subject text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.add_media_task(p_tenant_id integer, p_kind text, p_subject text) FROM PUBLIC;

-- Name: FUNCTION append_event(p_tenant_id integer, p_type text, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_message_id uuid, p_payload jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.append_event(p_tenant_id integer, p_type text, p_conversation_id uuid, p_thread_id uuid, p_customer_id uuid, p_account_id uuid, p_message_id uuid, p_payload jsonb) FROM PUBLIC;

-- Name: FUNCTION apply_plain_receipts(p_tenant_id integer, p_updates jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.apply_plain_receipts(p_tenant_id integer, p_updates jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.apply_plain_receipts(p_tenant_id integer, p_updates jsonb) TO pigeonpost_app;

-- Name: FUNCTION apply_updates(p_tenant_id integer, p_updates jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.apply_updates(p_tenant_id integer, p_updates jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.apply_updates(p_tenant_id integer, p_updates jsonb) TO pigeonpost_app;

-- Name: FUNCTION caller_is_bound_to(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.caller_is_bound_to(p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION change_group(p_tenant_id integer, p_change jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.change_group(p_tenant_id integer, p_change jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.change_group(p_tenant_id integer, p_change jsonb) TO pigeonpost_app;

-- Name: FUNCTION choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.choose_provider(p_routes jsonb, p_address text, p_content_type text, p_attempts integer, p_attempt_id uuid, p_provider text, OUT provider text, OUT reason text, OUT keyed boolean) TO pigeonpost_app;

-- Name: FUNCTION clock(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.clock() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.clock() TO pigeonpost_app;

-- Name: FUNCTION complete_messages(p_tenant_id integer, p_messages jsonb, p_answers jsonb, p_ordinals bigint[], p_ids uuid[]); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.complete_messages(p_tenant_id integer, p_messages jsonb, p_answers jsonb, p_ordinals bigint[], p_ids uuid[]) FROM PUBLIC;

-- Name: FUNCTION count_changes(p_tenant_id integer, p_after bigint, p_up_to bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.count_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.count_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) TO pigeonpost_app;

-- Name: FUNCTION counter_changes(p_tenant_id integer, p_after bigint, p_up_to bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.counter_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.counter_changes(p_tenant_id integer, p_after bigint, p_up_to bigint) TO pigeonpost_app;

-- Name: FUNCTION created_payload(p_direction text, p_content_type text, p_status text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.created_payload(p_direction text, p_content_type text, p_status text) FROM PUBLIC;

-- Name: FUNCTION day_start(p_day date, p_time_zone text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.day_start(p_day date, p_time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.day_start(p_day date, p_time_zone text) TO pigeonpost_app;

-- Name: FUNCTION default_account(p_tenant_id integer, p_channel text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.default_account(p_tenant_id integer, p_channel text) FROM PUBLIC;

-- Name: FUNCTION drop_partition(p_name text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.drop_partition(p_name text) FROM PUBLIC;

-- Name: FUNCTION enqueue_message(p_tenant_id integer, p_message_id uuid, p_account_id uuid, p_number bigint, p_priority smallint, p_due_at timestamp with time zone, p_valid_until timestamp with time zone, p_address text, p_attempt integer, p_attempt_id uuid, p_provider text, p_accepted_on date); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.enqueue_message(p_tenant_id integer, p_message_id uuid, p_account_id uuid, p_number bigint, p_priority smallint, p_due_at timestamp with time zone, p_valid_until timestamp with time zone, p_address text, p_attempt integer, p_attempt_id uuid, p_provider text, p_accepted_on date) FROM PUBLIC;

-- Name: FUNCTION ensure_participant(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.ensure_participant(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) FROM PUBLIC;

-- Name: FUNCTION ensure_tenant(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.ensure_tenant(p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION exact_counters(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.exact_counters(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.exact_counters(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) TO pigeonpost_app;

-- Name: FUNCTION expired_partitions(p_keep interval, p_lapse interval); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.expired_partitions(p_keep interval, p_lapse interval) FROM PUBLIC;

-- Name: FUNCTION extend_log(p_size bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.extend_log(p_size bigint) FROM PUBLIC;

-- Name: FUNCTION extend_spans(p_tenant_id integer, p_up_to bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.extend_spans(p_tenant_id integer, p_up_to bigint) FROM PUBLIC;

-- Name: FUNCTION find_answered(p_tenant_id integer, p_channel text, p_account_id uuid, p_named jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_answered(p_tenant_id integer, p_channel text, p_account_id uuid, p_named jsonb) FROM PUBLIC;

-- Name: SEQUENCE conversations_number_seq; Type: ACL; Schema: pigeonpost
GRANT USAGE ON SEQUENCE pigeonpost.conversations_number_seq TO pigeonpost_app;

-- Name: TABLE conversations; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.conversations TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.conversations TO pigeonpost_bridge;
GRANT SELECT,INSERT ON TABLE pigeonpost.conversations TO pigeonpost_app;

-- Name: COLUMN conversations.status; Type: ACL; Schema: pigeonpost
GRANT UPDATE(status) ON TABLE pigeonpost.conversations TO pigeonpost_app;

-- Name: COLUMN conversations.external_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(external_id) ON TABLE pigeonpost.conversations TO pigeonpost_app;

-- Name: COLUMN conversations.group_name; Type: ACL; Schema: pigeonpost
GRANT UPDATE(group_name) ON TABLE pigeonpost.conversations TO pigeonpost_app;

-- Name: COLUMN conversations.group_avatar; Type: ACL; Schema: pigeonpost
GRANT UPDATE(group_avatar) ON TABLE pigeonpost.conversations TO pigeonpost_app;

-- Name: COLUMN conversations.group_metadata; Type: ACL; Schema: pigeonpost
GRANT UPDATE(group_metadata) ON TABLE pigeonpost.conversations TO pigeonpost_app;

-- Name: FUNCTION find_conversation(p_tenant_id integer, p_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_conversation(p_tenant_id integer, p_id uuid) FROM PUBLIC;

-- Name: FUNCTION find_or_open_account(p_tenant_id integer, p_channel text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_or_open_account(p_tenant_id integer, p_channel text) FROM PUBLIC;

-- Name: FUNCTION find_or_open_customer(p_tenant_id integer, p_channel text, p_address text, p_name text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_or_open_customer(p_tenant_id integer, p_channel text, p_address text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.find_or_open_customer(p_tenant_id integer, p_channel text, p_address text, p_name text) TO pigeonpost_app;

-- Name: FUNCTION find_or_open_direct(p_tenant_id integer, p_account_id uuid, p_channel text, p_customer_id uuid, p_address text, p_external_id text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_or_open_direct(p_tenant_id integer, p_account_id uuid, p_channel text, p_customer_id uuid, p_address text, p_external_id text) FROM PUBLIC;

-- Name: FUNCTION find_or_open_group(p_tenant_id integer, p_account_id uuid, p_channel text, p_external_id text, p_name text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_or_open_group(p_tenant_id integer, p_account_id uuid, p_channel text, p_external_id text, p_name text) FROM PUBLIC;

-- Name: FUNCTION find_or_open_lead(p_tenant_id integer, p_lead_id bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.find_or_open_lead(p_tenant_id integer, p_lead_id bigint) FROM PUBLIC;

-- Name: FUNCTION fold_counts(p_tenant_id integer, p_after bigint, p_up_to bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.fold_counts(p_tenant_id integer, p_after bigint, p_up_to bigint) FROM PUBLIC;

-- Name: FUNCTION fold_range(p_tenant_id integer, p_after bigint, p_up_to bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.fold_range(p_tenant_id integer, p_after bigint, p_up_to bigint) FROM PUBLIC;

-- Name: FUNCTION fold_tenant(p_tenant_id integer, p_settled bigint, p_limit integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.fold_tenant(p_tenant_id integer, p_settled bigint, p_limit integer) FROM PUBLIC;

-- Name: FUNCTION folded_id(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.folded_id(p_tenant_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.folded_id(p_tenant_id integer) TO pigeonpost_app;

-- Name: FUNCTION follow_up_batch(p_tenant_id integer, p_ids uuid[]); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.follow_up_batch(p_tenant_id integer, p_ids uuid[]) FROM PUBLIC;

-- Name: FUNCTION give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.give_back_rate(p_tenant_id integer, p_account_id uuid, p_count integer) TO pigeonpost_app;

-- Name: FUNCTION inbox_row(p_inbox jsonb, p_refusal jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.inbox_row(p_inbox jsonb, p_refusal jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.inbox_row(p_inbox jsonb, p_refusal jsonb) TO pigeonpost_app;

-- Name: FUNCTION insert_batch(p_tenant_id integer, p_messages jsonb, p_may_open boolean, OUT ordinals bigint[], OUT ids uuid[], OUT numbers bigint[], OUT copies jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.insert_batch(p_tenant_id integer, p_messages jsonb, p_may_open boolean, OUT ordinals bigint[], OUT ids uuid[], OUT numbers bigint[], OUT copies jsonb) FROM PUBLIC;

-- Name: FUNCTION is_callers_error(p_sqlstate text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.is_callers_error(p_sqlstate text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.is_callers_error(p_sqlstate text) TO pigeonpost_app;

-- Name: FUNCTION is_plain_address(p_channel text, p_address text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.is_plain_address(p_channel text, p_address text) FROM PUBLIC;

-- Name: FUNCTION iso_8601(p_time timestamp with time zone); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.iso_8601(p_time timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.iso_8601(p_time timestamp with time zone) TO pigeonpost_app;

-- Name: FUNCTION keep_webhooks(p_tenant_id integer, p_webhooks jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.keep_webhooks(p_tenant_id integer, p_webhooks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.keep_webhooks(p_tenant_id integer, p_webhooks jsonb) TO pigeonpost_app;

-- Name: FUNCTION last_log_id(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.last_log_id() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.last_log_id() TO pigeonpost_app;

-- Name: FUNCTION last_message_at(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.last_message_at(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.last_message_at(p_tenant_id integer, p_conversation_id uuid, p_customer_id uuid) TO pigeonpost_app;

-- Name: FUNCTION learn_address(p_tenant_id integer, p_channel text, p_address text, p_customer_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.learn_address(p_tenant_id integer, p_channel text, p_address text, p_customer_id uuid) FROM PUBLIC;

-- Name: FUNCTION link_addresses(p_tenant_id integer, p_channel text, p_address text, p_alternate text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.link_addresses(p_tenant_id integer, p_channel text, p_address text, p_alternate text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.link_addresses(p_tenant_id integer, p_channel text, p_address text, p_alternate text) TO pigeonpost_app;

-- Name: FUNCTION living_customer(p_tenant_id integer, p_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.living_customer(p_tenant_id integer, p_id uuid) FROM PUBLIC;

-- Name: FUNCTION lock_bucket(p_external_message_id text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.lock_bucket(p_external_message_id text) FROM PUBLIC;

-- Name: FUNCTION lock_class(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.lock_class(p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.lock_external_ids(p_tenant_id integer, p_messages text[], p_updates text[]) TO pigeonpost_app;

-- Name: FUNCTION lock_salt(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.lock_salt() FROM PUBLIC;

-- Name: FUNCTION log_partitions(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.log_partitions() FROM PUBLIC;

-- Name: FUNCTION log_writers(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.log_writers() FROM PUBLIC;

-- Name: FUNCTION may_notify(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.may_notify() FROM PUBLIC;

-- Name: TABLE media; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.media TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.media TO pigeonpost_bridge;
GRANT SELECT,INSERT,DELETE ON TABLE pigeonpost.media TO pigeonpost_app;

-- Name: COLUMN media.file_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(file_id) ON TABLE pigeonpost.media TO pigeonpost_app;

-- Name: COLUMN media.filename; Type: ACL; Schema: pigeonpost
GRANT UPDATE(filename) ON TABLE pigeonpost.media TO pigeonpost_app;

-- Name: COLUMN media.status; Type: ACL; Schema: pigeonpost
GRANT UPDATE(status) ON TABLE pigeonpost.media TO pigeonpost_app;

-- Name: COLUMN media.error_code; Type: ACL; Schema: pigeonpost
GRANT UPDATE(error_code) ON TABLE pigeonpost.media TO pigeonpost_app;

-- Name: COLUMN media.error_message; Type: ACL; Schema: pigeonpost
GRANT UPDATE(error_message) ON TABLE pigeonpost.media TO pigeonpost_app;

-- Name: TABLE messages; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.messages TO pigeonpost_reader;
GRANT SELECT,INSERT ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT SELECT,INSERT ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.sent_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(sent_at) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(sent_at) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.delivered_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(delivered_at) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(delivered_at) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.read_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(read_at) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(read_at) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.failed_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(failed_at) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(failed_at) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.revoked_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(revoked_at) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(revoked_at) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.scheduled_for; Type: ACL; Schema: pigeonpost
GRANT UPDATE(scheduled_for) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.valid_until; Type: ACL; Schema: pigeonpost
GRANT UPDATE(valid_until) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.attempts; Type: ACL; Schema: pigeonpost
GRANT UPDATE(attempts) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.priority; Type: ACL; Schema: pigeonpost
GRANT UPDATE(priority) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.is_processed; Type: ACL; Schema: pigeonpost
GRANT UPDATE(is_processed) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(is_processed) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.is_from_bot; Type: ACL; Schema: pigeonpost
GRANT UPDATE(is_from_bot) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.media_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(media_id) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.reply_to_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(reply_to_id) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.external_message_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(external_message_id) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(external_message_id) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.content_type; Type: ACL; Schema: pigeonpost
GRANT UPDATE(content_type) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.status; Type: ACL; Schema: pigeonpost
GRANT UPDATE(status) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(status) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.body; Type: ACL; Schema: pigeonpost
GRANT UPDATE(body) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(body) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.metadata; Type: ACL; Schema: pigeonpost
GRANT UPDATE(metadata) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(metadata) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.media_url; Type: ACL; Schema: pigeonpost
GRANT UPDATE(media_url) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(media_url) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.raw; Type: ACL; Schema: pigeonpost
GRANT UPDATE(raw) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(raw) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.provider; Type: ACL; Schema: pigeonpost
GRANT UPDATE(provider) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.error_code; Type: ACL; Schema: pigeonpost
GRANT UPDATE(error_code) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(error_code) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.error_message; Type: ACL; Schema: pigeonpost
GRANT UPDATE(error_message) ON TABLE pigeonpost.messages TO pigeonpost_bridge;
GRANT UPDATE(error_message) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: COLUMN messages.campaign_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(campaign_id) ON TABLE pigeonpost.messages TO pigeonpost_app;

-- Name: FUNCTION media_of(p_message pigeonpost.messages); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.media_of(p_message pigeonpost.messages) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.media_of(p_message pigeonpost.messages) TO pigeonpost_app;

-- Name: FUNCTION media_state(p_message pigeonpost.messages); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.media_state(p_message pigeonpost.messages) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.media_state(p_message pigeonpost.messages) TO pigeonpost_app;

-- Name: FUNCTION merge_conversation(p_tenant_id integer, p_winner uuid, p_loser uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.merge_conversation(p_tenant_id integer, p_winner uuid, p_loser uuid) FROM PUBLIC;

-- Name: FUNCTION message_defaults(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.message_defaults() FROM PUBLIC;

-- Name: FUNCTION message_fields(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.message_fields() FROM PUBLIC;

-- Name: FUNCTION next_log_id(p_tenant_id integer, p_after bigint); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.next_log_id(p_tenant_id integer, p_after bigint) FROM PUBLIC;

-- Name: FUNCTION normalise_message(p_message pigeonpost.messages); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.normalise_message(p_message pigeonpost.messages) FROM PUBLIC;

-- Name: FUNCTION note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.note_provider(p_tenant_id integer, p_provider text, p_succeeded boolean, p_failures integer, p_error text) TO pigeonpost_app;

-- Name: FUNCTION notification(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.notification(p_event_id uuid, p_id bigint, p_type text, p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION notify_lock_class(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.notify_lock_class() FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.notify_lock_class() TO pigeonpost_app;

-- Name: FUNCTION number_ranges(p_tenant_id integer, p_since timestamp with time zone, p_until timestamp with time zone); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.number_ranges(p_tenant_id integer, p_since timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.number_ranges(p_tenant_id integer, p_since timestamp with time zone, p_until timestamp with time zone) TO pigeonpost_app;

-- Name: FUNCTION open_conversations(p_tenant_id integer, p_wanted jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.open_conversations(p_tenant_id integer, p_wanted jsonb) FROM PUBLIC;

-- Name: FUNCTION open_thread(p_tenant_id integer, p_thread_id uuid, p_conversation_id uuid, p_customer_id uuid, p_channel text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.open_thread(p_tenant_id integer, p_thread_id uuid, p_conversation_id uuid, p_customer_id uuid, p_channel text) FROM PUBLIC;

-- Name: FUNCTION place_elements(p_elements jsonb, p_accounts jsonb, p_moved jsonb, p_chat text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.place_elements(p_elements jsonb, p_accounts jsonb, p_moved jsonb, p_chat text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.place_elements(p_elements jsonb, p_accounts jsonb, p_moved jsonb, p_chat text) TO pigeonpost_app;

-- Name: FUNCTION prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.prune(p_tenant_id integer, p_batch integer, p_is_dry_run boolean) TO pigeonpost_app;

-- Name: FUNCTION read_counts(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.read_counts(p_tenant_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.read_counts(p_tenant_id integer) TO pigeonpost_app;

-- Name: FUNCTION receive(p_tenant_id integer, p_items jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.receive(p_tenant_id integer, p_items jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.receive(p_tenant_id integer, p_items jsonb) TO pigeonpost_app;

-- Name: FUNCTION receive_contents(p_tenant_id integer, p_items jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.receive_contents(p_tenant_id integer, p_items jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.receive_contents(p_tenant_id integer, p_items jsonb) TO pigeonpost_app;

-- Name: FUNCTION receive_one(p_tenant_id integer, p_item jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.receive_one(p_tenant_id integer, p_item jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.receive_one(p_tenant_id integer, p_item jsonb) TO pigeonpost_app;

-- Name: FUNCTION refer_media(p_message pigeonpost.messages); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.refer_media(p_message pigeonpost.messages) FROM PUBLIC;

-- Name: FUNCTION refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.refusal(p_sqlstate text, p_constraint text, p_column text, p_message text, p_hint text) TO pigeonpost_app;

-- Name: FUNCTION relay_notifies(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.relay_notifies() FROM PUBLIC;

-- Name: FUNCTION resolve_message(p_message pigeonpost.messages); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.resolve_message(p_message pigeonpost.messages) FROM PUBLIC;

-- Name: FUNCTION retention_kinds(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.retention_kinds() FROM PUBLIC;

-- Name: FUNCTION sent_at_is(p_sent_at timestamp with time zone); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.sent_at_is(p_sent_at timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION sent_since(p_tenant_id integer, p_since timestamp with time zone); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.sent_since(p_tenant_id integer, p_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.sent_since(p_tenant_id integer, p_since timestamp with time zone) TO pigeonpost_app;

-- Name: FUNCTION settle_log(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.settle_log(p_tenant_id integer) FROM PUBLIC;

-- Name: FUNCTION store_message(p_tenant_id integer, p_message jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.store_message(p_tenant_id integer, p_message jsonb) FROM PUBLIC;

-- Name: FUNCTION take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.take_day(p_tenant_id integer, p_account_id uuid, p_wanted integer, p_at timestamp with time zone, OUT granted integer, OUT day date, OUT next_day timestamp with time zone) TO pigeonpost_app;

-- Name: FUNCTION take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.take_probe(p_tenant_id integer, p_provider text, p_lease_ms double precision) TO pigeonpost_app;

-- Name: FUNCTION take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.take_rate(p_tenant_id integer, p_account_id uuid, p_wanted integer, OUT granted integer, OUT again_in_ms double precision) TO pigeonpost_app;

-- Name: FUNCTION take_write_lock(p_tenant_id integer, p_external_message_id text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.take_write_lock(p_tenant_id integer, p_external_message_id text) FROM PUBLIC;

-- Name: FUNCTION tenant_of_account(p_account_id uuid); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tenant_of_account(p_account_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.tenant_of_account(p_account_id uuid) TO pigeonpost_app;

-- Name: FUNCTION tg__check_multi(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg__check_multi() FROM PUBLIC;

-- Name: FUNCTION tg__guard(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg__guard() FROM PUBLIC;

-- Name: FUNCTION tg_accounts__emit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_accounts__emit() FROM PUBLIC;

-- Name: FUNCTION tg_accounts__normalise(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_accounts__normalise() FROM PUBLIC;

-- Name: FUNCTION tg_accounts__relimit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_accounts__relimit() FROM PUBLIC;

-- Name: FUNCTION tg_accounts__wake(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_accounts__wake() FROM PUBLIC;

-- Name: FUNCTION tg_conversation_participants__emit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversation_participants__emit() FROM PUBLIC;

-- Name: FUNCTION tg_conversation_participants__keep_direct(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversation_participants__keep_direct() FROM PUBLIC;

-- Name: FUNCTION tg_conversation_participants__normalise(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversation_participants__normalise() FROM PUBLIC;

-- Name: FUNCTION tg_conversations__archive_thread(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversations__archive_thread() FROM PUBLIC;

-- Name: FUNCTION tg_conversations__emit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversations__emit() FROM PUBLIC;

-- Name: FUNCTION tg_conversations__normalise(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversations__normalise() FROM PUBLIC;

-- Name: FUNCTION tg_conversations__open(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_conversations__open() FROM PUBLIC;

-- Name: FUNCTION tg_customer_identities__forget(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_customer_identities__forget() FROM PUBLIC;

-- Name: FUNCTION tg_customer_identities__normalise(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_customer_identities__normalise() FROM PUBLIC;

-- Name: FUNCTION tg_customers__emit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_customers__emit() FROM PUBLIC;

-- Name: FUNCTION tg_customers__identify(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_customers__identify() FROM PUBLIC;

-- Name: FUNCTION tg_customers__merge(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_customers__merge() FROM PUBLIC;

-- Name: FUNCTION tg_customers__normalise(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_customers__normalise() FROM PUBLIC;

-- Name: FUNCTION tg_event_consumers__not_later(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_event_consumers__not_later() FROM PUBLIC;

-- Name: FUNCTION tg_ingest_batches__ingest(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_ingest_batches__ingest() FROM PUBLIC;

-- Name: FUNCTION tg_media__copy(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_media__copy() FROM PUBLIC;

-- Name: FUNCTION tg_media__drop_file(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_media__drop_file() FROM PUBLIC;

-- Name: FUNCTION tg_media__emit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_media__emit() FROM PUBLIC;

-- Name: FUNCTION tg_media__take_content(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_media__take_content() FROM PUBLIC;

-- Name: FUNCTION tg_media_files__follow(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_media_files__follow() FROM PUBLIC;

-- Name: FUNCTION tg_media_files__touch(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_media_files__touch() FROM PUBLIC;

-- Name: FUNCTION tg_message_statuses__number(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_message_statuses__number() FROM PUBLIC;

-- Name: FUNCTION tg_messages__advance(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__advance() FROM PUBLIC;

-- Name: FUNCTION tg_messages__apply_parked(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__apply_parked() FROM PUBLIC;

-- Name: FUNCTION tg_messages__follow_up(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__follow_up() FROM PUBLIC;

-- Name: FUNCTION tg_messages__history(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__history() FROM PUBLIC;

-- Name: FUNCTION tg_messages__leave_events(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__leave_events() FROM PUBLIC;

-- Name: FUNCTION tg_messages__leave_outbox(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__leave_outbox() FROM PUBLIC;

-- Name: FUNCTION tg_messages__lock_external_id(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__lock_external_id() FROM PUBLIC;

-- Name: FUNCTION tg_messages__reclassify(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__reclassify() FROM PUBLIC;

-- Name: FUNCTION tg_messages__record_status(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__record_status() FROM PUBLIC;

-- Name: FUNCTION tg_messages__refer(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__refer() FROM PUBLIC;

-- Name: FUNCTION tg_messages__refetch(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__refetch() FROM PUBLIC;

-- Name: FUNCTION tg_messages__refuse_number(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__refuse_number() FROM PUBLIC;

-- Name: FUNCTION tg_messages__remove_from_outbox(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__remove_from_outbox() FROM PUBLIC;

-- Name: FUNCTION tg_messages__reorder(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__reorder() FROM PUBLIC;

-- Name: FUNCTION tg_messages__requeue(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__requeue() FROM PUBLIC;

-- Name: FUNCTION tg_messages__resolve(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_messages__resolve() FROM PUBLIC;

-- Name: FUNCTION tg_parked_updates__apply(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_parked_updates__apply() FROM PUBLIC;

-- Name: FUNCTION tg_parked_updates__lock(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_parked_updates__lock() FROM PUBLIC;

-- Name: FUNCTION tg_provider_routes__wake(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_provider_routes__wake() FROM PUBLIC;

-- Name: FUNCTION tg_tenants__open_log(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_tenants__open_log() FROM PUBLIC;

-- Name: FUNCTION tg_threads__emit(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_threads__emit() FROM PUBLIC;

-- Name: FUNCTION tg_threads__normalise(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_threads__normalise() FROM PUBLIC;

-- Name: FUNCTION tg_threads__rotate(); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.tg_threads__rotate() FROM PUBLIC;

-- Name: FUNCTION try_message(p_tenant_id integer, p_message jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.try_message(p_tenant_id integer, p_message jsonb) FROM PUBLIC;

-- Name: FUNCTION try_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.try_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.try_update(p_tenant_id integer, p_channel text, p_external_message_id text, p_update jsonb, p_account_id uuid, p_conversation_external_id text) TO pigeonpost_app;

-- Name: FUNCTION try_write_lock(p_tenant_id integer, p_external_message_id text); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.try_write_lock(p_tenant_id integer, p_external_message_id text) FROM PUBLIC;

-- Name: FUNCTION unfolded_ids(p_tenant_id integer); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.unfolded_ids(p_tenant_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.unfolded_ids(p_tenant_id integer) TO pigeonpost_app;

-- Name: FUNCTION uploads_named_by(p_message pigeonpost.messages); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.uploads_named_by(p_message pigeonpost.messages) FROM PUBLIC;
GRANT ALL ON FUNCTION pigeonpost_private.uploads_named_by(p_message pigeonpost.messages) TO pigeonpost_app;

-- Name: FUNCTION without_contents(p_media jsonb); Type: ACL; Schema: pigeonpost_private
REVOKE ALL ON FUNCTION pigeonpost_private.without_contents(p_media jsonb) FROM PUBLIC;

-- Name: TABLE accounts; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.accounts TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.accounts TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.accounts TO pigeonpost_app;

-- Name: TABLE api_keys; Type: ACL; Schema: pigeonpost
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.api_keys TO pigeonpost_app;

-- Name: TABLE conversation_participants; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.conversation_participants TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.conversation_participants TO pigeonpost_bridge;
GRANT SELECT,INSERT,DELETE ON TABLE pigeonpost.conversation_participants TO pigeonpost_app;

-- Name: COLUMN conversation_participants.role; Type: ACL; Schema: pigeonpost
GRANT UPDATE(role) ON TABLE pigeonpost.conversation_participants TO pigeonpost_app;

-- Name: COLUMN conversation_participants.joined_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(joined_at) ON TABLE pigeonpost.conversation_participants TO pigeonpost_app;

-- Name: COLUMN conversation_participants.left_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(left_at) ON TABLE pigeonpost.conversation_participants TO pigeonpost_app;

-- Name: COLUMN conversation_participants.metadata; Type: ACL; Schema: pigeonpost
GRANT UPDATE(metadata) ON TABLE pigeonpost.conversation_participants TO pigeonpost_app;

-- Name: TABLE customer_identities; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.customer_identities TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.customer_identities TO pigeonpost_bridge;
GRANT SELECT,INSERT,DELETE ON TABLE pigeonpost.customer_identities TO pigeonpost_app;

-- Name: COLUMN customer_identities.customer_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(customer_id) ON TABLE pigeonpost.customer_identities TO pigeonpost_app;

-- Name: SEQUENCE customers_lead_id_seq; Type: ACL; Schema: pigeonpost
GRANT USAGE ON SEQUENCE pigeonpost.customers_lead_id_seq TO pigeonpost_app;

-- Name: TABLE customers; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.customers TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.customers TO pigeonpost_bridge;
GRANT SELECT,INSERT ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: COLUMN customers.lead_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(lead_id) ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: COLUMN customers.name; Type: ACL; Schema: pigeonpost
GRANT UPDATE(name) ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: COLUMN customers.metadata; Type: ACL; Schema: pigeonpost
GRANT UPDATE(metadata) ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: COLUMN customers.external_type; Type: ACL; Schema: pigeonpost
GRANT UPDATE(external_type) ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: COLUMN customers.external_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(external_id) ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: COLUMN customers.merged_into; Type: ACL; Schema: pigeonpost
GRANT UPDATE(merged_into) ON TABLE pigeonpost.customers TO pigeonpost_app;

-- Name: TABLE delivery_attempts; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.delivery_attempts TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.delivery_attempts TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.delivery_attempts TO pigeonpost_app;

-- Name: TABLE event_consumers; Type: ACL; Schema: pigeonpost
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.event_consumers TO pigeonpost_reader;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.event_consumers TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.event_consumers TO pigeonpost_app;

-- Name: TABLE events; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.events TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.events TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.events TO pigeonpost_app;

-- Name: TABLE message_statuses; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.message_statuses TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.occurred_at; Type: ACL; Schema: pigeonpost
GRANT INSERT(occurred_at),UPDATE(occurred_at) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(occurred_at),UPDATE(occurred_at) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.created_at; Type: ACL; Schema: pigeonpost
GRANT INSERT(created_at) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(created_at) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.tenant_id; Type: ACL; Schema: pigeonpost
GRANT INSERT(tenant_id) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(tenant_id) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.id; Type: ACL; Schema: pigeonpost
GRANT INSERT(id) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(id) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.message_id; Type: ACL; Schema: pigeonpost
GRANT INSERT(message_id) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(message_id) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.status; Type: ACL; Schema: pigeonpost
GRANT INSERT(status) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(status) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.recipient; Type: ACL; Schema: pigeonpost
GRANT INSERT(recipient) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(recipient) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.error_code; Type: ACL; Schema: pigeonpost
GRANT INSERT(error_code),UPDATE(error_code) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(error_code),UPDATE(error_code) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: COLUMN message_statuses.error_message; Type: ACL; Schema: pigeonpost
GRANT INSERT(error_message),UPDATE(error_message) ON TABLE pigeonpost.message_statuses TO pigeonpost_bridge;
GRANT INSERT(error_message),UPDATE(error_message) ON TABLE pigeonpost.message_statuses TO pigeonpost_app;

-- Name: TABLE event_log; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.event_log TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.event_log TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.event_log TO pigeonpost_app;

-- Name: TABLE event_types; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.event_types TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.event_types TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.event_types TO pigeonpost_app;

-- Name: TABLE idempotent_requests; Type: ACL; Schema: pigeonpost
GRANT SELECT,INSERT ON TABLE pigeonpost.idempotent_requests TO pigeonpost_app;

-- Name: COLUMN idempotent_requests.status; Type: ACL; Schema: pigeonpost
GRANT UPDATE(status) ON TABLE pigeonpost.idempotent_requests TO pigeonpost_app;

-- Name: COLUMN idempotent_requests.response; Type: ACL; Schema: pigeonpost
GRANT UPDATE(response) ON TABLE pigeonpost.idempotent_requests TO pigeonpost_app;

-- Name: TABLE ingest_batches; Type: ACL; Schema: pigeonpost
GRANT SELECT,INSERT ON TABLE pigeonpost.ingest_batches TO pigeonpost_bridge;
GRANT SELECT,INSERT ON TABLE pigeonpost.ingest_batches TO pigeonpost_app;

-- Name: SEQUENCE log_id_seq; Type: ACL; Schema: pigeonpost
GRANT USAGE ON SEQUENCE pigeonpost.log_id_seq TO pigeonpost_app;

-- Name: TABLE media_files; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.media_files TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.media_files TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.media_files TO pigeonpost_app;

-- Name: TABLE message_history; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.message_history TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.message_history TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.message_history TO pigeonpost_app;

-- Name: TABLE message_reactions; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.message_reactions TO pigeonpost_reader;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.message_reactions TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.message_reactions TO pigeonpost_app;

-- Name: TABLE outbox; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.outbox TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.outbox TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.state; Type: ACL; Schema: pigeonpost
GRANT UPDATE(state) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.due_at; Type: ACL; Schema: pigeonpost
GRANT UPDATE(due_at) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.attempt; Type: ACL; Schema: pigeonpost
GRANT UPDATE(attempt) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.attempt_id; Type: ACL; Schema: pigeonpost
GRANT UPDATE(attempt_id) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.provider; Type: ACL; Schema: pigeonpost
GRANT UPDATE(provider) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.provider_reason; Type: ACL; Schema: pigeonpost
GRANT UPDATE(provider_reason) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.accepted_on; Type: ACL; Schema: pigeonpost
GRANT UPDATE(accepted_on) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.error_code; Type: ACL; Schema: pigeonpost
GRANT UPDATE(error_code) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: COLUMN outbox.error_message; Type: ACL; Schema: pigeonpost
GRANT UPDATE(error_message) ON TABLE pigeonpost.outbox TO pigeonpost_app;

-- Name: TABLE messages_with_state; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.messages_with_state TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.messages_with_state TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.messages_with_state TO pigeonpost_app;

-- Name: TABLE parked_updates; Type: ACL; Schema: pigeonpost
GRANT SELECT,INSERT ON TABLE pigeonpost.parked_updates TO pigeonpost_bridge;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost.parked_updates TO pigeonpost_app;

-- Name: TABLE provider_routes; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.provider_routes TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.provider_routes TO pigeonpost_bridge;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost.provider_routes TO pigeonpost_app;

-- Name: TABLE tenant_roles; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.tenant_roles TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.tenant_roles TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.tenant_roles TO pigeonpost_app;

-- Name: TABLE tenants; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.tenants TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.tenants TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.tenants TO pigeonpost_app;

-- Name: SEQUENCE threads_number_seq; Type: ACL; Schema: pigeonpost
GRANT USAGE ON SEQUENCE pigeonpost.threads_number_seq TO pigeonpost_app;

-- Name: TABLE threads; Type: ACL; Schema: pigeonpost
GRANT SELECT ON TABLE pigeonpost.threads TO pigeonpost_reader;
GRANT SELECT ON TABLE pigeonpost.threads TO pigeonpost_bridge;
GRANT SELECT ON TABLE pigeonpost.threads TO pigeonpost_app;

-- Name: COLUMN threads.status; Type: ACL; Schema: pigeonpost
GRANT UPDATE(status) ON TABLE pigeonpost.threads TO pigeonpost_bridge;
GRANT UPDATE(status) ON TABLE pigeonpost.threads TO pigeonpost_app;

-- Name: TABLE webhook_inbox; Type: ACL; Schema: pigeonpost
GRANT SELECT,INSERT,UPDATE ON TABLE pigeonpost.webhook_inbox TO pigeonpost_app;

-- Name: TABLE account_days; Type: ACL; Schema: pigeonpost_private
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost_private.account_days TO pigeonpost_app;

-- Name: TABLE account_limits; Type: ACL; Schema: pigeonpost_private
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost_private.account_limits TO pigeonpost_app;

-- Name: TABLE account_wakeups; Type: ACL; Schema: pigeonpost_private
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost_private.account_wakeups TO pigeonpost_app;

-- Name: TABLE clock_offset; Type: ACL; Schema: pigeonpost_private
GRANT SELECT ON TABLE pigeonpost_private.clock_offset TO pigeonpost_app;

-- Name: TABLE fixtures; Type: ACL; Schema: pigeonpost_private
GRANT SELECT ON TABLE pigeonpost_private.fixtures TO pigeonpost_app;

-- Name: TABLE media_tasks; Type: ACL; Schema: pigeonpost_private
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost_private.media_tasks TO pigeonpost_app;

-- Name: TABLE message_counts; Type: ACL; Schema: pigeonpost_private
GRANT SELECT ON TABLE pigeonpost_private.message_counts TO pigeonpost_app;

-- Name: TABLE message_spans; Type: ACL; Schema: pigeonpost_private
GRANT SELECT ON TABLE pigeonpost_private.message_spans TO pigeonpost_app;

-- Name: TABLE provider_breakers; Type: ACL; Schema: pigeonpost_private
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost_private.provider_breakers TO pigeonpost_app;

-- Name: TABLE recipient_limits; Type: ACL; Schema: pigeonpost_private
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pigeonpost_private.recipient_limits TO pigeonpost_app;
-- PostgreSQL database dump complete
-- PostgreSQL database dump
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

-- Name: et_messages; Type: VIEW; Schema: public
CREATE VIEW public.et_messages WITH (security_invoker='true') AS
 SELECT m.number AS id,
    m.tenant_id,
    c.lead_id,
    t.number AS thread_id,
    (m.channel)::character varying(50) AS channel,
    (m.external_message_id)::character varying AS message_id,
    ((EXTRACT(epoch FROM m.occurred_at) * (1000)::numeric))::bigint AS "timestamp",
    (m.direction)::character varying(20) AS direction,
    (
        CASE m.content_type
            WHEN 'file'::text THEN 'document'::text
            ELSE m.content_type
        END)::character varying(50) AS message_type,
    m.body AS text_content,
    m.media_url,
    COALESCE(m.raw, '{}'::jsonb) AS raw_json,
    (m.created_at AT TIME ZONE 'UTC'::text) AS created_at
   FROM ((pigeonpost.threads t
     JOIN pigeonpost.customers c ON (((c.tenant_id = t.tenant_id) AND (c.id = t.customer_id))))
     JOIN pigeonpost.messages m ON (((m.tenant_id = t.tenant_id) AND (m.thread_id = t.id))))
  WHERE ((m.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])) AND (c.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])) AND (t.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])))
UNION ALL
 SELECT m.number AS id,
    m.tenant_id,
    c.lead_id,
    t.number AS thread_id,
    (m.channel)::character varying(50) AS channel,
    (m.external_message_id)::character varying AS message_id,
    ((EXTRACT(epoch FROM m.occurred_at) * (1000)::numeric))::bigint AS "timestamp",
    (m.direction)::character varying(20) AS direction,
    (
        CASE m.content_type
            WHEN 'file'::text THEN 'document'::text
            ELSE m.content_type
        END)::character varying(50) AS message_type,
    m.body AS text_content,
    m.media_url,
    COALESCE(m.raw, '{}'::jsonb) AS raw_json,
    (m.created_at AT TIME ZONE 'UTC'::text) AS created_at
   FROM (((pigeonpost.conversation_participants p
     JOIN pigeonpost.customers c ON (((c.tenant_id = p.tenant_id) AND (c.id = p.customer_id))))
     JOIN pigeonpost.threads t ON (((t.tenant_id = p.tenant_id) AND (t.conversation_id = p.conversation_id))))
     JOIN pigeonpost.messages m ON (((m.tenant_id = t.tenant_id) AND (m.thread_id = t.id) AND (m.sender_customer_id = c.id))))
  WHERE ((t.customer_id IS NULL) AND (m.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])) AND (c.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])) AND (p.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])) AND (t.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])))
UNION ALL
 SELECT m.number AS id,
    m.tenant_id,
    NULL::bigint AS lead_id,
    t.number AS thread_id,
    (m.channel)::character varying(50) AS channel,
    (m.external_message_id)::character varying AS message_id,
    ((EXTRACT(epoch FROM m.occurred_at) * (1000)::numeric))::bigint AS "timestamp",
    (m.direction)::character varying(20) AS direction,
    (
        CASE m.content_type
            WHEN 'file'::text THEN 'document'::text
            ELSE m.content_type
        END)::character varying(50) AS message_type,
    m.body AS text_content,
    m.media_url,
    COALESCE(m.raw, '{}'::jsonb) AS raw_json,
    (m.created_at AT TIME ZONE 'UTC'::text) AS created_at
   FROM (pigeonpost.threads t
     JOIN pigeonpost.messages m ON (((m.tenant_id = t.tenant_id) AND (m.thread_id = t.id) AND (m.sender_customer_id IS NULL))))
  WHERE ((t.customer_id IS NULL) AND (m.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])) AND (t.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])));
ALTER TABLE public.et_messages OWNER TO pigeonpost_owner;

-- Name: VIEW et_messages; Type: COMMENT; Schema: public
COMMENT ON VIEW public.et_messages IS 'The et_threads/et_messages contract for chat bridges: messages with integer ids; timestamp in Unix milliseconds. Insert with thread_id left out; a duplicate (channel, lead_id, message_id) returns the stored row.';

-- Name: et_threads; Type: VIEW; Schema: public
CREATE VIEW public.et_threads WITH (security_invoker='true') AS
 SELECT t.number AS id,
    t.tenant_id,
    c.lead_id,
    (t.channel)::character varying(50) AS channel,
    (t.status)::character varying(20) AS status,
    (t.created_at AT TIME ZONE 'UTC'::text) AS created_at
   FROM (pigeonpost.threads t
     LEFT JOIN pigeonpost.customers c ON (((c.tenant_id = t.tenant_id) AND (c.id = t.customer_id) AND (c.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[])))))
  WHERE (t.tenant_id = ANY (( SELECT pigeonpost.my_tenants() AS my_tenants)::integer[]));
ALTER TABLE public.et_threads OWNER TO pigeonpost_owner;

-- Name: VIEW et_threads; Type: COMMENT; Schema: public
COMMENT ON VIEW public.et_threads IS 'The et_threads/et_messages contract for chat bridges: threads with integer ids. lead_id is null for a group. Set status to archived to end one; they open by themselves.';

-- Name: et_messages message_type; Type: DEFAULT; Schema: public
ALTER TABLE ONLY public.et_messages ALTER COLUMN message_type SET DEFAULT 'text'::character varying;

-- Name: et_messages 500_insert; Type: TRIGGER; Schema: public
CREATE TRIGGER "500_insert" INSTEAD OF INSERT ON public.et_messages FOR EACH ROW EXECUTE FUNCTION pigeonpost.tg_et_messages__insert();

-- Name: et_threads 500_insert; Type: TRIGGER; Schema: public
CREATE TRIGGER "500_insert" INSTEAD OF INSERT ON public.et_threads FOR EACH ROW EXECUTE FUNCTION pigeonpost.tg_et_threads__insert();

-- Name: et_messages 500_update; Type: TRIGGER; Schema: public
CREATE TRIGGER "500_update" INSTEAD OF UPDATE ON public.et_messages FOR EACH ROW EXECUTE FUNCTION pigeonpost.tg_et_messages__update();

-- Name: et_threads 500_update; Type: TRIGGER; Schema: public
CREATE TRIGGER "500_update" INSTEAD OF UPDATE ON public.et_threads FOR EACH ROW EXECUTE FUNCTION pigeonpost.tg_et_threads__update();

-- Name: TABLE et_messages; Type: ACL; Schema: public
GRANT SELECT,INSERT,UPDATE ON TABLE public.et_messages TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE public.et_messages TO pigeonpost_app;
GRANT SELECT ON TABLE public.et_messages TO pigeonpost_reader;

-- Name: TABLE et_threads; Type: ACL; Schema: public
GRANT SELECT,INSERT,UPDATE ON TABLE public.et_threads TO pigeonpost_bridge;
GRANT SELECT,INSERT,UPDATE ON TABLE public.et_threads TO pigeonpost_app;
GRANT SELECT ON TABLE public.et_threads TO pigeonpost_reader;
-- PostgreSQL database dump complete
