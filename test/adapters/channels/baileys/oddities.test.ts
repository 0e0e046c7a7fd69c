import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { keyOf, peer } from './peer.ts'
import { direct, inGroup, receiveBody, sentAt, upsert } from './support.ts'

/** mulberry32: the same numbers each time. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const at = new Date(sentAt * 1000)
const [id, from, group] = [peer.id(1), peer.person(1), peer.groupId?.(1) ?? '']
const samples = [
  peer.text({ id, from, body: 'Hello', at, group }),
  peer.media?.({ id, from, caption: 'Look', at }),
  peer.edit?.({ id, from, body: 'Hello!', at }),
  peer.revoke?.({ id, from, at, group }),
  peer.reaction?.({ id, from, emoji: '👍', at }),
  peer.receipt?.({ id, to: from, status: 'failed', at }),
]
  .map((request) => String(request?.body))
  .concat(
    [
      upsert({ key: inGroup, messageStubType: 21, messageStubParameters: ['Name'] }),
      upsert({
        key: direct,
        message: { locationMessage: { degreesLatitude: 1, degreesLongitude: 2 } },
      }),
      upsert({
        key: direct,
        message: { pollCreationMessage: { name: 'x', options: [{ optionName: 'y' }] } },
      }),
      upsert({
        key: direct,
        message: { templateMessage: { hydratedTemplate: { imageMessage: { url: 'u' } } } },
      }),
      {
        event: 'message-receipt.update',
        data: [{ key: inGroup, receipt: { userJid: '1@lid', readTimestamp: sentAt } }],
      },
      {
        event: 'groups.upsert',
        data: [{ id: group, subject: 'x', participants: [keyOf({ id, from })] }],
      },
      {
        event: 'messaging-history.set',
        data: {
          chats: [{ id: group, name: 'x' }],
          contacts: [{ id: 'x' }],
          lidPnMappings: [{ lid: 'y' }],
          messages: [],
        },
      },
    ].map((event) => JSON.stringify(event)),
  )

const oddities: unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  '\0',
  '\ud800',
  'x'.repeat(300),
  [],
  [[]],
  {},
  { low: 1 },
  { low: 'x', high: {} },
  { type: 'Buffer', data: 'AA==' },
  { type: 'Buffer', data: [999] },
  { 0: 1, 1: 'x' },
  '@',
  '@lid',
  ':@g.us',
  { message: { message: {} } },
  '99999999999999999999',
  { toString: 1 },
  { length: -1 },
]

/** One value somewhere inside becomes another, or goes, or moves in deeper. */
function mutate(value: unknown, random: () => number): unknown {
  const odd = () => oddities[Math.floor(random() * oddities.length)]
  if (typeof value !== 'object' || value === null || random() < 0.12) return odd()
  const names = Object.keys(value)
  const name = names[Math.floor(random() * names.length)]
  if (name === undefined) return odd()
  const inside = (value as Record<string, unknown>)[name]
  const kind = random()
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) }
  if (kind < 0.1) delete copy[name]
  else if (kind < 0.2) copy[name] = [inside]
  else if (kind < 0.3) copy['message'] = { editedMessage: { message: inside } }
  else copy[name] = mutate(inside, random)
  return Array.isArray(value) ? Object.values(copy) : copy
}

function outcome(body: string | Buffer): 'read' | 'problems' | 'refused' {
  try {
    const { messages, updates, problems } = receiveBody(body)
    for (const message of messages) {
      if (Number.isNaN(message.sentAt.getTime()) || message.externalMessageId === '')
        throw new Error('a row that is none')
    }
    for (const { externalMessageId, update } of updates) {
      if (externalMessageId === '' || !(Date.parse(update.at) > 0))
        throw new Error('an update that is none')
    }
    return problems ? 'problems' : 'read'
  } catch (error) {
    if (error instanceof UnreadablePayload) return 'refused'
    throw error
  }
}

t.test('whatever comes is read or refused, and nothing else happens', async (t) => {
  const random = numbers(20_260_601)
  const counts = { read: 0, problems: 0, refused: 0 }
  for (let round = 0; round < 6000; round++) {
    let value: unknown = JSON.parse(samples[round % samples.length] ?? '')
    for (let change = 0; change <= random() * 3; change++) value = mutate(value, random)
    counts[outcome(JSON.stringify(value) ?? '')] += 1
  }
  for (let round = 0; round < 1500; round++) {
    const bytes = Buffer.from(samples[round % samples.length] ?? '')
    for (let change = 0; change < 3; change++)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    counts[outcome(bytes)] += 1
  }
  t.ok(counts.read > 500 && counts.problems > 500 && counts.refused > 500, JSON.stringify(counts))
})

t.test('a message nested beyond measure is a problem of its own', async (t) => {
  const deep = `${'{"ephemeralMessage":{"message":'.repeat(3000)}{}${'}}'.repeat(3000)}`
  const info = (id: string, message: string) =>
    `{"key":{"remoteJid":"1@lid","id":"${id}"},"messageTimestamp":${sentAt},"message":${message}}`
  const body = `{"event":"messages.upsert","data":{"messages":[${info('A', deep)},${info('B', '{"conversation":"x"}')}]}}`
  const { messages, problems } = receiveBody(body)
  t.same(
    messages.map(({ externalMessageId }) => externalMessageId),
    ['B'],
  )
  t.equal(problems?.length, 1)
})
