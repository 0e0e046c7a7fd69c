import t from 'tap'
import { at, receive, without } from './receiving.ts'
import { smsStatus, webhookUrl, whatsappStatus } from './support.ts'

t.test('a status callback becomes a receipt', async (t) => {
  t.same(receive(smsStatus), {
    messages: [],
    updates: [
      {
        channel: 'sms',
        accountAddress: '+15017122661',
        externalMessageId: smsStatus['MessageSid'],
        update: { kind: 'receipt', status: 'delivered', at: at.toISOString() },
      },
    ],
  })
  t.match(receive(whatsappStatus).updates, [
    { channel: 'whatsapp', accountAddress: '+14155238886', update: { status: 'read' } },
  ])
})

t.test('the attempt in its URL is the reference', async (t) => {
  const attempt = '0193a1b2-1111-7000-8000-000000000001'
  const [update] = receive(smsStatus, { url: `${webhookUrl}?attempt=${attempt}` }).updates
  t.equal(update?.reference, attempt)
  for (const url of [webhookUrl, `${webhookUrl}?attempt=`, `${webhookUrl}?attempt=1`]) {
    const [other] = receive(smsStatus, { url }).updates
    t.equal(other?.externalMessageId, smsStatus['MessageSid'])
    t.notOk(other && 'reference' in other, url)
  }
})

t.test('statuses are ours, and those on the way there are no receipts', async (t) => {
  const status = (MessageStatus: string) =>
    receive({ ...smsStatus, MessageStatus }).updates.map(({ update }) =>
      update.kind === 'receipt' ? update.status : update.kind,
    )
  t.same(
    ['sent', 'delivered', 'read', 'failed', 'undelivered', 'canceled', 'Delivered'].map(status),
    [['sent'], ['delivered'], ['read'], ['failed'], ['failed'], ['failed'], ['delivered']],
  )
  for (const other of [
    'queued',
    'accepted',
    'sending',
    'scheduled',
    'receiving',
    'teleported',
    'constructor',
  ]) {
    t.same(receive({ ...smsStatus, MessageStatus: other }), { messages: [], updates: [] }, other)
  }
  const old = { ...without(smsStatus, 'MessageStatus', 'MessageSid'), SmsStatus: 'sent' }
  t.match(receive(old).updates, [
    { externalMessageId: smsStatus['SmsSid'], update: { status: 'sent' } },
  ])
})

t.test('a failure says why, in whatever words there are', async (t) => {
  const reason = (fields: Record<string, string>) => {
    const [update] = receive({ ...smsStatus, MessageStatus: 'undelivered', ...fields }).updates
    return update?.update.kind === 'receipt'
      ? [update.update.error_code, update.update.error_message]
      : []
  }
  t.same(reason({ ErrorCode: '30003', ErrorMessage: 'Unreachable' }), ['30003', 'Unreachable'])
  t.same(reason({ ErrorCode: '63016', ChannelStatusMessage: 'Too late' }), ['63016', 'Too late'])
  t.same(reason({ ErrorCode: '30003' }), ['30003', "the recipient's phone cannot be reached"])
  t.same(reason({ ErrorCode: '99999' }), ['99999', 'Twilio reports the message as undelivered.'])
  t.same(reason({}), ['undelivered', 'Twilio reports the message as undelivered.'])
  t.same(reason({ MessageStatus: 'canceled' }), [
    'canceled',
    'Twilio reports the message as canceled.',
  ])
  const [delivered] = receive({ ...smsStatus, ErrorCode: '30003' }).updates
  t.notMatch(delivered?.update, { error_code: '30003' }, 'only of a failure')
})

t.test('a callback tells both ids of the recipient', async (t) => {
  const ExternalUserId = 'whatsapp:BR.1A2B3C4D5E6F'
  t.same(receive({ ...whatsappStatus, ExternalUserId }).identities, [
    { channel: 'whatsapp', address: '+5511900000001', alternateAddress: 'BR.1A2B3C4D5E6F' },
  ])
  const hidden = receive({ ...whatsappStatus, To: ExternalUserId, ExternalUserId })
  t.equal(hidden.identities, undefined)
  t.equal(hidden.updates.length, 1)
})

t.test('a callback of another channel is a receipt by its id alone', async (t) => {
  const [update] = receive({
    ...smsStatus,
    From: 'rcs:brand_agent',
    To: 'rcs:+14155550100',
  }).updates
  t.same(update, {
    externalMessageId: smsStatus['MessageSid'],
    update: { kind: 'receipt', status: 'delivered', at: at.toISOString() },
  })
  t.equal(receive(without(smsStatus, 'From', 'To')).updates.length, 1)
})
