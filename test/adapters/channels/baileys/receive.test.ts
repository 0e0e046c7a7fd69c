import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { messageIdOf } from '../../../../adapters/channels/baileys/message-id.ts'
import { direct, inGroup, read, receive, receiveBody, sentAt, upsert } from './support.ts'

const iso = new Date(sentAt * 1000).toISOString()
const attempt = '0193a5b0-7c00-7000-8000-0000000000aa'
const ours = messageIdOf(attempt)
const phone = '+27831234567'
const lid = '40141234567890@lid'

t.test('a text becomes a row whose raw is its own payload', async (t) => {
  const info = {
    key: direct,
    messageTimestamp: sentAt,
    pushName: 'Thandi',
    message: { conversation: 'Hello' },
  }
  t.same(receive(upsert(info)), {
    messages: [
      {
        direction: 'inbound',
        address: phone,
        alternateAddress: lid,
        externalMessageId: direct.id,
        sentAt: new Date(sentAt * 1000),
        senderName: 'Thandi',
        contentType: 'text',
        body: 'Hello',
        metadata: {},
        raw: info,
      },
    ],
    updates: [],
  })
})

t.test('every message of a batch counts, and one that cannot be read costs no other', async (t) => {
  const { messages, problems } = receive([
    upsert(
      { key: { ...direct, id: 'A' }, message: { conversation: 'one' } },
      { key: { remoteJid: direct.remoteJid }, message: { conversation: 'no id' } },
      { key: { ...direct, id: 'B' }, message: { conversation: 'two' } },
    ),
    { nonsense: true },
    upsert({
      key: { ...direct, id: 'C' },
      messageTimestamp: null,
      message: { conversation: 'when?' },
    }),
    {
      event: 'messages.upsert',
      data: {
        type: 'append',
        messages: [
          {
            key: { ...direct, id: 'D' },
            messageTimestamp: sentAt,
            message: { conversation: 'while away' },
          },
        ],
      },
    },
  ])
  t.same(
    messages.map(({ externalMessageId, metadata }) => [externalMessageId, metadata]),
    [
      ['A', {}],
      ['B', {}],
      ['D', { origin: 'append' }],
    ],
  )
  t.same(
    problems?.map(({ field }) => field),
    [
      '[1].event',
      'messages.upsert.messages[1].key.id',
      'messages.upsert.messages[0].messageTimestamp',
    ],
  )
  t.ok(problems?.every((problem) => problem instanceof UnreadablePayload))
})

t.test('a body that is no event is refused with the field', async (t) => {
  for (const [body, field] of [
    ['', 'body'],
    ['{', 'body'],
    ['7', 'body'],
    ['{"data": []}', 'event'],
  ] as const) {
    t.equal(refusedField(body), field, body || 'empty')
  }
  t.same(receive([]), { messages: [], updates: [] })
})

t.test('events that say nothing for the database bring nothing', async (t) => {
  for (const event of [
    'presence.update',
    'call',
    'messages.delete',
    'blocklist.set',
    'labels.edit',
    'made.up',
  ]) {
    t.same(receive({ event, data: { keys: [direct], id: direct.remoteJid } }), {
      messages: [],
      updates: [],
    })
  }
})

t.test('people are told by phone and LID, whichever the key has and wherever', async (t) => {
  const who = (key: object) => {
    const [message] = receive(
      upsert({ key: { id: 'X', fromMe: false, ...key }, message: { conversation: 'x' } }),
    ).messages
    return message && [message.address, message.alternateAddress, message.conversationExternalId]
  }
  const pn = '27831234567@s.whatsapp.net'
  t.same(who({ remoteJid: pn }), [phone, undefined, undefined])
  t.same(who({ remoteJid: '27831234567:12@s.whatsapp.net', participant: '' }), [
    phone,
    undefined,
    undefined,
  ])
  t.same(who({ remoteJid: '27831234567_1:12@c.us' }), [phone, undefined, undefined])
  t.same(who({ remoteJid: lid }), [lid, undefined, undefined])
  t.same(who({ remoteJid: '40141234567890:3@lid', remoteJidAlt: pn }), [phone, lid, undefined])
  t.same(who({ remoteJid: pn, remoteJidAlt: lid }), [phone, lid, undefined])
  t.same(who({ remoteJid: lid, senderPn: pn }), [phone, lid, undefined], '6.7')
  t.same(who({ remoteJid: pn, senderLid: lid }), [phone, lid, undefined], '6.7')
  t.same(who({ remoteJid: '40141234567890@hosted.lid', remoteJidAlt: '27831234567@hosted' }), [
    phone,
    lid,
    undefined,
  ])
  t.same(who({ remoteJid: '867051314767696@bot' }), ['867051314767696@bot', undefined, undefined])
  const group = inGroup.remoteJid
  t.same(who(inGroup), [phone, lid, group])
  t.same(who({ remoteJid: group, participant: lid, participantPn: pn }), [phone, lid, group], '6.7')
  t.same(who({ remoteJid: group, participant: '' }), [null, undefined, group])
  t.same(who({ remoteJid: group, fromMe: true, participant: '99887766554433@lid' }), [
    null,
    undefined,
    group,
  ])
})

t.test('an author that only the message itself names is found', async (t) => {
  const key = { remoteJid: inGroup.remoteJid, id: 'H', fromMe: false }
  const { messages } = receive(upsert({ key, participant: lid, message: { conversation: 'old' } }))
  t.equal(messages[0]?.address, lid)
})

t.test(
  "our own sends are outbound to the counterpart, without the sender's name or number",
  async (t) => {
    const key = { ...direct, fromMe: true, senderPn: '27820000000@s.whatsapp.net' }
    t.match(read({ conversation: 'from the phone' }, { key }), {
      direction: 'outbound',
      address: phone,
      alternateAddress: lid,
      senderName: undefined,
      reference: undefined,
    })
    const mistaken = { ...key, remoteJidAlt: '27820000000@s.whatsapp.net' }
    t.match(read({ conversation: 'x' }, { key: mistaken }), {
      address: lid,
      alternateAddress: undefined,
    })
  },
)

t.test('an echo of what we sent leads back to the attempt', async (t) => {
  const key = { ...direct, fromMe: true, id: ours }
  t.match(read({ conversation: 'x' }, { key }), { externalMessageId: ours, reference: attempt })
  const second = { ...key, id: messageIdOf(attempt, 1) }
  t.equal(read({ conversation: 'x' }, { key: second }).reference, attempt)
  for (const id of ['3EB0A1433A525B163E5A01', '3EB0'.padEnd(40, '7'), `AC${ours.slice(2)}`]) {
    t.equal(read({ conversation: 'x' }, { key: { ...key, id } }).reference, undefined, id)
  }
})

t.test(
  'stories and channels are no conversations; a broadcast list is a message of its sender',
  async (t) => {
    const broadcast = (key: object) =>
      receive(
        upsert({ key: { id: 'S', fromMe: false, ...key }, message: { conversation: 'all!' } }),
      ).messages
    t.same(broadcast({ remoteJid: 'status@broadcast', participant: lid }), [])
    t.same(broadcast({ remoteJid: '120363199999999999@newsletter' }), [])
    t.same(broadcast({ remoteJid: '1781870949@broadcast', participant: lid, fromMe: true }), [])
    const list = {
      remoteJid: '1781870949@broadcast',
      participant: lid,
      remoteJidAlt: '27831234567@s.whatsapp.net',
    }
    t.match(broadcast(list), [
      { address: phone, alternateAddress: lid, conversationExternalId: undefined },
    ])
  },
)

t.test('the time comes as a number, its digits, or a Long', async (t) => {
  for (const time of [
    sentAt,
    String(sentAt),
    { low: sentAt, high: 0, unsigned: true },
    { low: sentAt | 0, high: 0 },
  ]) {
    t.equal(read({ conversation: 'x' }, { messageTimestamp: time }).sentAt.toISOString(), iso)
  }
})

t.test(
  'what could not be decrypted is a stub that its content fills in under the same id',
  async (t) => {
    const stub = (beside: object) => read(undefined, beside)
    t.match(stub({ messageStubType: 2, messageStubParameters: ['No session record'] }), {
      externalMessageId: direct.id,
      stub: true,
      contentType: 'structured',
      body: null,
      direction: 'inbound',
      metadata: { stub: { type: 'CIPHERTEXT', parameters: ['No session record'] } },
    })
    t.match(stub({ messageStubType: 'CIPHERTEXT' }), { stub: true }, 'by name')
    t.match(stub({}), { stub: true }, 'without a word')
    t.match(stub({ key: { ...direct, isViewOnce: true } }), {
      stub: true,
      metadata: { view_once: true },
    })
    const keys = { senderKeyDistributionMessage: { groupId: inGroup.remoteJid } }
    t.match(read(keys, { messageStubType: 2 }), { stub: true }, 'the keys came, the text did not')
    t.match(read({ conversation: 'here' }, { messageStubType: 2 }), {
      stub: undefined,
      body: 'here',
    })
  },
)

t.test('keys alone are no message', async (t) => {
  for (const message of [
    { senderKeyDistributionMessage: { groupId: inGroup.remoteJid } },
    { messageContextInfo: { deviceListMetadataVersion: 2 } },
  ]) {
    t.same(receive(upsert({ key: inGroup, message })), { messages: [], updates: [] })
  }
})

t.test(
  'what happens to a group is a system message, and its new name a change of the group',
  async (t) => {
    const received = receive([
      upsert({ key: inGroup, messageStubType: 21, messageStubParameters: ['Delivery Cape Town'] }),
      upsert({
        key: { ...inGroup, id: 'P' },
        messageStubType: 'GROUP_PARTICIPANT_ADD',
        messageStubParameters: ['{"id":"1@lid","phoneNumber":"27831111111@s.whatsapp.net"}'],
      }),
    ])
    t.match(received.messages, [
      {
        direction: 'system',
        address: phone,
        body: null,
        metadata: { stub: { type: 'GROUP_CHANGE_SUBJECT' } },
      },
      {
        direction: 'system',
        metadata: { stub: { type: 'GROUP_PARTICIPANT_ADD', parameters: [/1@lid/] } },
      },
    ])
    t.same(received.groups, [{ externalId: inGroup.remoteJid, name: 'Delivery Cape Town' }])
  },
)

t.test(
  "WhatsApp's notices about encryption are left out, missed calls and unknown kinds are not",
  async (t) => {
    const names = [39, 'E2E_IDENTITY_CHANGED', 67, 40, 9999, 'GROUP_SOMETHING_NEW'].flatMap(
      (messageStubType) =>
        receive(upsert({ key: direct, messageStubType })).messages.map(
          ({ direction, metadata }) => [direction, metadata?.['stub']],
        ),
    )
    t.same(names, [
      ['system', { type: 'CALL_MISSED_VOICE' }],
      ['system', { type: '9999' }],
      ['system', { type: 'GROUP_SOMETHING_NEW' }],
    ])
  },
)

t.test('the history is stored like what was missed, with the names of its groups', async (t) => {
  const received = receive({
    event: 'messaging-history.set',
    data: {
      chats: [
        { id: inGroup.remoteJid, name: 'Delivery' },
        { id: lid, pnJid: '27831234567@s.whatsapp.net' },
      ],
      contacts: [{ id: '5511987654321@s.whatsapp.net', lid: '222@lid', notify: 'Ana' }],
      lidPnMappings: [{ lid: '333@lid', pn: '27835555555@s.whatsapp.net' }],
      messages: [
        {
          key: inGroup,
          messageTimestamp: String(sentAt),
          message: { conversation: 'in the group' },
        },
        {
          key: { ...direct, fromMe: true, id: ours },
          messageTimestamp: sentAt,
          status: 4,
          message: { conversation: 'read long ago' },
        },
      ],
    },
  })
  t.match(received.messages, [
    { body: 'in the group', groupName: 'Delivery', metadata: { origin: 'history' } },
    { body: 'read long ago', direction: 'outbound', reference: attempt },
  ])
  t.same(received.updates, [
    {
      externalMessageId: ours,
      reference: attempt,
      update: { kind: 'receipt', status: 'read', at: iso },
    },
  ])
  t.same(received.groups, [{ externalId: inGroup.remoteJid, name: 'Delivery' }])
  t.same(received.identities, [
    { address: phone, alternateAddress: lid },
    { address: '+5511987654321', alternateAddress: '222@lid', name: 'Ana' },
    { address: '+27835555555', alternateAddress: '333@lid' },
  ])
})

t.test('addresses of one person are linked, wherever they are said together', async (t) => {
  const linked = (event: string, data: unknown) => receive({ event, data }).identities
  const pn = '27831234567@s.whatsapp.net'
  const both = [{ address: phone, alternateAddress: lid }]
  t.same(linked('lid-mapping.update', { lid, pn }), both)
  t.same(linked('chats.phoneNumberShare', { lid, jid: pn }), both, '6.7')
  t.same(linked('contacts.upsert', [{ id: lid, phoneNumber: pn }, { id: pn }]), both)
  t.same(linked('contacts.update', [{ id: pn, lid, notify: 'Thandi' }]), [
    { ...both[0], name: 'Thandi' },
  ])
  t.same(linked('contacts.upsert', [{ id: lid, jid: pn }]), both, '6.7')
  const participants = [{ id: lid, phoneNumber: pn, admin: null }, '27830000000@s.whatsapp.net']
  t.same(
    linked('group-participants.update', { id: inGroup.remoteJid, participants, action: 'add' }),
    both,
  )
  t.equal(linked('contacts.update', [{ id: pn, notify: 'Thandi' }]), undefined)
})

t.test('news of a group become its name and metadata', async (t) => {
  const { groups, identities } = receive([
    {
      event: 'groups.update',
      data: [
        { id: inGroup.remoteJid, subject: 'New name' },
        { id: '1@g.us', announce: true },
      ],
    },
    {
      event: 'groups.upsert',
      data: [
        {
          id: '2@g.us',
          subject: 'Fresh',
          desc: 'About us',
          owner: lid,
          size: 2,
          participants: [{ id: lid, phoneNumber: '27831234567@s.whatsapp.net' }],
        },
      ],
    },
  ])
  t.same(groups, [
    { externalId: inGroup.remoteJid, name: 'New name' },
    { externalId: '1@g.us', metadata: { announce: true } },
    {
      externalId: '2@g.us',
      name: 'Fresh',
      metadata: { description: 'About us', owner: lid, size: 2 },
    },
  ])
  t.same(identities, [{ address: phone, alternateAddress: lid }])
})

function refusedField(body: string): string {
  try {
    receiveBody(body)
  } catch (error) {
    if (error instanceof UnreadablePayload) return error.field
    throw error
  }
  return 'none'
}
