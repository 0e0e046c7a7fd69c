/** Payloads in the shape of Meta's documents, for the tests and for the conformance suite's peer. */

import { createHash } from 'node:crypto'
import type {
  ChannelAccount,
  Received,
  WebhookRequest,
} from '../../../../adapters/channels/channel.ts'
import { whatsapp } from '../../../../adapters/channels/whatsapp/index.ts'

export const ourNumber = '+15550783881'
export const secrets = {
  access_token: 'EAAJB-token',
  app_secret: 'app-secret-0123456789',
  verify_token: 'verify-me',
}

export const account: ChannelAccount = {
  tenantId: 1,
  accountId: '0196a3a4-0000-7000-8000-000000000001',
  channel: 'whatsapp',
  address: ourNumber,
  provider: 'whatsapp',
  settings: { phone_number_id: '106540352242922' },
  secret: JSON.stringify(secrets),
}

export const metadata = {
  display_phone_number: '15550783881',
  phone_number_id: '106540352242922',
}
export const sheena = { profile: { name: 'Sheena Nelson' }, wa_id: '16505551234' }
export const bsuid = 'US.13491208655302741918'
export const newBsuid = 'US.24817305912873645029'
export const group = 'Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD'
/** 1739321024 */
export const at = new Date('2025-02-12T00:43:44Z')

export function change(value: object, field = 'messages'): object {
  return { value: { messaging_product: 'whatsapp', metadata, ...value }, field }
}

export function envelope(...changes: object[]): object {
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: '102290129340398', changes }],
  }
}

/** A message of Sheena's; `beside` stands beside `messages`. */
export function messages(items: unknown[], beside: object = { contacts: [sheena] }): object {
  return envelope(change({ ...beside, messages: items }))
}

export function said(content: object): object {
  return { from: '16505551234', id: 'wamid.one', timestamp: '1739321024', ...content }
}

export function post(payload: unknown): WebhookRequest {
  const body =
    Buffer.isBuffer(payload) || typeof payload === 'string' ? payload : JSON.stringify(payload)
  return {
    method: 'POST',
    url: 'https://example.com/api/webhooks/whatsapp/1',
    path: '/api/webhooks/whatsapp/1',
    query: {},
    receivedAt: new Date(),
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(body),
  }
}

export function receive(payload: unknown): Received {
  return whatsapp.receive(post(payload), account)
}

const image = {
  caption: 'Two of these',
  mime_type: 'image/jpeg',
  sha256: createHash('sha256').update('the picture').digest('base64'),
  id: '2754859441498128',
  url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=2754859441498128',
}

/** One of each kind. */
export const kinds: Record<string, object> = {
  text: said({ type: 'text', text: { body: 'Does it come in another color?' } }),
  image: said({ type: 'image', image }),
  voice: said({
    type: 'audio',
    audio: {
      mime_type: 'audio/ogg; codecs=opus',
      sha256: 'x',
      id: '1908647269898587',
      voice: true,
    },
  }),
  video: said({ type: 'video', video: { mime_type: 'video/mp4', id: '75', caption: 'look' } }),
  document: said({
    type: 'document',
    document: { filename: 'order.pdf', mime_type: 'application/pdf', id: '77', caption: 'mine' },
  }),
  sticker: said({
    type: 'sticker',
    sticker: { mime_type: 'image/webp', id: '78', animated: true },
  }),
  location: said({
    type: 'location',
    location: { latitude: 37.46, longitude: -122.21, name: 'HQ', address: '1 Hacker Way' },
  }),
  contacts: said({
    type: 'contacts',
    contacts: [{ name: { formatted_name: 'Barbara J. Johnson' }, phones: [{ phone: '+1 650' }] }],
  }),
  button_reply: said({
    type: 'interactive',
    context: { from: '15550783881', id: 'wamid.asked' },
    interactive: { type: 'button_reply', button_reply: { id: 'cancel', title: 'Cancel' } },
  }),
  list_reply: said({
    type: 'interactive',
    interactive: {
      type: 'list_reply',
      list_reply: { id: 'p1', title: 'Priority', description: 'Next day' },
    },
  }),
  nfm_reply: said({
    type: 'interactive',
    interactive: {
      type: 'nfm_reply',
      nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"flow_token": "t"}' },
    },
  }),
  button: said({ type: 'button', button: { payload: 'stop', text: 'Stop promotions' } }),
  order: said({
    type: 'order',
    order: {
      catalog_id: '194836987003835',
      text: 'Love these!',
      product_items: [
        { product_retailer_id: 'di9ozbzfi4', quantity: 2, item_price: 30, currency: 'USD' },
      ],
    },
  }),
  reaction: said({ type: 'reaction', reaction: { message_id: 'wamid.two', emoji: '👍' } }),
  edit: said({
    type: 'edit',
    edit: { original_message_id: 'wamid.two', message: { type: 'text', text: { body: 'Yes' } } },
  }),
  revoke: said({ type: 'revoke', revoke: { original_message_id: 'wamid.two' } }),
  system: said({
    type: 'system',
    system: {
      body: 'User Sheena changed from 16505551234 to 12195555358',
      wa_id: '12195555358',
      type: 'user_changed_number',
    },
  }),
  unsupported: said({
    type: 'unsupported',
    errors: [
      {
        code: 131051,
        title: 'Message type unknown',
        message: 'Message type unknown',
        error_data: { details: 'Message type is currently not supported.' },
      },
    ],
    unsupported: { type: 'poll_creation' },
  }),
  request_welcome: said({ type: 'request_welcome' }),
}

export function status(content: object): object {
  return {
    id: 'wamid.sent',
    status: 'delivered',
    timestamp: '1739321024',
    recipient_id: '16505551234',
    ...content,
  }
}

export const failed = status({
  status: 'failed',
  errors: [
    {
      code: 131047,
      title: 'Re-engagement message',
      message: 'Re-engagement message',
      error_data: { details: 'More than 24 hours have passed since the customer last replied.' },
    },
  ],
})

export const groupReceipt = status({
  status: 'read',
  recipient_id: group,
  recipient_type: 'group',
  recipient_participant_id: '16505551234',
  recipient_participant_user_id: bsuid,
})
