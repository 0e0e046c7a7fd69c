type Statement = { name: string; text: string }

/**
 * What a job per message writes: the same rows as our worker, by the same triggers, one message at a time. `claim`: $1
 * tenant, $2 message; `record`: $3 attempt, $4 external id, $5 ms.
 */
export const statements = {
  claim: {
    name: 'claim',
    text: `
      with claimed as (
        update pigeonpost.outbox o
        set state = 'sending', due_at = now() + interval '30 s', attempt = o.attempt + 1, attempt_id = pigeonpost.uuid_v7(),
          provider = 'noop', provider_reason = 'account', error_code = null, error_message = null
        where o.tenant_id = $1 and o.message_id = $2 and o.state = 'queued'
        returning o.tenant_id, o.message_id, o.attempt_id, o.attempt, o.address
      ),
      begun as (
        insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, provider, reason, started_at)
        select c.tenant_id, c.attempt_id, c.attempt, c.message_id, 'noop', 'account', clock_timestamp() from claimed c
      )
      select c.attempt_id, c.attempt, c.address, m.body
      from claimed c join pigeonpost.messages m on m.tenant_id = c.tenant_id and m.id = c.message_id`,
  },
  record: {
    name: 'record',
    text: `
      with moved as (
        update pigeonpost.messages m
        set status = 'sent', attempts = o.attempt, external_message_id = $4::text, error_code = null, error_message = null
        from pigeonpost.outbox o
        where o.tenant_id = $1::integer and o.message_id = $2 and o.attempt_id = $3
          and m.tenant_id = $1::integer and m.id = $2 and m.status in ('queued', 'unknown')
        returning o.attempt_id, o.attempt
      )
      update pigeonpost.delivery_attempts d
      set outcome = 'sent', external_message_id = $4::text, duration_ms = $5::integer
      from moved v
      where d.tenant_id = $1::integer and d.attempt_id = v.attempt_id and d.attempt = v.attempt`,
  },
} satisfies Record<string, Statement>
