import t from 'tap'
import type { InboundUpdate } from '../../../../adapters/channels/channel.ts'
import {
  at,
  bsuid,
  change,
  envelope,
  failed,
  group,
  groupReceipt,
  kinds,
  messages,
  ourNumber,
  receive,
  status,
} from './samples.ts'

const time = at.toISOString()

function updates(item: object, beside: object = {}): InboundUpdate[] {
  const received = receive(messages([{ ...item, ...beside }]))
  t.same(received.messages, [])
  return received.updates
}

function receipts(...statuses: object[]): InboundUpdate[] {
  return receive(envelope(change({ statuses }))).updates
}

t.test('a reaction is of its sender, and one without an emoji takes it back', async (t) => {
  const expected = {
    accountAddress: ourNumber,
    externalMessageId: 'wamid.two',
    update: { kind: 'reaction', emoji: '👍', sender: '+16505551234', at: time },
  }
  t.same(updates(kinds['reaction'] ?? {}), [expected])
  for (const reaction of [
    { message_id: 'wamid.two' },
    { message_id: 'wamid.two', emoji: '' },
    { message_id: 'wamid.two', emoji: null },
  ]) {
    t.same(updates({ ...kinds['reaction'], reaction }), [
      { ...expected, update: { ...expected.update, emoji: null } },
    ])
  }
})

t.test('an edit has the new text or caption', async (t) => {
  const expected = {
    accountAddress: ourNumber,
    externalMessageId: 'wamid.two',
    update: { kind: 'edit', body: 'Yes', at: time },
  }
  t.same(updates(kinds['edit'] ?? {}), [expected])
  const edit = (message: object) => ({
    ...kinds['edit'],
    edit: { original_message_id: 'wamid.two', message },
  })
  t.match(updates(edit({ type: 'image', image: { caption: 'new', id: '5' } })), [
    { update: { kind: 'edit', body: 'new' } },
  ])
  t.match(updates(edit({ type: 'video', video: { id: '5' } })), [
    { update: { kind: 'edit', body: '' } },
  ])
  const [problem] = receive(messages([edit({ type: 'hologram' })])).problems ?? []
  t.equal(problem?.field, 'entry.0.changes.0.value.messages.0.edit.message')
})

t.test('a revoke names its message, and its group', async (t) => {
  t.same(updates(kinds['revoke'] ?? {}, { group_id: group }), [
    {
      accountAddress: ourNumber,
      conversationExternalId: group,
      externalMessageId: 'wamid.two',
      update: { kind: 'revoke', at: time },
    },
  ])
})

t.test('what the owner does in the business app is an update too, in our name', async (t) => {
  const ours = { from: '15550783881', to: '16505551234' }
  const echoes = ['reaction', 'edit', 'revoke'].map((name) => ({ ...kinds[name], ...ours }))
  const received = receive(envelope(change({ message_echoes: echoes }, 'smb_message_echoes')))
  t.same(received.messages, [])
  t.match(received.updates, [
    { externalMessageId: 'wamid.two', update: { kind: 'reaction', sender: ourNumber } },
    { update: { kind: 'edit', body: 'Yes' } },
    { update: { kind: 'revoke' } },
  ])
})

t.test('statuses are receipts, and played is read', async (t) => {
  const all = ['sent', 'delivered', 'read', 'played'].map((name) => status({ status: name }))
  t.same(
    receipts(...all),
    ['sent', 'delivered', 'read', 'read'].map((name) => ({
      accountAddress: ourNumber,
      externalMessageId: 'wamid.sent',
      update: { kind: 'receipt', status: name, at: time },
    })),
  )
})

t.test('a failure says why', async (t) => {
  t.match(receipts(failed), [
    {
      update: {
        kind: 'receipt',
        status: 'failed',
        error_code: '131047',
        error_message:
          'Re-engagement message: More than 24 hours have passed since the customer last replied.',
      },
    },
  ])
  const [bare] = receipts(status({ status: 'failed' }))
  t.same(bare?.update, { kind: 'receipt', status: 'failed', at: time })
  const same = { code: 1, title: 'Odd', error_data: { details: 'Odd' } }
  t.match(receipts(status({ status: 'failed', errors: [same] })), [
    { update: { error_code: '1', error_message: 'Odd' } },
  ])
  const [warned] = receipts(status({ errors: [same] }))
  t.same(warned?.update, { kind: 'receipt', status: 'delivered', at: time })
})

t.test('our attempt id comes back as the reference', async (t) => {
  const [update] = receipts(status({ biz_opaque_callback_data: 'attempt-1' }))
  t.equal(update?.reference, 'attempt-1')
})

t.test('only in a group a receipt has a recipient', async (t) => {
  t.same(receipts(groupReceipt), [
    {
      accountAddress: ourNumber,
      externalMessageId: 'wamid.sent',
      conversationExternalId: group,
      update: { kind: 'receipt', status: 'read', at: time, recipient: '+16505551234' },
    },
  ])
  const byId = { ...groupReceipt, recipient_participant_id: undefined }
  t.match(receipts(byId), [{ update: { recipient: bsuid } }])
  const whole = status({ status: 'sent', recipient_id: group, recipient_type: 'group' })
  const [update] = receipts(whole)
  t.equal(update?.conversationExternalId, group)
  t.same(update?.update, { kind: 'receipt', status: 'sent', at: time })
})

t.test('a status that is no receipt is passed over, a broken one is a problem', async (t) => {
  const statuses = [
    status({ status: 'deleted' }),
    status({ timestamp: undefined }),
    status({ id: '' }),
    status({}),
  ]
  const { updates, problems } = receive(envelope(change({ statuses })))
  t.equal(updates.length, 1)
  t.same(
    problems?.map((problem) => problem.field),
    ['entry.0.changes.0.value.statuses.1.timestamp', 'entry.0.changes.0.value.statuses.2.id'],
  )
})

t.test("a group's news are its name, description, suspension and end", async (t) => {
  const about = { timestamp: '1739321024', group_id: group }
  const groups = [
    { ...about, type: 'group_create', subject: 'Testers', description: 'Of releases' },
    {
      ...about,
      type: 'group_settings_update',
      group_subject: { text: 'Tasters', update_successful: true },
      group_description: { text: 'no', update_successful: false, errors: [{ code: 1 }] },
    },
    { ...about, type: 'group_suspend' },
    { ...about, type: 'group_suspend_cleared' },
    { ...about, type: 'group_delete' },
    { ...about, type: 'group_delete', errors: [{ code: 131000 }] },
    { ...about, type: 'group_create', subject: 'Never made', errors: [{ code: 131214 }] },
    { ...about, type: 'group_participants_add', added_participants: [{ wa_id: '16505551234' }] },
    { type: 'group_create', request_id: 'r', subject: 'x', errors: [{ code: 131211 }] },
  ]
  const received = receive(envelope(change({ groups }, 'group_lifecycle_update')))
  const place = { accountAddress: ourNumber, externalId: group }
  t.same(received, {
    messages: [],
    updates: [],
    groups: [
      { ...place, name: 'Testers', metadata: { description: 'Of releases' } },
      { ...place, name: 'Tasters' },
      { ...place, metadata: { suspended: true } },
      { ...place, metadata: { suspended: false } },
      { ...place, metadata: { deleted: true } },
    ],
  })
})
