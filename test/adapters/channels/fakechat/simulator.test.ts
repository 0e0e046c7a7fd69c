import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type {
  ChannelAccount,
  OutboundMessage,
  Received,
} from '../../../../adapters/channels/channel.ts'
import { createFakechatProvider, fakechat } from '../../../../adapters/channels/fakechat/index.ts'
import type { FakechatWebhook } from '../../../../adapters/channels/fakechat/simulator.ts'
import { waitFor } from '../../../support/wait.ts'

const account: ChannelAccount = {
  tenantId: 1,
  accountId: '0193a1b2-0000-7000-8000-000000000001',
  channel: 'fakechat',
  address: '+27820000000',
  provider: 'fakechat',
  settings: {},
  secret: null,
}
const idempotent = { ...account, settings: { idempotency: true } }

let count = 0
function say(body: string, change: Partial<OutboundMessage> = {}): OutboundMessage {
  count += 1
  return {
    id: `message-${count}`,
    attemptId: `attempt-${count}`,
    attempt: 1,
    address: '+27831234567',
    conversationExternalId: null,
    contentType: 'text',
    body,
    mediaUrl: null,
    replyTo: null,
    metadata: {},
    ...change,
  }
}

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pigeonpost-test-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

/** A provider, and what its webhooks say, read as the channel reads them. */
function start(
  t: Test,
  dataFolder: string,
  deliver?: (webhook: FakechatWebhook) => Promise<unknown>,
) {
  const told: Received[] = []
  const warnings: unknown[] = []
  const provider = createFakechatProvider({
    dataFolder,
    deliveredAfter: 10,
    readAfter: 30,
    warn: (error) => warnings.push(error),
    deliver: deliver ?? (async ({ request }) => void told.push(fakechat.receive(request, null))),
  })
  t.teardown(() => provider.close())
  const send = (message: OutboundMessage, from = account, signal = new AbortController().signal) =>
    provider.send(message, { account: from, signal, publicUrl: null })
  const statuses = (id: string) =>
    told.flatMap(({ updates }) =>
      updates.flatMap(({ externalMessageId, update }) =>
        externalMessageId === id && update.kind === 'receipt' ? [update.status] : [],
      ),
    )
  return { provider, send, told, warnings, statuses }
}

async function journal(dataFolder: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(dataFolder, 'fakechat', 'journal.jsonl'), 'utf8')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

t.test('a message is journaled before it is acknowledged, then delivered, then read', async (t) => {
  const dataFolder = await folder(t)
  const { send, statuses } = start(t, dataFolder)
  const message = say('Hello')
  const outcome = await send(message)
  t.match(await journal(dataFolder), [
    { message_id: message.id, attempt_id: message.attemptId, to: '+27831234567' },
  ])
  t.notMatch(JSON.stringify(await journal(dataFolder)), /Hello/, 'without its body')
  if (outcome.outcome !== 'sent') return t.fail('not sent')
  t.equal((await journal(dataFolder))[0]?.['external_message_id'], outcome.externalMessageId)
  await waitFor(() => statuses(outcome.externalMessageId).length === 2, { what: 'two receipts' })
  t.same(statuses(outcome.externalMessageId), ['delivered', 'read'])
})

t.test('a webhook is for the account that the message went out from', async (t) => {
  const got: FakechatWebhook[] = []
  const { send } = start(t, await folder(t), async (webhook) => void got.push(webhook))
  await send(say('Hello'), { ...account, tenantId: 7 })
  await waitFor(() => got.length === 2, { what: 'two webhooks' })
  t.match(got[0], {
    tenantId: 7,
    accountId: account.accountId,
    request: { method: 'POST', path: `/api/webhooks/fakechat/${account.accountId}` },
  })
})

t.test('#reply brings an answer from the recipient, once', async (t) => {
  const { send, told } = start(t, await folder(t))
  await send(say('Hello #reply'))
  const replies = () => told.flatMap(({ messages }) => messages)
  await waitFor(() => replies().length > 0, { what: 'a reply' })
  t.match(replies(), [
    { direction: 'inbound', address: '+27831234567', accountAddress: '+27820000000' },
  ])
})

t.test('#429 and #500 turn the first try away, with an exclamation mark every one', async (t) => {
  const dataFolder = await folder(t)
  const { send } = start(t, dataFolder)
  const limited = say('Hello #429')
  t.same(await send(limited), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'rate_limited',
    errorMessage: 'Too many requests',
    retryAfterMs: 1000,
  })
  t.match(await send({ ...limited, attempt: 2 }), { outcome: 'sent' })
  const broken = say('#500 hello')
  t.match(await send(broken), { outcome: 'not_sent', retryable: true, errorCode: 'server_error' })
  t.match(await send({ ...broken, attempt: 2 }), { outcome: 'sent' })
  const stubborn = say('#500! #429!')
  for (const attempt of [1, 2, 3])
    t.match(await send({ ...stubborn, attempt }), { outcome: 'not_sent', retryable: true })
  t.equal((await journal(dataFolder)).length, 2, 'what was refused is not acknowledged')
})

t.test('#fail is final', async (t) => {
  const dataFolder = await folder(t)
  const { send } = start(t, dataFolder)
  t.match(await send(say('#FAIL')), {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'recipient_unreachable',
  })
  t.same(await journal(dataFolder), [])
  t.match(await send(say('a #failure is none')), { outcome: 'sent' })
})

t.test('#hang gets no answer until the signal fires, and then nobody knows', async (t) => {
  const dataFolder = await folder(t)
  const { send } = start(t, dataFolder)
  const controller = new AbortController()
  const sending = send(say('#hang'), account, controller.signal)
  t.match(await send(say('Hello')), { outcome: 'sent' }, 'others are answered meanwhile')
  t.equal(await Promise.race([sending, Promise.resolve('no answer')]), 'no answer')
  controller.abort()
  t.match(await sending, { outcome: 'ambiguous', errorCode: 'timeout' })
  t.match(
    await send(say('Hello'), account, controller.signal),
    { outcome: 'not_sent', retryable: true },
    'never left',
  )
  t.equal((await journal(dataFolder)).length, 1)
})

t.test('by default a second request is a second message', async (t) => {
  const dataFolder = await folder(t)
  const { send, provider } = start(t, dataFolder)
  const message = say('Hello')
  await send(message)
  await send(message)
  t.equal((await journal(dataFolder)).length, 2)
  t.equal(provider.takesIdempotencyKey(account), false)
})

t.test(
  'with the setting, the attempt id is an idempotency key, for other processes too',
  async (t) => {
    const dataFolder = await folder(t)
    const { send, provider } = start(t, dataFolder)
    const other = start(t, dataFolder)
    t.equal(provider.takesIdempotencyKey(idempotent), true)
    const message = say('Hello')
    const first = await send(message, idempotent)
    t.match(first, { outcome: 'sent' })
    t.same(await send(message, idempotent), first)
    t.same(await other.send(message, idempotent), first)
    t.equal((await journal(dataFolder)).length, 1)
  },
)

t.test(
  'what a crash left unreported is reported by the next, and what was reported is not',
  async (t) => {
    const dataFolder = await folder(t)
    const first = start(t, dataFolder)
    const done = await first.send(say('Hello'))
    if (done.outcome !== 'sent') return t.fail('not sent')
    const reported = join(dataFolder, 'fakechat', 'reported.jsonl')
    await waitFor(async () => (await readFile(reported, 'utf8')).includes(done.externalMessageId), {
      what: 'a report',
    })
    await first.provider.close()

    // A journal as a crash leaves it: a message acknowledged, no report of it, and a line cut off.
    const path = join(dataFolder, 'fakechat', 'journal.jsonl')
    const [line] = await journal(dataFolder)
    await appendFile(
      path,
      `${JSON.stringify({ ...line, external_message_id: 'fc_crashed' })}\n{"at":"20`,
    )
    const second = start(t, dataFolder)
    await waitFor(() => second.statuses('fc_crashed').includes('read'), {
      what: 'the report after the crash',
    })
    t.same(second.statuses('fc_crashed'), ['delivered', 'read'])
    t.same(second.statuses(done.externalMessageId), [])
    t.match(await second.send(say('Hello')), { outcome: 'sent' })
    const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean)
    t.equal(lines[2], '{"at":"20')
    t.equal(lines.length, 4, 'what comes after the line cut off has a line of its own')
  },
)

t.test('a webhook that is not taken is sent again', async (t) => {
  let tries = 0
  const taken: unknown[] = []
  const { send, warnings } = start(t, await folder(t), async (webhook) => {
    tries += 1
    if (tries === 1) throw new Error('the database is away')
    taken.push(webhook)
  })
  await send(say('Hello'))
  await waitFor(() => taken.length === 2, { what: 'both webhooks' })
  t.match(warnings, [/away/])
})

t.test('a folder that cannot be written is a reason to try later', async (t) => {
  const dataFolder = await folder(t)
  await appendFile(join(dataFolder, 'fakechat'), 'a file in the way')
  const { send } = start(t, dataFolder)
  t.match(await send(say('Hello')), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'unavailable',
  })
})
