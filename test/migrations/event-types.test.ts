import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t from 'tap'
import { eventTypes } from '../../db/events/types.ts'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { newPhone, newTenant, type Row, store } from '../support/messages.ts'
import { rule } from '../support/rules.ts'
import {
  type EventTypeRow,
  readmeFile,
  selectEventTypes,
  typesFile,
  typesSource,
  withEventTable,
} from '../support/event-types.ts'

const core = await testDatabase(t)
const { sql } = core
const rows = [...(await sql.unsafe<EventTypeRow[]>(selectEventTypes))]
const known = new Set(rows.map(({ type }) => type))

t.test('what is made from the list is made from it as it is', async (t) => {
  const hint = 'else: node test/dump-event-types.ts'
  t.same(
    rows.map(({ type, description, since, payload_schema: payload }) => [
      type,
      { description, since, payload },
    ]),
    Object.entries(eventTypes),
    hint,
  )
  t.ok((await readFile(typesFile, 'utf8')) === typesSource(rows), hint)
  const readme = await readFile(readmeFile, 'utf8')
  t.match(readme, '| `message.inbound.created` |')
  t.ok(readme === withEventTable(readme, rows), hint)
})

t.test('no function of the schema names a type that is not registered', async (t) => {
  /** Literals such as 'thread.opened', and the beginnings of composed ones, such as 'account.'. */
  const literals = async (tx: Db): Promise<string[]> => {
    const functions = await tx<{ source: string }[]>`
      select prosrc as source from pg_proc
      where pronamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)`
    const found = functions.flatMap(({ source }) =>
      [...source.replaceAll(/--.*$|''/gm, '').matchAll(/'([a-z_]+(?:\.[a-z_]+)*\.?)'/g)]
        .map(([, literal = '']) => literal)
        .filter(
          (literal) => /\./.test(literal) && !/^(pigeonpost|graphile_migrate)\./.test(literal),
        ),
    )
    return [...new Set(found)].toSorted()
  }
  const composed = ['account.', 'message.']
  const unknown = async (tx: Db) =>
    (await literals(tx)).filter((one) => !known.has(one) && !composed.includes(one))
  t.strictSame(await unknown(sql), [])
  for (const name of composed) t.ok((await literals(sql)).includes(name), name)
  await rule(
    t,
    sql,
    'one that does is found',
    `create function pigeonpost_private.stray() returns void language plpgsql as
      $$ begin perform pigeonpost_private.append_event(1, 'order.created'); end $$`,
    async (tx) => (await unknown(tx)).length === 0,
  )

  const [statuses] = await sql<{ check: string }[]>`
    select pg_get_constraintdef(oid) as check from pg_constraint where conname = 'accounts_status_known'`
  const accounts = [...(statuses?.check ?? '').matchAll(/'(\w+)'/g)].map(
    ([, one]) => `account.${one}`,
  )
  t.ok(accounts.length > 2)
  const messages = ['inbound', 'outbound', 'system'].map((one) => `message.${one}.created`)
  for (const type of [...accounts, ...messages]) t.ok(known.has(type), type)
})

t.test('each type is logged by what it tells of, and its payload is as registered', async (t) => {
  const ajv = new Ajv2020({ allErrors: true })
  formats.default(ajv)
  // Who reads passes over fields that it does not know; here there must be none.
  const validators = new Map(
    rows.map(({ type, payload_schema: schema }) => [
      type,
      ajv.compile({ ...schema, additionalProperties: false }),
    ]),
  )
  const seen = new Map<string, Set<string>>()
  const look = async (tenant: number): Promise<void> => {
    const events = await sql<{ type: string; payload: Row }[]>`
      select type, payload from pigeonpost.read_events(null, null, ${tenant})`
    for (const { type, payload } of events) {
      const validate = validators.get(type)
      if (!validate?.(payload))
        t.fail(`${type}: ${ajv.errorsText(validate?.errors)} ${JSON.stringify(payload)}`)
      seen.set(type, new Set([...(seen.get(type) ?? []), ...Object.keys(payload)]))
    }
  }

  const tenant_id = newTenant()
  const address = newPhone()
  const first = await store(sql, { tenant_id, address, body: 'Hello' })
  const where = sql`tenant_id = ${tenant_id} and id = ${first.id}`
  await sql`update pigeonpost.messages set status = 'read' where ${where}`
  await sql`update pigeonpost.messages set content_type = 'structured' where ${where}`
  await sql`update pigeonpost.messages set body = 'Hello there' where ${where}`
  await sql`update pigeonpost.messages set revoked_at = now() where ${where}`
  for (const direction of ['inbound', 'outbound', 'system'] as const) {
    const usual = { tenant_id, address, direction, body: 'one' }
    await store(sql, usual)
    await store(sql, { ...usual, content_type: 'location' })
  }
  await store(sql, { tenant_id, address, status: 'read' })
  const sent = await store(sql, {
    tenant_id,
    address,
    direction: 'outbound',
    status: 'sent',
    external_message_id: 'x1',
  })
  await sql`update pigeonpost.messages set status = 'failed', error_code = 'gone' where tenant_id = ${tenant_id} and id = ${sent.id}`
  await sql`update pigeonpost.messages set status = 'read' where tenant_id = ${tenant_id} and direction = 'inbound'`

  await sql`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant_id}`
  await sql`update pigeonpost.conversations set status = 'open' where tenant_id = ${tenant_id}`

  const group = { tenant_id, type: 'group', channel: 'whatsapp', group_name: 'Team' }
  const [made] = await sql<
    { id: string }[]
  >`insert into pigeonpost.conversations ${sql(group)} returning id`
  const [own] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address) values (${tenant_id}, 'whatsapp', ${newPhone()}) returning id`
  for (const side of [{ customer_id: first.customer_id }, { account_id: own?.id }]) {
    const row = { tenant_id, conversation_id: made?.id, ...side }
    await sql`insert into pigeonpost.conversation_participants ${sql(row as never)}`
  }
  await sql`update pigeonpost.conversation_participants set left_at = now() where tenant_id = ${tenant_id} and conversation_id = ${made?.id ?? ''}`

  for (const status of ['disconnected', 'disabled', 'connected'])
    await sql`update pigeonpost.accounts set status = ${status}, status_reason = 'told so' where tenant_id = ${tenant_id} and id = ${own?.id ?? ''}`

  const file = {
    tenant_id,
    id: randomUUID(),
    size: 1,
    content_type: 'image/png',
    status: 'clean',
    storage: 'folder',
    storage_key: 'x',
  }
  const sha256 = createHash('sha256').update(file.id).digest()
  await sql`insert into pigeonpost.media_files ${sql({ ...file, sha256 } as never)}`
  await sql`insert into pigeonpost.media (tenant_id, file_id, owner_service, filename) values (${tenant_id}, ${file.id}, 'api', 'a.png')`
  const media = [{ url: 'https://example.com/a.png' }, { url: 'https://example.com/b.png' }]
  const picture = await store(sql, {
    tenant_id,
    address,
    content_type: 'image',
    metadata: { media },
  })
  await sql`update pigeonpost.media set file_id = ${file.id} where tenant_id = ${tenant_id} and message_id = ${picture.id} and position = 1`
  await sql`update pigeonpost.media set status = 'failed', error_code = 'not_found' where tenant_id = ${tenant_id} and message_id = ${picture.id} and position = 2`

  // The same message under two addresses of one person: the merge joins the conversations, and drops a copy.
  const other = newPhone()
  for (const [to, id] of [
    [address, 'copy'],
    [other, 'copy'],
    [other, 'only'],
  ] as const)
    await store(sql, { tenant_id, address: to, external_message_id: id, body: id })
  const [loser] = await sql<{ id: string }[]>`
    select customer_id as id from pigeonpost.messages where tenant_id = ${tenant_id} and external_message_id = 'only'`
  await sql`select pigeonpost.merge_customers(${tenant_id}, ${first.customer_id}, ${loser?.id ?? ''})`
  await look(tenant_id)

  // What is left when the rows are gone.
  await sql`delete from pigeonpost.media where tenant_id = ${tenant_id}`
  await sql`delete from pigeonpost.messages where tenant_id = ${tenant_id}`
  await look(tenant_id)

  t.strictSame(
    [...seen.keys()].toSorted(),
    [...known].toSorted(),
    'all that are registered, and no other',
  )
  for (const { type, payload_schema: schema } of rows) {
    const never = Object.keys(schema.properties).filter((name) => !seen.get(type)?.has(name))
    t.strictSame(never, [], `${type} has every field that is registered`)
  }
})

t.test('readers of every role see the list, and only the owner changes it', async (t) => {
  for (const role of ['pigeonpost_bridge', 'pigeonpost_reader', 'pigeonpost_app']) {
    const login = await core.login([role])
    t.equal((await login`select from pigeonpost.event_types`).count, known.size, role)
    await t.rejects(login`delete from pigeonpost.event_types`, { code: '42501' }, role)
  }
})

t.test(
  'a type that is no longer in the list goes, and one that changed is brought back',
  async (t) => {
    const text = await readFile(
      new URL('../../migrations/fixtures/065_event_types.sql', import.meta.url),
      'utf8',
    )
    const versions = () => sql`select type, xmin::text from pigeonpost.event_types order by type`
    const before = [...(await versions())]
    await sql.unsafe(text)
    t.strictSame([...(await versions())], before, 'the list, applied again, writes nothing')
    await sql`insert into pigeonpost.event_types (type, description, payload_schema, since) values ('order.created', 'x', '{}', '0.0.1')`
    await sql`update pigeonpost.event_types set description = 'y' where type = 'thread.opened'`
    await sql.unsafe(text)
    t.strictSame([...(await sql.unsafe<EventTypeRow[]>(selectEventTypes))], rows)
  },
)
