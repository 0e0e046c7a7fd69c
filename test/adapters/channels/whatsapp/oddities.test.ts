import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { whatsapp } from '../../../../adapters/channels/whatsapp/index.ts'
import {
  account,
  bsuid,
  change,
  envelope,
  failed,
  group,
  groupReceipt,
  kinds,
  newBsuid,
  post,
  sheena,
  status,
} from './samples.ts'

/** mulberry32: the same numbers in every run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const all = Object.values(kinds)
const changes = [
  ...all.map((kind) => change({ contacts: [{ ...sheena, user_id: bsuid }], messages: [kind] })),
  change({ statuses: [status({}), failed, groupReceipt] }),
  change(
    { message_echoes: all.map((kind) => ({ ...kind, to: '16505551234' })) },
    'smb_message_echoes',
  ),
  change({ history: [{ threads: [{ id: '16505551234', messages: all }] }] }, 'history'),
  change(
    { user_id_update: [{ wa_id: '1', user_id: { previous: bsuid, current: newBsuid } }] },
    'user_id_update',
  ),
  change({ groups: [{ group_id: group, type: 'group_create', subject: 'x' }] }, 'group_lifecycle'),
]

let deep: unknown = 'deep'
for (let level = 0; level < 1_000; level += 1) deep = [deep]

// Past 2^53 it comes as a string of its digits.
const huge = Number('9007199254740993')
const scalars = [null, undefined, true, 0, -1, 1e308, huge, '', ' ', '\0', '\ud800', '💥']
const words = ['__proto__', 'constructor', '1739321024', 'NaN', 'x'.repeat(5_000)]
const shapes = [[], [[]], [null], {}, { id: {} }, { type: 'text' }, { length: 5 }, deep]
const odd: unknown[] = [...scalars, ...words, ...shapes]

/** Puts something odd in the place of one node, anywhere. */
function mutate(root: unknown, next: () => number): unknown {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(next() * list.length)]
  if (typeof root !== 'object' || root === null || next() < 0.015) return pick(odd)
  const copy = (Array.isArray(root) ? [...(root as unknown[])] : { ...root }) as Record<
    string,
    unknown
  >
  const key = pick(Object.keys(copy))
  if (key === undefined) return pick(odd)
  if (next() < 0.04) delete copy[key]
  else copy[key] = mutate(copy[key], next)
  return copy
}

function judge(body: string | Buffer): 'read' | 'refused' {
  try {
    const received = whatsapp.receive(post(body), account)
    // What was read can be stored: no NUL, no lone surrogate, no invalid date.
    const json = JSON.stringify({ ...received, problems: [] })
    if (/\\u0000|\\ud[89a-f]/i.test(json)) throw new Error(`not storable: ${json}`)
    for (const { sentAt, externalMessageId } of received.messages) {
      if (Number.isNaN(sentAt.getTime()) || !externalMessageId) throw new Error(`odd: ${json}`)
    }
    for (const problem of received.problems ?? []) {
      if (!(problem instanceof UnreadablePayload)) throw new Error('a foreign problem')
    }
    return 'read'
  } catch (error) {
    if (error instanceof UnreadablePayload) return 'refused'
    throw error
  }
}

t.test('everything at once is read without a problem', async (t) => {
  const received = whatsapp.receive(post(envelope(...changes)), account)
  t.notOk(received.problems)
  // Three times all kinds but reaction, edit and revoke; those three and three statuses are updates.
  t.equal(received.messages.length, 3 * (all.length - 3))
  t.equal(received.updates.length, 3 * 3 + 3)
})

t.test('whatever becomes of a payload, it is read or refused', async (t) => {
  const next = random(20_251_120)
  const intact = change({ messages: [{ ...kinds['text'], id: 'wamid.intact' }] })
  const verdicts = { read: 0, refused: 0 }
  for (let round = 0; round < 2_500; round += 1) {
    let one: unknown = changes[round % changes.length]
    for (let times = 1 + Math.floor(next() * 6); times > 0; times -= 1) one = mutate(one, next)
    const payload: unknown = { entry: [{ changes: [one, intact] }] }
    const { messages } = whatsapp.receive(post(payload), account)
    if (messages.at(-1)?.externalMessageId !== 'wamid.intact') {
      t.fail(`one sinks the other: ${JSON.stringify(one)}`)
    }
    verdicts[judge(JSON.stringify(mutate(payload, next)) ?? '')] += 1
  }
  t.ok(verdicts.read > 1_500, `${verdicts.read} were read`)
  t.ok(verdicts.refused > 50, `${verdicts.refused} were refused`)
})

t.test('whatever becomes of the bytes, they are read or refused', async (t) => {
  const next = random(7)
  const samples = changes.map((one) => Buffer.from(JSON.stringify(envelope(one))))
  const verdicts = { read: 0, refused: 0 }
  for (let round = 0; round < 3_000; round += 1) {
    const changed = Buffer.from(samples[round % samples.length] ?? '')
    const highest = round % 2 === 0 ? 256 : 128
    changed[Math.floor(next() * changed.length)] = Math.floor(next() * highest)
    const length = next() < 0.9 ? changed.length : Math.floor(next() * changed.length)
    verdicts[judge(changed.subarray(0, length))] += 1
  }
  t.ok(verdicts.read > 500, `${verdicts.read} were read`)
  t.ok(verdicts.refused > 500, `${verdicts.refused} were refused`)
})

t.test('nesting without end is refused, wherever it is', async (t) => {
  const abyss = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  t.equal(judge(abyss), 'refused')
  t.equal(judge(`{"entry": ${abyss}}`), 'read')
  const message = `{"id": "a", "from": "16505551234", "timestamp": "1", "x": ${abyss}}`
  const payload = `{"entry": [{"changes": [{"value": {"messages": [${message}]}}]}]}`
  const { messages, problems } = whatsapp.receive(post(payload), account)
  t.same(messages, [])
  t.equal(problems?.[0]?.field, 'entry.0.changes.0.value.messages.0')
})
