import type { ListedRoute } from './routes.ts'

/** A body that a route takes, with every field that holds a text; `{}` where that is one. */
export function samplesOf(known: { accountId: string; customerId: string }) {
  const metadata = { note: 'x' }
  const bodies: Record<string, Record<string, unknown>> = {
    'POST /messages': {
      whatsappAccountId: known.accountId,
      to: '+1234567890',
      type: 'Text',
      content: 'Hello, World!',
      mediaUrl: 'https://example.com/image.jpg',
      scheduledFor: '2025-11-06T10:00:00Z',
      metadata,
    },
    'POST /messages/:id/resolve': { status: 'sent', externalMessageId: 'abc' },
    'POST /messages/retry': { channel: 'fakechat', campaignId: 'spring', errorCode: 'busy' },
    'POST /messages/sms': {
      from: '+12016661234',
      to: '+18045551234',
      type: 'sms',
      body: 'Hello!',
      attachments: null,
      timestamp: '2024-11-01T14:00:00Z',
    },
    'POST /messages/email': {
      from: 'user@usehatchapp.com',
      to: 'contact@gmail.com',
      subject: 'Hi',
      body: 'Hello!',
      attachments: null,
      timestamp: '2024-11-01T14:00:00Z',
    },
    'POST /conversations': {
      type: 'group',
      accountId: known.accountId,
      externalId: 'g1',
      groupName: 'Friends',
      groupAvatar: 'x',
      groupMetadata: metadata,
    },
    'PATCH /conversations/:id': { groupName: 'x', groupAvatar: 'x', groupMetadata: metadata },
    'POST /conversations/:id/participants': {
      customerId: known.customerId,
      role: 'member',
      metadata,
    },
    'PATCH /conversations/:id/participants/:participantId': { role: 'admin' },
    'POST /customers': { name: 'Thandi', metadata },
    'PATCH /customers/:id': { name: 'Thandi', metadata },
    'POST /customers/:id/merge': { into: known.customerId },
    'POST /customers/:id/identities': { channel: 'telegram', address: 'thandi' },
    'POST /accounts': {
      channel: 'telegram',
      address: 'bot',
      name: 'x',
      provider: 'x',
      settings: metadata,
      timeZone: 'UTC',
      secretRef: 'env:TENANT_1_X',
    },
    'PATCH /accounts/:id': {
      address: 'x',
      name: 'x',
      provider: 'x',
      settings: metadata,
      timeZone: 'UTC',
    },
    'POST /accounts/:id/disconnect': { reason: 'x' },
    'POST /accounts/:id/disable': { reason: 'x' },
    'POST /keys': { name: 'x', scopes: ['messages:read'] },
  }
  return ({ method, url, body }: ListedRoute): Record<string, unknown> => {
    const sample = bodies[`${method} ${url.replace(/^\/api(\/v1)?/, '')}`]
    if (sample) return sample
    if (body?.safeParse({}).success) return {}
    throw new Error(`say in samples.ts what ${method} ${url} takes`)
  }
}
