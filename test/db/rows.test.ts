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
    messages: messageRow,
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
