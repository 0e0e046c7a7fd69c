import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'

type Update = Record<string, string | number | null>

const at = (seconds: number): string => new Date(Date.UTC(2025, 0, 1, 10, 0, seconds)).toISOString()

async function update(
  sql: Sql,
  tenant: number,
  id: string,
  what: Update,
  more: { account?: string; chat?: string } = {},
) {
  const [row] = await sql<{ outcome: string }[]>`
    select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id}, ${sql.json(what)}, ${more.account ?? null}, ${more.chat ?? null}) as outcome`
  return row?.outcome
}

/** Every order of `items`. */
function* orders<T>(items: T[]): Generator<T[]> {
  if (items.length === 0) yield []
  for (const [index, item] of items.entries()) {
    for (const rest of orders(items.toSpliced(index, 1))) yield [item, ...rest]
  }
}

/**
 * What must be the same after any order. What may differ: which statuses were passed through on the way (message_statuses
 * without a recipient), how many versions there were, when rows were written, and the events that tell of all this.
 */
async function endState(sql: Sql, tenant: number, id: string): Promise<unknown> {
  const [state] = await sql<{ state: unknown }[]>`
    select jsonb_build_object(
      'message', to_jsonb(m) - array['id', 'number', 'is_own_event', 'external_message_id', 'body_version', 'created_at', 'updated_at'],
      'recipients', (select jsonb_agg(to_jsonb(s) - array['id', 'number', 'message_id', 'created_at'] order by s.recipient, s.status)
        from pigeonpost.message_statuses s where s.tenant_id = m.tenant_id and s.message_id = m.id and s.recipient is not null),
      'reactions', (select jsonb_agg(to_jsonb(r) - 'message_id' order by r.sender)
        from pigeonpost.message_reactions r where r.tenant_id = m.tenant_id and r.message_id = m.id),
      'last_version', (select jsonb_build_object('kind', h.kind, 'body', h.body, 'is_latest', h.body_version = m.body_version)
        from pigeonpost.message_history h where h.tenant_id = m.tenant_id and h.message_id = m.id order by h.body_version desc limit 1),
      -- By the log's order: ids of the same millisecond sort by chance below PostgreSQL 18.
      'chain_is_whole', (select bool_and(s.payload ->> 'previous_status' = s.before
            and pigeonpost.status_may_change(m.direction, s.payload ->> 'previous_status', s.payload ->> 'status'))
          and (array_agg(s.payload ->> 'status' order by s.id))[count(*)] = m.status and count(*) = (
            select count(*) from pigeonpost.message_statuses x where x.tenant_id = m.tenant_id and x.message_id = m.id and x.recipient is null)
        from (select e.id, e.payload, coalesce(lag(e.payload ->> 'status') over (order by e.id), e.payload ->> 'previous_status') as before
          from pigeonpost.event_log e where e.tenant_id = m.tenant_id and e.message_id = m.id and e.type = 'message.status') s),
      'parked', (select count(*) from pigeonpost.parked_updates p where p.tenant_id = m.tenant_id and p.external_message_id = m.external_message_id)
    ) as state
    from pigeonpost.messages m where m.tenant_id = ${tenant} and m.external_message_id = ${id}`
  return state?.state
}

const cases: {
  name: string
  direction: 'inbound' | 'outbound'
  group?: boolean
  updates: Update[]
  end: Record<string, unknown>
}[] = [
  {
    name: 'receipts',
    direction: 'outbound',
    updates: [
      { kind: 'receipt', status: 'sent', at: at(1) },
      { kind: 'receipt', status: 'delivered', at: at(2) },
      { kind: 'receipt', status: 'read', at: at(3) },
      { kind: 'receipt', status: 'read', at: at(4) },
    ],
    end: {
      message: {
        status: 'read',
        sent_at: /10:00:01/,
        delivered_at: /10:00:02/,
        read_at: /10:00:03/,
        error_code: null,
      },
    },
  },
  {
    name: 'a failure that a delivery disproves',
    direction: 'outbound',
    updates: [
      { kind: 'receipt', status: 'sent', at: at(1) },
      { kind: 'receipt', status: 'failed', at: at(2), error_code: 'x', error_message: 'no' },
      { kind: 'receipt', status: 'delivered', at: at(5) },
    ],
    end: {
      message: {
        status: 'delivered',
        failed_at: null,
        error_code: null,
        error_message: null,
        metadata: {},
      },
    },
  },
  {
    name: 'two failures and a late sent',
    direction: 'outbound',
    updates: [
      { kind: 'receipt', status: 'failed', at: at(3), error_code: 'b' },
      { kind: 'receipt', status: 'sent', at: at(1) },
      { kind: 'receipt', status: 'failed', at: at(2), error_code: 'c', error_message: 'first' },
      { kind: 'receipt', status: 'failed', at: at(2), error_code: 'c', error_message: 'second' },
    ],
    end: {
      message: {
        status: 'failed',
        failed_at: /10:00:02/,
        sent_at: /10:00:01/,
        error_code: 'c',
        error_message: 'first',
      },
    },
  },
  {
    name: 'receipts of a group, one by one',
    direction: 'outbound',
    group: true,
    updates: [
      { kind: 'receipt', status: 'delivered', at: at(2), recipient: '27831110001@s.whatsapp.net' },
      { kind: 'receipt', status: 'read', at: at(6), recipient: '+27 83 111 0001' },
      { kind: 'receipt', status: 'delivered', at: at(4), recipient: '+27831110002' },
      { kind: 'receipt', status: 'delivered', at: at(3), recipient: '27831110002@s.whatsapp.net' },
    ],
    end: {
      message: { status: 'read', delivered_at: /10:00:02/, read_at: /10:00:06/ },
      recipients: [
        { recipient: '+27831110001', status: 'delivered', occurred_at: /10:00:02/ },
        { recipient: '+27831110001', status: 'read', occurred_at: /10:00:06/ },
        { recipient: '+27831110002', status: 'delivered', occurred_at: /10:00:03/ },
      ],
    },
  },
  {
    name: 'a read mark of an inbound message',
    direction: 'inbound',
    updates: [
      { kind: 'receipt', status: 'read', at: at(7) },
      { kind: 'receipt', status: 'read', at: at(5) },
      { kind: 'receipt', status: 'delivered', at: at(1) },
      { kind: 'receipt', status: 'failed', at: at(1), error_code: 'nonsense' },
    ],
    end: {
      message: {
        status: 'read',
        read_at: /10:00:05/,
        sent_at: /10:00:00/,
        delivered_at: /10:00:00/,
        error_code: null,
      },
    },
  },
  {
    name: 'edits, two of them at the same moment',
    direction: 'inbound',
    updates: [
      { kind: 'edit', body: 'one', at: at(1) },
      { kind: 'edit', body: 'two', at: '2025-01-01T12:00:02+02:00' },
      { kind: 'edit', body: 'too\u0001', at: at(2) },
      { kind: 'edit', body: 'zero', at: at(0) },
    ],
    end: { message: { body: 'two' }, last_version: { kind: 'edit', body: 'two', is_latest: true } },
  },
  {
    name: 'a revoke among edits',
    direction: 'inbound',
    updates: [
      { kind: 'edit', body: 'one', at: at(1) },
      { kind: 'revoke', at: at(3) },
      { kind: 'revoke', at: at(2) },
      { kind: 'edit', body: 'late', at: at(9) },
    ],
    end: {
      message: { body: null, revoked_at: /10:00:02/, metadata: {} },
      last_version: { kind: 'revoke', body: null, is_latest: true },
    },
  },
  {
    name: 'reactions',
    direction: 'inbound',
    updates: [
      { kind: 'reaction', sender: '+27831110001', emoji: '👍', at: at(1) },
      { kind: 'reaction', sender: '27831110001@s.whatsapp.net', emoji: '❤️', at: at(2) },
      { kind: 'reaction', sender: '+27831110002', emoji: '😀', at: at(1) },
      { kind: 'reaction', sender: '+27831110002', emoji: '', at: at(4) },
    ],
    end: {
      reactions: [
        { sender: '+27831110001', emoji: '❤️', reacted_at: /10:00:02/ },
        { sender: '+27831110002', emoji: null, reacted_at: /10:00:04/ },
      ],
    },
  },
  {
    name: 'one of each kind',
    direction: 'outbound',
    updates: [
      { kind: 'edit', body: 'better', at: at(2) },
      { kind: 'receipt', status: 'read', at: at(3) },
      { kind: 'reaction', sender: '+27831110001', emoji: '👍', at: at(4) },
      { kind: 'receipt', status: 'delivered', at: at(1) },
    ],
    end: { message: { status: 'read', body: 'better' }, reactions: [{ emoji: '👍' }] },
  },
]

t.test(
  'updates end the same in any order, before and after their message, and twice',
  async (t) => {
    const core = await testDatabase(t)
    for (const [index, { name, direction, group, updates, end }] of cases.entries()) {
      await t.test(name, async (t) => {
        const tenant = index + 1
        const sql = core.connect({ max: 1 })
        let expected: unknown
        let tried = 0
        for (const [order, steps] of [...orders<Update | null>([null, ...updates])].entries()) {
          const id = `m${order}`
          // One connection answers in the order in which it is asked; what is a null inserts the message.
          const work = [...steps, ...(order % 2 ? updates : [])].map(async (step) =>
            step
              ? update(sql, tenant, id, step)
              : sql`insert into pigeonpost.messages (tenant_id, channel, direction, address, conversation_external_id, external_message_id, body, sent_at, delivered_at)
                values (${tenant}, 'whatsapp', ${direction}, ${group ? null : '+27831110009'}, ${group ? 'g@g.us' : null}, ${id}, 'first',
                  ${at(0)}::timestamptz + ${direction === 'outbound' ? '9 s' : '0 s'}::interval, ${direction === 'inbound' ? at(0) : null})`,
          )
          await Promise.all(work)
          const state = await endState(sql, tenant, id)
          tried++
          if (!expected) {
            expected = state
            t.match(state, { ...end, parked: 0 })
          } else if (JSON.stringify(state) !== JSON.stringify(expected)) {
            t.same(state, expected, `after ${JSON.stringify(steps)}`)
            break
          }
          if ((state as { chain_is_whole: boolean | null }).chain_is_whole === false) {
            t.fail('a status was skipped or told twice', { steps })
            break
          }
        }
        t.equal(tried, [...orders([null, ...updates])].length)
      })
    }
  },
)
