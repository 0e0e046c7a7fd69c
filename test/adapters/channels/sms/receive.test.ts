import t from 'tap'
import { type Received, UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { sms } from '../../../../adapters/channels/sms/index.ts'
import { mutations } from '../email/fuzz.ts'

/** The messaging-service API's payload. */
const example = {
  from: '+18045551234',
  to: '+12016661234',
  type: 'sms',
  messaging_provider_id: 'message-1',
  body: 'This is an incoming SMS message',
  attachments: null,
  timestamp: '2024-11-01T14:00:00Z',
}

function receive(payload: unknown): Received {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload))
  const request = {
    method: 'POST',
    url: '/',
    path: '/',
    query: {},
    receivedAt: new Date(),
    headers: {},
    body,
  }
  return sms.receive(request, null)
}

function refusal(payload: unknown): UnreadablePayload {
  try {
    receive(payload)
  } catch (error) {
    if (error instanceof UnreadablePayload) return error
    throw error
  }
  throw new Error('it was read')
}

t.test("document 003's sms is a message from its sender, under its provider's id", async (t) => {
  t.same(receive(example), {
    messages: [
      {
        direction: 'inbound',
        address: '+18045551234',
        accountAddress: '+12016661234',
        externalMessageId: 'message-1',
        contentType: 'text',
        body: 'This is an incoming SMS message',
        sentAt: new Date('2024-11-01T14:00:00Z'),
        metadata: { provider: 'messaging_provider', type: 'sms' },
        raw: example,
      },
    ],
    updates: [],
  })
})

t.test('an mms is an image with its text as the caption, and keeps every file', async (t) => {
  const attachments = ['https://example.com/image.jpg?size=2', 'https://example.com/a/b.pdf']
  const [message] = receive({ ...example, type: 'mms', attachments }).messages
  t.equal(message?.contentType, 'image')
  t.equal(message?.body, example.body)
  t.same(message?.media, [{ url: attachments[0] }, { url: attachments[1] }])
  const bare = receive({ ...example, type: 'mms', body: null, attachments: [attachments[1]] })
  t.equal(bare.messages[0]?.contentType, 'file')
  t.equal(bare.messages[0]?.body, null)
})

t.test('the provider is what its id field is called after', async (t) => {
  const { messaging_provider_id: id, ...rest } = example
  const provider = (payload: object) => {
    const [message] = receive(payload).messages
    return [message?.metadata?.['provider'], message?.externalMessageId]
  }
  t.same(provider({ ...rest, xillio_id: 'x-1' }), ['xillio', 'x-1'])
  t.same(provider({ ...rest, bandwidth_id: 77 }), ['bandwidth', '77'])
  t.same(provider({ account_id: 'a', other_id: 'o', ...example }), ['messaging_provider', id])
  t.equal(refusal(rest).field, 'messaging_provider_id')
  t.equal(refusal({ ...rest, messaging_provider_id: null }).field, 'messaging_provider_id')
  t.equal(refusal({ ...rest, account_id: 'a' }).field, 'messaging_provider_id')
})

t.test('phones come as people write them, and short codes and names stay', async (t) => {
  const from = (value: unknown) => receive({ ...example, from: value }).messages[0]?.address
  t.equal(
    from('(804) 555-1234'),
    '(804) 555-1234',
    'without its country it is no number of the world',
  )
  t.equal(from('+1 (804) 555-1234'), '+18045551234')
  t.equal(from(18045551234), '+18045551234')
  t.equal(from('72975'), '72975')
  t.equal(from('DHL'), 'DHL')
})

t.test('what is missing or wrong is named', async (t) => {
  for (const [field, value] of [
    ['from', undefined],
    ['from', ''],
    ['to', undefined],
    ['timestamp', undefined],
    ['timestamp', 'yesterday'],
    ['attachments.0', [7]],
    ['body', null],
  ] as const) {
    t.equal(refusal({ ...example, [field.split('.')[0] ?? '']: value }).field, field)
  }
  t.equal(refusal('text').field, 'body')
})

t.test('one unreadable message of a batch leaves the others be', async (t) => {
  const second = { ...example, messaging_provider_id: 'message-2' }
  const { messages, problems } = receive([example, { ...example, from: null }, second])
  t.same(
    messages.map(({ externalMessageId }) => externalMessageId),
    ['message-1', 'message-2'],
  )
  t.same(messages[1]?.raw, second)
  t.same(
    problems?.map(({ field }) => field),
    ['1.from'],
  )
})

t.test('whatever comes is read or refused', async (t) => {
  const samples = [JSON.stringify(example), JSON.stringify([example, example])]
  let read = 0
  for (const { body } of mutations(samples, 4000)) {
    try {
      read += receive(body).messages.length
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) {
        t.fail('another error', { error, body: body.toString() })
      }
    }
  }
  t.ok(read > 200, `${read} were read`)
})
