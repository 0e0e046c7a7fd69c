import t from 'tap'
import { snowflakeTime } from '../../../../adapters/channels/discord/identity.ts'
import { ann, base, event, inGuild, interaction, receive } from './samples.ts'

t.test('an interaction is a structured message, in words', async (t) => {
  const direct = { ...interaction, user: ann, context: 1 }
  t.same(receive(direct), {
    messages: [
      {
        direction: 'inbound',
        address: ann.id,
        externalMessageId: base.id,
        contentType: 'structured',
        body: '/order size:large',
        sentAt: snowflakeTime(base.id),
        senderName: 'Ann',
        metadata: {
          type: 'interaction',
          interaction_type: 2,
          channel_id: base.channel_id,
          username: 'ann',
        },
        raw: direct,
      },
    ],
    updates: [],
  })
  const said = (change: object) => receive({ ...interaction, ...inGuild, ...change }).messages[0]
  t.match(said({}), {
    address: ann.id,
    conversationExternalId: base.channel_id,
    groupName: 'general',
    senderName: 'Annie',
  })
  const words: [change: object, body: string | null][] = [
    [
      {
        data: {
          name: 'shop',
          options: [
            {
              name: 'cart',
              type: 2,
              options: [{ name: 'add', type: 1, options: [{ name: 'n', value: 2 }] }],
            },
          ],
        },
      },
      '/shop cart add n:2',
    ],
    [{ data: { name: 'Report', type: 3, target_id: '5' } }, 'Report target:5'],
    [
      { type: 3, message: { id: '9' }, data: { custom_id: 'confirm', component_type: 2 } },
      'confirm',
    ],
    [{ type: 3, data: { custom_id: 'size', values: ['s', 'm'] } }, 'size: s, m'],
    [
      {
        type: 5,
        data: {
          custom_id: 'form',
          components: [
            { type: 1, components: [{ type: 4, custom_id: 'name', value: 'Ann' }] },
            { type: 18, component: { type: 3, custom_id: 'size', values: ['m'] } },
          ],
        },
      },
      'name: Ann\nsize: m',
    ],
    [{ type: 9, data: undefined }, null],
  ]
  for (const [change, body] of words) t.equal(said(change)?.body, body, String(body))
  t.match(said({ type: 3, message: { id: '9' } })?.replyTo, ['9'])
  for (const type of [1, 4]) t.equal(said({ type }), undefined, `type ${type} is no message`)
  t.equal(event('INTERACTION_CREATE', direct).messages[0]?.body, '/order size:large')
})
