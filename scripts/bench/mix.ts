/** What is stored of one thread, for requests about it. */
export type Known = {
  conversation: string
  thread: string
  customer: string
  address: string
  /** A message that came in. */
  message: string
}

export type Asked = {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  body?: object
  /** Told the cursor of the page behind the one that was answered. */
  onCursor?: (cursor: string | null) => void
}

export const kinds = [
  'send',
  'list messages',
  'conversation',
  'list conversations',
  'history',
  'statistics',
  'message',
  'mark read',
  'customer',
  'events',
] as const
export type Kind = (typeof kinds)[number]

/** Of 100 requests. */
const shares: Record<Kind, number> = {
  send: 15,
  message: 35,
  'list messages': 11,
  conversation: 10,
  history: 10,
  statistics: 5,
  'mark read': 5,
  customer: 5,
  'list conversations': 2,
  events: 2,
}

/**
 * The requests of applications that send messages and show conversations, without end and in no order, in the shares
 * above: most of all they send, and ask, twice and more, what became of it; about people who are known, but for one
 * message in ten, which goes to somebody new. Messages are listed by 20, with several filters (of those that leave many,
 * not Inbound: nothing comes in meanwhile), conversations by 5, since each comes with its 20 latest messages; both go on
 * by cursor for two pages. Statistics are of all, or of the last hour.
 */
export function* mixOf(known: Known[], accountId: string): Generator<Asked & { kind: Kind }> {
  const pages = new Map<string, string[]>()
  let sent = 0
  const any = () => known[Math.floor(Math.random() * known.length)] as Known

  const page = (path: string, given: Record<string, string>): Asked => {
    const query = new URLSearchParams(given)
    const list = `${path}?${query.toString()}`
    const cursor = pages.get(list)?.pop()
    if (cursor) query.set('cursor', cursor)
    return {
      method: 'GET',
      path: `${path}?${query.toString()}`,
      onCursor(next) {
        if (!cursor && next) pages.set(list, [next, next])
      },
    }
  }
  const filters = [
    () => ({}),
    () => ({}),
    () => ({ accountId }),
    () => ({ direction: 'Outbound' }),
    () => ({ type: 'Image' }),
    () => ({ contactId: any().customer }),
    () => ({ contactId: any().customer, direction: 'Inbound' }),
    () => ({ startDate: hoursAgo(24) }),
  ]
  const some = { limit: '5' }
  const conversations = [some, some, { ...some, status: 'open' }, { ...some, accountId }]
  const ask: Record<Kind, () => Asked> = {
    send() {
      sent += 1
      const to =
        sent % 10 === 0 ? `+2787${1_000_000 + (Date.now() % 1_000_000) + sent}` : any().address
      const body = { to, type: 'Text', content: `Hello, this is message ${sent}`, accountId }
      return { method: 'POST', path: '/api/v1/messages', body }
    },
    'list messages': () => page('/api/v1/messages', { limit: '20', ...oneOf(filters)() }),
    conversation: () => get(`/api/v1/conversations/${any().conversation}`),
    'list conversations': () => page('/api/v1/conversations', oneOf(conversations)),
    history: () => get(`/api/v1/threads/${any().thread}/history`),
    statistics: () => {
      const time = Math.random() < 0.2 ? `?startDate=${hoursAgo(1)}` : ''
      return get(`/api/v1/messages/statistics${time}`)
    },
    message: () => get(`/api/v1/messages/${any().message}`),
    'mark read': () => ({ method: 'PUT', path: `/api/v1/messages/${any().message}/read` }),
    customer: () => get(`/api/v1/customers/${any().customer}`),
    events: () => get(`/api/v1/events?after=${Math.floor(Math.random() * known.length)}`),
  }
  const deck = kinds.flatMap((kind) => Array.from({ length: shares[kind] }, () => kind))
  for (;;) {
    for (let left = deck.length; left > 0; left -= 1) {
      const drawn = Math.floor(Math.random() * left)
      const kind = deck[drawn] as Kind
      deck[drawn] = deck[left - 1] as Kind
      deck[left - 1] = kind
      yield { kind, ...ask[kind]() }
    }
  }
}

const get = (path: string): Asked => ({ method: 'GET', path })
const oneOf = <T>(some: T[]): T => some[Math.floor(Math.random() * some.length)] as T

/** To the minute. */
function hoursAgo(hours: number): string {
  return new Date(Math.floor(Date.now() / 60_000) * 60_000 - hours * 3_600_000).toISOString()
}
