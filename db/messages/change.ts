import type { PendingQuery, Row } from 'postgres'
import type { Db } from '../connect.ts'
import type { MessageState } from '../rows.ts'

/** The result of an operator's command for one message. */
export type Change = {
  /** As it was asked for, where there is no such message; its uuid otherwise. */
  id: string
  number: number | null
  previousStatus: MessageState | null
  status: MessageState | null
  changed: boolean
  /** Why nothing changed. */
  reason: Unchanged | null
}

/**
 * `unknown_id`: the tenant has no such message. `status`: it is in one that this cannot change. `expired`: it would be
 * sent after its `valid_until`. `account_disabled`: nothing goes out from there.
 */
export type Unchanged = 'unknown_id' | 'status' | 'expired' | 'account_disabled'

/** Ids are uuids, or numbers in digits. */
export type ChangeOptions = { tenantId: number; ids: string[] }

/**
 * Changes the messages that are in one of the states `from`, in one statement, and returns the result for each. They are
 * locked first, in the order of their ids and before their rows of the outbox, so that the result is reliable: a message
 * that a worker is claiming at this moment is waited for, and is `sending` then.
 * @param about.set what `update pigeonpost.messages m` sets
 * @param about.toSend false where it will not be sent, so that neither its time nor its account matters
 * @throws the driver's error where the database refuses it; retry on 40P01
 */
export async function changeMessages(
  db: Db,
  options: ChangeOptions,
  about: { from: MessageState[]; set: PendingQuery<Row[]>; toSend: boolean },
): Promise<Change[]> {
  const { tenantId, ids } = options
  const given = ids.map((id) => id.toLowerCase())
  const rows = await db<(Change & { expired: boolean; disabled: boolean })[]>`
    with locked as materialized (
      select m.id, m.number, m.status, m.account_id, m.valid_until
      from pigeonpost.messages m
      where m.tenant_id = ${tenantId} and (
        m.id = any (${given.filter((id) => id.includes('-'))}::uuid[])
        or m.number = any (${given.filter((id) => !id.includes('-'))}::bigint[]))
      order by m.id
      for no key update
    ),
    waiting as materialized (
      select o.message_id, o.state from pigeonpost.outbox o
      where o.tenant_id = ${tenantId} and o.message_id in (select l.id from locked l)
      order by o.message_id
      for no key update
    ),
    found as materialized (
      select m.id, m.number, coalesce(w.state, m.status) as state,
        ${about.toSend} and m.valid_until <= now() is true as expired,
        ${about.toSend} and a.status is not distinct from 'disabled' as disabled
      from locked m
      left join waiting w on w.message_id = m.id
      left join pigeonpost.accounts a on a.tenant_id = ${tenantId} and a.id = m.account_id
    ),
    changed as (
      update pigeonpost.messages m set ${about.set}
      from found f
      where m.tenant_id = ${tenantId} and m.id = f.id and f.state = any (${about.from}::text[])
        and not f.expired and not f.disabled
      returning m.id, m.status
    )
    select f.id, f.number, f.state as "previousStatus", coalesce(c.status, f.state) as status,
      c.id is not null as changed, f.expired, f.disabled
    from found f left join changed c on c.id = f.id
    order by f.number`
  const found = rows.map(({ expired, disabled, ...row }): Change => {
    const known = about.from.includes(row.previousStatus ?? 'read')
    const reason = !known ? 'status' : expired ? 'expired' : disabled ? 'account_disabled' : null
    return { ...row, reason: row.changed ? null : reason }
  })
  const there = new Set(found.flatMap(({ id, number }) => [id, String(number)]))
  const absent = given
    .filter((id) => !there.has(id.includes('-') ? id : String(BigInt(id))))
    .map((id) => ({ ...nothing, id }))
  return [...found, ...absent]
}

const nothing: Omit<Change, 'id'> = {
  number: null,
  previousStatus: null,
  status: null,
  changed: false,
  reason: 'unknown_id',
}
