import t, { type Test } from 'tap'
import { errorOf } from '../support/api.ts'
import { nowhere, withPeople } from '../support/people.ts'

async function withGroup(t: Test, type: 'multi' | 'group' = 'group') {
  const api = await withPeople(t)
  const people = [
    await api.addCustomer({ name: 'Thandi' }),
    await api.addCustomer({ name: 'Sipho' }),
    await api.addCustomer({ name: 'Lerato', lead_id: 5001 }),
  ]
  const { body } = await api.post('/conversations', {
    type,
    ...(type === 'group' ? { groupName: 'Friends' } : {}),
    participants: people,
  })
  return { ...api, people, path: `/conversations/${body.data.id}/participants`, id: body.data.id }
}
const names = (answer: { body: { data: { participants: { name: string }[] } } }) =>
  answer.body.data.participants.map(({ name }) => name).toSorted()

t.test('POST /conversations/{id}/participants adds one, with a role', async (t) => {
  const { post, get, path, id, addCustomer, sql } = await withGroup(t)
  const customerId = await addCustomer({ name: 'Naledi' })
  const answer = await post(path, {
    customer_id: customerId,
    role: 'admin',
    metadata: { by: 'me' },
  })
  t.equal(answer.status, 201)
  t.match(answer.body, {
    success: true,
    data: {
      conversationId: id,
      customerId,
      accountId: null,
      role: 'admin',
      name: 'Naledi',
      leftAt: null,
      metadata: { by: 'me' },
    },
  })
  t.match((await get(path)).body.data, { total: 4, nextCursor: null })
  t.same(names(await get(`/api/v1${path}`)), ['Lerato', 'Naledi', 'Sipho', 'Thandi'])
  const [event] = await sql`
    select payload from pigeonpost.event_log where type = 'conversation.participant.added' order by id desc limit 1`
  t.match(event, { payload: { role: 'admin' } })
  t.equal((await post(path, { address: '+27831234567' })).status, 201, 'or by an address')
})

t.test('who is in it is not added again, and who left comes back', async (t) => {
  const { post, get, remove, path, people } = await withGroup(t)
  const again = await post(path, { customerId: people[0] })
  t.match(
    [again.status, errorOf(t, again)],
    [409, { code: 'participant_exists', fields: ['customerId'] }],
  )
  const { body } = await remove(`${path}/${people[0]}`)
  t.match(body.data, { customerId: people[0], name: 'Thandi' })
  t.ok(body.data.leftAt)
  t.same(names(await get(path)), ['Lerato', 'Sipho'])
  t.same(names(await get(`${path}?left=true`)), ['Lerato', 'Sipho', 'Thandi'])
  const back = await post(path, { customerId: people[0], role: 'owner' })
  t.match(back, { status: 201, body: { data: { id: body.data.id, leftAt: null, role: 'owner' } } })
  t.same(names(await get(path)), ['Lerato', 'Sipho', 'Thandi'])
})

t.test('eight that add the same one at once add one', async (t) => {
  const { post, get, path, addCustomer } = await withGroup(t)
  const customerId = await addCustomer()
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(path, { customerId })))
  t.same(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [201, ...Array(7).fill(409)],
  )
  t.equal((await get(path)).body.data.total, 4)
})

t.test('a participant goes by its own id, its customer or its lead id, and once', async (t) => {
  const { get, remove, path, people } = await withGroup(t)
  const [first] = (await get(`${path}?limit=1`)).body.data.participants
  t.equal((await remove(`${path}/${first.id}`)).status, 200)
  const rest = people.filter((id) => id !== first.customerId)
  const lead = first.customerId === people[2] ? String(rest[0]) : '5001'
  t.equal((await remove(`/api${path}/${lead}`)).status, 200)
  for (const id of [first.id, first.customerId, nowhere, '77']) {
    const gone = await remove(`${path}/${id}`)
    t.match(
      [gone.status, errorOf(t, gone)],
      [404, { code: 'participant_unknown', fields: ['participantId'] }],
    )
  }
  t.equal((await remove(`${path}/x`)).status, 400)
})

t.test('a role changes to one that there is', async (t) => {
  const { patch, get, path, people } = await withGroup(t)
  t.equal((await patch(`${path}/${people[1]}`, { role: 'owner' })).body.data.role, 'owner')
  const { participants } = (await get(path)).body.data
  t.match(
    participants.find((one: { customerId: string }) => one.customerId === people[1]),
    { role: 'owner', name: 'Sipho' },
  )
  const wrong = await patch(`${path}/${people[1]}`, { role: 'king' })
  t.match([wrong.status, errorOf(t, wrong).fields], [400, ['role']])
})

t.test('a multi conversation keeps two, also when two leave at once', async (t) => {
  const { remove, get, path, people } = await withGroup(t, 'multi')
  const answers = await Promise.all(people.slice(0, 2).map((id) => remove(`${path}/${id}`)))
  t.same(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  )
  const refused = answers.find(({ status }) => status === 409)
  if (refused) t.equal(errorOf(t, refused).code, 'multi_has_two_participants')
  t.equal((await get(path)).body.data.total, 2)
})

t.test('a direct conversation takes no third and lets nobody go', async (t) => {
  const { post, remove, get, say, addCustomer, accountId, sql } = await withPeople(t)
  const { conversation_id: id, customer_id: customerId } = await say('+27831234567')
  const path = `/conversations/${id}/participants`
  const third = await post(path, { customerId: await addCustomer() })
  t.match([third.status, errorOf(t, third).code], [409, 'direct_is_full'])
  t.equal((await post(path, { customerId })).status, 409)
  for (const side of [customerId, accountId]) {
    const kept = await remove(`${path}/${side}`)
    t.match([kept.status, errorOf(t, kept).code], [409, 'direct_keeps_both'])
  }
  t.equal((await get(path)).body.data.total, 2)
  t.equal((await post(path, { address: '+27839999999' })).status, 409)
  t.same(await sql`select from pigeonpost.customer_identities where address = '+27839999999'`, [])
})

t.test('what is wrong with a participant is named', async (t) => {
  const { post, path, people, addCustomer, addAccount } = await withGroup(t)
  const cases: [unknown, number, string][] = [
    [{}, 400, 'customerId'],
    [{ customerId: people[0], address: '+27831234567' }, 400, 'customerId'],
    [{ customerId: 'x' }, 400, 'customerId'],
    [{ customerId: people[0], role: 'king' }, 400, 'role'],
    [{ customerId: people[0], name: 'x' }, 400, 'name'],
    [{ customerId: people[0], metadata: [] }, 400, 'metadata'],
    [{ address: 'a\u0007' }, 400, 'address'],
    [{ customerId: nowhere }, 404, 'customerId'],
    [{ customerId: await addCustomer({ tenant_id: 2 }) }, 404, 'customerId'],
    [{ accountId: await addAccount({ tenant_id: 2 }) }, 404, 'accountId'],
    ['[]', 400, 'body'],
    [undefined, 400, 'body'],
  ]
  for (const [body, status, field] of cases) {
    const answer = await post(path, body)
    t.match([answer.status, errorOf(t, answer).fields], [status, [field]], JSON.stringify(body))
  }
})

t.test('participants come page by page', async (t) => {
  const { get, path } = await withGroup(t)
  const first = (await get(`${path}?limit=2`)).body.data
  t.match(first, { total: 3, totalPages: 2, page: 1 })
  const second = (await get(`${path}?limit=2&cursor=${first.nextCursor}`)).body.data
  t.equal(second.nextCursor, null)
  t.same(
    names({ body: { data: { participants: [...first.participants, ...second.participants] } } }),
    ['Lerato', 'Sipho', 'Thandi'],
  )
})

t.test('one who was merged into another is added as that one', async (t) => {
  const { post, path, addCustomer } = await withGroup(t)
  const [loser, winner] = [await addCustomer(), await addCustomer({ name: 'Winner' })]
  await post(`/api/v1/customers/${loser}/merge`, { into: winner })
  t.match((await post(path, { customerId: loser })).body.data, {
    customerId: winner,
    name: 'Winner',
  })
})
