// Requests made from the OpenAPI document, those that it allows and those that it does not: whatever comes, the answer
// is one that the document tells of, and none says that something went wrong with us.
//
//   PIGEONPOST_TEST_PROPERTIES=1000   that many requests of each operation, by another seed each time (default 25, one seed)
//   PIGEONPOST_TEST_SEED=…            by this one
import fc from 'fast-check'
import t from 'tap'
import { arbitraryRequest } from '../../support/arbitrary-request.ts'
import type { Samples } from '../../support/arbitrary.ts'
import { readDocument } from '../../support/api-document.ts'
import { createContract, type Found } from '../../support/api-contract.ts'
import { example } from './support/api.ts'
import { nowhere, withPeople } from './support/people.ts'

const given = process.env['PIGEONPOST_TEST_PROPERTIES']
const numRuns = Number(given ?? 25)
const seed = Number(
  process.env['PIGEONPOST_TEST_SEED'] ?? (given ? Date.now() % 2 ** 31 : 20_261_120),
)

const phones = ['+27831234567', '+27831234568', '+12016661234', ' +27 83 123 4567 ', '0831234567']
const mails = ['user@usehatchapp.com', 'Ann <ann@example.com>', 'a@b']

type Ids = Awaited<ReturnType<Awaited<ReturnType<typeof withEverything>>['replenish']>>

/** What chance does not find: a secret of the account, in parameters that belong together; a picture. */
const shaken = new Set(['verifyWebhook', 'uploadMedia'])

/** A tenant with some of everything. */
async function withEverything() {
  const people = await withPeople(t)
  const { sql, accountId, say, addAccount, addCustomer, post, makeKey } = people
  const others = await addAccount({ tenant_id: 2, address: '+15550007000' })
  const whatsapp = await addAccount({ channel: 'whatsapp', address: '+15550002000' })
  const mailbox = await addAccount({ channel: 'email', address: 'shop@example.com' })
  const accounts = [accountId, whatsapp, mailbox, others, nowhere]
  await say('+27831239999', 'theirs', { tenant_id: 2 })
  for (const phone of phones.slice(0, 3)) await say(phone)
  const customer = await addCustomer({ name: 'Ann', lead_id: 7 })
  const newest = async (table: string, number: string) =>
    (
      await sql`select id, ${sql(number)} as number from pigeonpost.${sql(table)} order by id desc limit 10`
    ).flatMap(({ id, number }) => [String(id), String(number)])

  /** Messages in every status and accounts that send, whatever became of those before; ids of each kind. */
  async function replenish() {
    await sql`update pigeonpost.accounts set status = 'connected' where id in ${sql(accounts)}`
    for (const phone of phones.slice(0, 3)) await say(phone)
    for (const statuses of [['sent'], ['failed'], ['unknown'], [], ['failed'], ['unknown'], []]) {
      const row = {
        tenant_id: 1,
        channel: 'fakechat',
        direction: 'outbound',
        address: phones[0] ?? '',
        body: 'x',
      }
      const [stored] = await sql`insert into pigeonpost.messages ${sql(row)} returning id`
      for (const status of statuses) {
        await sql`update pigeonpost.messages set status = ${status} where id = ${stored?.['id']}`
      }
    }
    const keys = await Promise.all([makeKey(), makeKey(), makeKey({ tenantId: 2 })])
    const media = await sql<{ id: string }[]>`
      with file as (
        insert into pigeonpost.media_files (tenant_id, sha256, size, content_type, status, storage, storage_key, preview_key)
        select n.tenant_id, sha256(gen_random_uuid()::text::bytea), 1, 'image/png', 'clean', 'folder', k.key, k.key || '.preview.webp'
        from unnest(array[1, 1, 1, 2]) n (tenant_id),
          lateral (select 'messages/' || n.tenant_id || '/2026/11/' || gen_random_uuid() as key) k
        returning tenant_id, id)
      insert into pigeonpost.media (tenant_id, file_id, filename) select f.tenant_id, f.id, 'x.png' from file f returning id`
    const group = await post('/conversations', {
      type: 'group',
      accountId,
      groupName: 'Family',
      participants: [{ address: phones[0] }, { address: phones[1] }, customer],
    })
    const { id, number, participants: members } = group.body.data
    const identities = await sql`
      select customer_id, channel, address from pigeonpost.customer_identities order by created_at desc limit 5`
    return {
      messages: await newest('messages', 'number'),
      conversations: await newest('conversations', 'number'),
      threads: await newest('threads', 'number'),
      customers: await newest('customers', 'lead_id'),
      keys: keys.flatMap((made) => [made.id, made.prefix]),
      media: media.map((made) => made.id),
      accounts: [accountId, accountId, accountId, ...accounts],
      identities,
      group: [id, String(number)],
      participants: members.flatMap((one: Record<string, string>) =>
        [one['id'], one['customerId']].filter(Boolean),
      ) as string[],
    }
  }
  return { ...people, replenish, key: (await makeKey()).key }
}

function samplesOf({ path }: Found, ids: Ids, cursors: string[]): Samples {
  const [, , , kind = ''] = path.split('/')
  const people = path.endsWith('/email')
    ? mails
    : path.endsWith('/sms')
      ? phones
      : [...phones, ...mails]
  return {
    id: ids[kind as keyof typeof ids] ?? [],
    ids: [ids.messages.slice(0, 4), [nowhere]],
    participantId: ids.participants,
    accountId: ids.accounts,
    mediaId: ids.media,
    whatsappAccountId: ids.accounts,
    customerId: ids.customers,
    contactId: ids.customers.filter((id) => id.includes('-')),
    into: ids.customers,
    channel: path.startsWith('/api/webhooks/')
      ? ['fakechat', 'fakechat', 'fakechat', 'sms', 'email', 'whatsapp']
      : ['fakechat', 'sms', 'email', 'whatsapp', 'Telegram'],
    address: people,
    to: people,
    from: people,
    cursor: [...cursors, 'MA', Buffer.from(nowhere).toString('base64url')],
    before: ['1', '2', '999999999999999'],
    after: ['0', '1', '3'],
    timeZone: ['UTC', 'Europe/Berlin', 'Mars/Phobos'],
    secretRef: ['env:TENANT_1_SECRET', 'env:TENANT_2_SECRET', 'env:PATH'],
    provider: ['fakechat', 'twilio', 'none'],
    leadId: [7, '7', 8],
    ...(path.endsWith('{address}')
      ? {
          id: ids.identities.map((one) => one['customer_id']),
          channel: ids.identities.map((one) => one['channel']),
          address: ids.identities.map((one) => one['address']),
        }
      : {}),
    ...(path.includes('/participants') ? { id: ids.group } : {}),
  }
}

/** Bodies that get far, to be spoiled. */
function bodiesOf({ operation: { operationId = '' } }: Found, ids: Ids): unknown[] {
  const [accountId] = ids.accounts
  const [phone] = phones
  const bodies: Record<string, unknown[]> = {
    sendMessage: [
      { accountId, to: phone, content: 'Hello' },
      { accountId, to: phone, type: 'Image', mediaUrl: 'https://example.com/a.png', metadata: {} },
    ],
    sendSms: [{ from: '+12016661234', to: '+18045551234', type: 'sms', body: 'x' }],
    sendEmail: [
      { from: 'a@example.com', to: 'b@example.com', body: '<b>x</b>', attachments: null },
    ],
    createConversation: [
      { accountId, address: '+27831230009' },
      { type: 'multi', accountId, participants: [{ address: phone }, ids.customers[0]] },
    ],
    addParticipant: ids.customers.map((customerId) => ({ customerId })),
    receiveWebhook: [example],
    receiveAccountWebhook: [example, { ...example, user: { id: '+27831230001' } }],
  }
  return bodies[operationId] ?? []
}

const document = await readDocument()
const { operations, objection } = createContract(document)
const { api, key, get, replenish } = await withEverything()
t.comment(`${numRuns} requests of each operation, PIGEONPOST_TEST_SEED=${seed}`)

for (const operation of operations) {
  const { operationId = '' } = operation.operation
  t.test(`${operationId} answers whatever comes as the document tells`, async (t) => {
    const ids = await replenish()
    const cursors: string[] = []
    if (operation.method === 'GET' && !operation.path.includes('{')) {
      const { body } = operation.path.startsWith('/api/v1')
        ? await get(`${operation.path}?limit=1`)
        : { body: null }
      if (body?.data?.nextCursor) cursors.push(body.data.nextCursor)
    }
    const statuses = new Map<number, number>()
    const requests = arbitraryRequest(
      document,
      operation,
      samplesOf(operation, ids, cursors),
      bodiesOf(operation, ids),
    )
    const property = fc.asyncProperty(requests, async ({ path, ...asked }) => {
      const response = await fetch(api.url + path, {
        ...asked,
        headers: { authorization: `Bearer ${key}`, ...asked.headers },
        redirect: 'manual',
        signal: AbortSignal.timeout(60_000),
      })
      const { status, headers } = response
      const text = await response.text()
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status >= 500) throw new Error(`it answers ${status}: ${text}`)
      const body: unknown = headers.get('content-type')?.startsWith('application/json')
        ? JSON.parse(text)
        : text
      const objected = objection(operation, { status, headers, body })
      if (objected) throw new Error(`${objected}: ${text.slice(0, 1000)}`)
    })
    const found = await fc.check(property, { numRuns, seed, endOnFailure: false })
    t.ok(shaken.has(operationId) || Math.min(...statuses.keys()) < 300, 'some of it is taken')
    t.ok(
      !found.failed,
      found.failed
        ? `${String(found.errorInstance)}, by ${JSON.stringify(found.counterexample).slice(0, 3000)}`
        : [...statuses].map(([status, times]) => `${times} of ${status}`).join(', '),
    )
  })
}
