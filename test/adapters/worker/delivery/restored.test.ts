import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { beginSending } from '../../../support/outbox.ts'
import {
  addAccount,
  deliveryDatabase,
  queue,
  readMessages,
  scripted,
  turnContext,
  takeTurn,
} from './support.ts'

t.test(
  'what was queued goes out of a copy of the database, and what was sending is in doubt',
  async (t) => {
    const from = await deliveryDatabase(t)
    const { sql } = await deliveryDatabase(t)
    const target = await addAccount(from.sql)
    const [, sending = ''] = await queue(from.sql, target, ['ready', 'sending'])
    await queue(from.sql, target, ['later'], { scheduledFor: new Date(Date.now() + 60_000) })
    await beginSending(from.sql, sending, { leasedUntil: new Date(Date.now() - 1_000) })
    const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and c.relkind = 'r'
      and c.relname <> 'tenant_roles'`
    // As a data-only restore does it: no trigger fires.
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      for (const { name } of tables) {
        await tx.unsafe(`delete from ${name}`)
        const rows = await from.sql.unsafe(`copy ${name} to stdout`).readable()
        await pipeline(rows, await tx.unsafe(`copy ${name} from stdin`).writable())
      }
    })
    const sequences = await from.sql<{ name: string; last: number | null }[]>`
    select format('%I.%I', schemaname, sequencename) as name, last_value as last from pg_sequences where schemaname = 'pigeonpost'`
    for (const { name, last } of sequences)
      if (last !== null) await sql`select setval(${name}, ${last})`
    t.match(await readMessages(sql), [
      { status: 'queued' },
      { status: 'sending' },
      { status: 'scheduled' },
    ])
    const provider = scripted()
    await wakeAccount(sql, target, 0)
    await takeTurn(turnContext(t, sql, provider), target)
    t.match(
      provider.requests.map(({ body }) => body),
      ['ready'],
    )
    t.match(await readMessages(sql), [
      { status: 'sent' },
      { status: 'unknown', error_code: 'lease_expired' },
      { status: 'scheduled' },
    ])
  },
)
