import t from 'tap'
import {
  bsuid,
  change,
  envelope,
  kinds,
  messages,
  newBsuid,
  ourNumber,
  receive,
  said,
  sheena,
  status,
} from './samples.ts'

const text = kinds['text'] ?? {}
const unnamed = { ...text, from: undefined }

t.test('a number and a BSUID are two addresses of one person', async (t) => {
  const contacts = [{ ...sheena, user_id: bsuid }]
  for (const item of [text, { ...text, from_user_id: bsuid }]) {
    const { messages: rows, identities } = receive(messages([item], { contacts }))
    t.match(rows, [
      { address: '+16505551234', alternateAddress: bsuid, senderName: 'Sheena Nelson' },
    ])
    t.notOk(identities)
  }
})

t.test('who has taken a username is known by the BSUID alone', async (t) => {
  const profile = { name: 'Sheena Nelson', username: '@realsheena' }
  const contacts = [{ profile, user_id: bsuid }]
  const items = [{ ...unnamed, from_user_id: bsuid }, { ...text, from: bsuid }, unnamed]
  for (const item of items) {
    const [row] = receive(messages([item], { contacts })).messages
    t.match(row, { address: bsuid, senderName: 'Sheena Nelson' })
    t.notOk(row?.alternateAddress)
    t.same(row?.metadata, { username: '@realsheena' })
  }
  const [nameless] = receive(
    messages([{ ...unnamed, from_user_id: bsuid }], {
      contacts: [{ profile: { username: '@realsheena' }, user_id: bsuid }],
    }),
  ).messages
  t.equal(nameless?.senderName, '@realsheena')
})

t.test('a WhatsApp id that differs from the number is the same person', async (t) => {
  const contacts = [{ profile: { name: 'Ana' }, wa_id: '551199999999' }]
  const { messages: rows, identities } = receive(
    messages([{ ...text, from: '5511999999999' }], { contacts }),
  )
  t.match(rows, [{ address: '+5511999999999', senderName: 'Ana' }])
  t.same(identities, [
    { address: '+5511999999999', alternateAddress: '+551199999999', name: 'Ana' },
  ])
})

t.test('of several people each has their own contact', async (t) => {
  const tiago = { profile: { name: 'Tiago' }, wa_id: '16505550000', user_id: newBsuid }
  const items = [
    text,
    { ...text, id: 'b', from: '16505550000' },
    { ...text, id: 'c', from: '447700900123' },
  ]
  const { messages: rows, identities } = receive(messages(items, { contacts: [sheena, tiago] }))
  t.same(
    rows.map((row) => [row.address, row.alternateAddress, row.senderName]),
    [
      ['+16505551234', undefined, 'Sheena Nelson'],
      ['+16505550000', newBsuid, 'Tiago'],
      ['+447700900123', undefined, undefined],
    ],
  )
  t.notOk(identities)
})

t.test('the one contact of a batch of two people is not everyone', async (t) => {
  const items = [text, { ...text, id: 'b', from: '447700900123' }]
  const { messages: rows, identities } = receive(messages(items))
  t.same(
    rows.map((row) => row.senderName),
    ['Sheena Nelson', undefined],
  )
  t.notOk(identities)
})

t.test('a contact with another BSUID is somebody else', async (t) => {
  const contacts = [{ profile: { name: 'Tiago' }, user_id: newBsuid }]
  const item = { ...text, from_user_id: bsuid }
  const { messages: rows, identities } = receive(messages([item], { contacts }))
  t.match(rows, [{ address: '+16505551234', alternateAddress: bsuid, senderName: undefined }])
  t.notOk(identities)
})

t.test('a changed number links the two and is told in the old conversation', async (t) => {
  const { messages: rows, identities } = receive(messages([kinds['system'] ?? {}], {}))
  t.match(rows, [
    {
      direction: 'system',
      address: '+16505551234',
      contentType: 'text',
      body: 'User Sheena changed from 16505551234 to 12195555358',
      metadata: { type: 'system', system: { type: 'user_changed_number' } },
    },
  ])
  t.same(identities, [{ address: '+16505551234', alternateAddress: '+12195555358' }])
})

t.test('a changed BSUID links the two', async (t) => {
  const system = {
    body: 'User changed',
    type: 'user_changed_user_id',
    previous_user_id: bsuid,
    user_id: newBsuid,
  }
  const item = { ...said({ type: 'system', system }), from: undefined }
  const { messages: rows, identities } = receive(messages([item], {}))
  t.match(rows, [{ direction: 'system', address: bsuid }])
  t.same(identities, [{ address: bsuid, alternateAddress: newBsuid }])
})

t.test('the old spelling of a changed number is read too', async (t) => {
  const system = { body: 'changed', type: 'customer_changed_number', new_wa_id: '12195555358' }
  const { identities } = receive(messages([said({ type: 'system', system })], {}))
  t.same(identities, [{ address: '+16505551234', alternateAddress: '+12195555358' }])
})

t.test('another phone with the same number links nothing', async (t) => {
  const system = { body: 'User identity changed', type: 'customer_identity_changed' }
  const { messages: rows, identities } = receive(messages([said({ type: 'system', system })]))
  t.match(rows, [{ direction: 'system', address: '+16505551234', body: 'User identity changed' }])
  t.notOk(identities)
})

t.test('user_id_update links the BSUIDs and the number', async (t) => {
  const update = {
    wa_id: '16505551234',
    detail: 'User id has been updated.',
    user_id: { previous: bsuid, current: newBsuid },
    timestamp: '1739321024',
  }
  const payload = envelope(
    change({ contacts: [sheena], user_id_update: [update] }, 'user_id_update'),
  )
  t.same(receive(payload), {
    messages: [],
    updates: [],
    identities: [
      { address: '+16505551234', alternateAddress: bsuid, name: 'Sheena Nelson' },
      { address: '+16505551234', alternateAddress: newBsuid, name: 'Sheena Nelson' },
    ],
  })
})

t.test('a receipt that names number and BSUID links them, once a delivery', async (t) => {
  const one = status({ recipient_user_id: bsuid })
  const payload = envelope(change({ statuses: [one, { ...one, status: 'read' }] }))
  t.same(receive(payload).identities, [{ address: '+16505551234', alternateAddress: bsuid }])
  t.equal(receive(payload).updates[0]?.accountAddress, ourNumber)
})
