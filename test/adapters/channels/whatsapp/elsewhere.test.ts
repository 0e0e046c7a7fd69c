import t from 'tap'
import {
  bsuid,
  change,
  envelope,
  group,
  kinds,
  messages,
  ourNumber,
  receive,
  said,
  sheena,
} from './samples.ts'

t.test('a message in a group names the group and who wrote it', async (t) => {
  const item = { ...kinds['text'], group_id: group, from_user_id: bsuid }
  const [message] = receive(messages([item])).messages
  t.match(message, {
    conversationExternalId: group,
    address: '+16505551234',
    alternateAddress: bsuid,
    senderName: 'Sheena Nelson',
  })
  const nobody = { ...kinds['text'], group_id: group, from: undefined }
  const [unnamed] = receive(messages([nobody], {})).messages
  t.match(unnamed, { conversationExternalId: group, address: null })
})

t.test('what the owner wrote in the business app is outbound, to the customer', async (t) => {
  const echo = { ...kinds['text'], from: '15550783881', to: '16505551234', to_user_id: bsuid }
  const payload = envelope(
    change({ contacts: [sheena], message_echoes: [echo] }, 'smb_message_echoes'),
  )
  const [message] = receive(payload).messages
  t.match(message, {
    direction: 'outbound',
    accountAddress: ourNumber,
    address: '+16505551234',
    alternateAddress: bsuid,
    body: 'Does it come in another color?',
  })
  t.notOk(message?.senderName)
  const lost = { ...echo, to: undefined, to_user_id: undefined }
  const [problem] = receive(envelope(change({ message_echoes: [lost] }))).problems ?? []
  t.equal(problem?.field, 'entry.0.changes.0.value.message_echoes.0.to')
})

t.test("a business app's history is stored, each message its own way", async (t) => {
  const ours = { ...kinds['text'], id: 'h1', from: '15550783881' }
  const placeholder = { ...said({ type: 'media_placeholder' }), id: 'h2', from: '15550783881' }
  const theirs = { ...kinds['text'], id: 'h3', history_context: { status: 'READ' } }
  const context = { wa_id: '16505551234', user_id: bsuid, username: 'sheena' }
  const history = [
    {
      metadata: { phase: 0, chunk_order: 1, progress: 55 },
      threads: [{ id: '16505551234', context, messages: [ours, placeholder, theirs] }],
    },
    { errors: [{ code: 2593109, title: 'History sync is turned off' }] },
  ]
  const { messages: rows, problems } = receive(envelope(change({ history }, 'history')))
  t.notOk(problems)
  t.match(rows, [
    { direction: 'outbound', address: '+16505551234', externalMessageId: 'h1', stub: undefined },
    { direction: 'outbound', address: '+16505551234', externalMessageId: 'h2', stub: true },
    { direction: 'inbound', address: '+16505551234', alternateAddress: bsuid },
  ])
  t.same(rows[2]?.metadata, { username: 'sheena', history: { status: 'READ' } })
})

t.test('who writes from another number than their WhatsApp id is no echo of ours', async (t) => {
  const theirs = { ...kinds['text'], from: '5511999999999' }
  const history = [{ threads: [{ id: '551199999999', messages: [theirs] }] }]
  const [row] = receive(envelope(change({ history }, 'history'))).messages
  t.match(row, { direction: 'inbound', address: '+551199999999' })
})

t.test("the history's media come later, under the placeholder's id", async (t) => {
  const payload = envelope(change({ messages: [{ ...kinds['image'], id: 'h2' }] }, 'history'))
  const [row] = receive(payload).messages
  t.match(row, { externalMessageId: 'h2', contentType: 'image', metadata: { history: {} } })
  t.notOk(row?.stub)
})
