import t from 'tap'
import { z } from 'zod'
import {
  accountDetailRow,
  apiKeyRow,
  conversationRow,
  customerRow,
  identityRow,
  messageRow,
  participantRow,
  threadRow,
} from '../../db/rows.ts'
import { testDatabase } from '../support/database.ts'

const types: Record<string, string> = {
  integer: 'number',
  bigint: 'number',
  smallint: 'number',
  uuid: 'string',
  text: 'string',
  boolean: 'boolean',
  'timestamp with time zone': 'date',
  jsonb: 'record',
  ARRAY: 'array',
}

t.test('each row schema agrees with its table on names, types and nulls', async (t) => {
  const { sql } = await testDatabase(t)
  for (const [table, schema] of Object.entries({
    messages: messageRow.omit({ state: true, next_attempt_at: true }),
    accounts: accountDetailRow,
    customers: customerRow,
    customer_identities: identityRow,
    conversation_participants: participantRow,
    threads: threadRow,
    api_keys: apiKeyRow,
    conversations: conversationRow,
  })) {
    const columns = await sql<{ name: string; type: string; nullable: boolean }[]>`
      select column_name as name, data_type as type, is_nullable = 'YES' as nullable
      from information_schema.columns where table_schema = 'pigeonpost' and table_name = ${table}`
    for (const [name, field] of Object.entries(schema.shape)) {
      const column = columns.find((one) => one.name === name)
      const nullable = field instanceof z.ZodNullable
      const inner = nullable ? (field.unwrap() as z.ZodType) : field
      const type = inner.def.type === 'enum' ? 'string' : inner.def.type
      t.same(
        { type, nullable },
        { type: types[column?.type ?? ''], nullable: column?.nullable },
        `${table}.${name}`,
      )
    }
  }
})

t.test('the view of messages with their state has every field of a message row', async (t) => {
  const { sql } = await testDatabase(t)
  const columns = await sql<{ name: string; type: string }[]>`
    select column_name as name, data_type as type from information_schema.columns
    where table_schema = 'pigeonpost' and table_name = 'messages_with_state'`
  for (const [name, field] of Object.entries(messageRow.shape)) {
    const inner = field instanceof z.ZodNullable ? (field.unwrap() as z.ZodType) : field
    const type = inner.def.type === 'enum' ? 'string' : inner.def.type
    t.equal(types[columns.find((one) => one.name === name)?.type ?? ''], type, name)
  }
})
