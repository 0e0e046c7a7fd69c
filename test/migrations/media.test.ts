import { createHash, randomUUID } from 'node:crypto'
import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { newId, newPhone, newTenant, type Row, store } from '../support/messages.ts'
import { waitFor } from '../support/wait.ts'

const db = await testDatabase(t)
const { sql } = db
const url = 'https://example.com/picture.jpg'

type Media = Row & {
  id: string
  status: string
  position: number | null
  file_id: string | null
}

const put = (row: Row) => store(sql, { address: newPhone(), ...row })
const mediaOf = (tenant: number, message: string, on: Db = sql) =>
  on<
    Media[]
  >`select * from pigeonpost.media where tenant_id = ${tenant} and message_id = ${message} order by position`
const tasksOf = async (tenant: number): Promise<string[]> =>
  (
    await sql<{ task: string }[]>`
      select kind || ' ' || subject as task from pigeonpost_private.media_tasks where tenant_id = ${tenant} order by 1`
  ).map(({ task }) => task)
const eventsOf = (tenant: number) => sql<{ type: string; payload: Row }[]>`
  select type, payload from pigeonpost.read_events(null, 500, ${tenant}) where type like 'media.%'`

async function storeFile(tenant: number, row: Row = {}, on: Db = sql): Promise<string> {
  const content = randomUUID()
  const id = randomUUID()
  const [file] = await on<{ id: string }[]>`
    insert into pigeonpost.media_files ${on({
      tenant_id: tenant,
      id,
      sha256: createHash('sha256').update(content).digest(),
      size: 36,
      content_type: 'image/jpeg',
      status: 'clean',
      storage: 'folder',
      storage_key: `messages/${tenant}/2026/11/${id}`,
      ...row,
    } as never)} returning id`
  return file?.id ?? ''
}
const upload = async (tenant: number, file: string, on: Db = sql): Promise<string> => {
  const [row] = await on<{ id: string }[]>`
    insert into pigeonpost.media (tenant_id, file_id, owner_service, filename) values (${tenant}, ${file}, 'api', 'image.jpg') returning id`
  return row?.id ?? ''
}

t.test(
  'a message that names files has a row for each at once, and a task to fetch it',
  async (t) => {
    const tenant_id = newTenant()
    const media = [{ url, filename: 'a.jpg', content_type: 'image/jpeg', size: 7 }, { id: 'wamid' }]
    const message = await put({ tenant_id, content_type: 'image', metadata: { media } })
    const rows = await mediaOf(tenant_id, message.id)
    t.match(
      [...rows],
      [
        {
          position: 1,
          filename: 'a.jpg',
          content_type: 'image/jpeg',
          size: 7,
          status: 'pending',
          file_id: null,
          owner_service: 'messaging',
        },
        { position: 2, filename: null, status: 'pending' },
      ],
    )
    t.strictSame(await tasksOf(tenant_id), rows.map(({ id }) => `fetch ${id}`).toSorted())
    t.strictSame([...(await eventsOf(tenant_id))], [], 'a file that is not here is no news')
  },
)

t.test('a media_url alone is a file too, but of an outbound text', async (t) => {
  const tenant_id = newTenant()
  const inbound = await put({ tenant_id, content_type: 'image', media_url: url })
  const outbound = await put({
    tenant_id,
    direction: 'outbound',
    content_type: 'image',
    media_url: url,
  })
  const text = await put({
    tenant_id,
    direction: 'outbound',
    content_type: 'text',
    body: 'x',
    media_url: url,
  })
  t.equal((await mediaOf(tenant_id, inbound.id)).length, 1)
  t.equal((await mediaOf(tenant_id, outbound.id)).length, 1)
  t.equal((await mediaOf(tenant_id, text.id)).length, 0)
})

t.test('ingest() leaves the same rows as inserting one by one', async (t) => {
  const rows = (tenant_id: number, address: string) => [
    {
      tenant_id,
      channel: 'whatsapp',
      direction: 'inbound',
      address,
      external_message_id: 'a',
      body: 'x',
    },
    {
      tenant_id,
      channel: 'whatsapp',
      direction: 'inbound',
      address,
      external_message_id: 'b',
      content_type: 'image',
      media_url: url,
    },
    {
      tenant_id,
      channel: 'whatsapp',
      direction: 'inbound',
      address,
      external_message_id: 'c',
      content_type: 'file',
      metadata: { media: [{ id: '1', filename: 'x.pdf' }, { url }] },
    },
  ]
  const found = async (tenant_id: number) =>
    sql`select m.external_message_id, x.position, x.filename, x.status from pigeonpost.media x join pigeonpost.messages m
      on m.tenant_id = x.tenant_id and m.id = x.message_id where x.tenant_id = ${tenant_id} order by 1, 2`
  const [one, bulk] = [newTenant(), newTenant()]
  // The conversation is there already, so that the set-based path takes them.
  for (const tenant_id of [one, bulk])
    await put({ tenant_id, address: '+27830000001', external_message_id: 'first' })
  for (const row of rows(one, '+27830000001'))
    await sql`insert into pigeonpost.messages ${sql(row as never)}`
  const answers =
    await sql`select outcome from pigeonpost.ingest(${sql.json(rows(bulk, '+27830000001'))})`
  t.strictSame(
    answers.map((row) => row['outcome']),
    ['stored', 'stored', 'stored'],
  )
  t.equal((await found(one)).length, 3)
  t.strictSame([...(await found(bulk))], [...(await found(one))])
})

t.test(
  'a redelivery makes no second row, and a stub that is filled in makes its first',
  async (t) => {
    const tenant_id = newTenant()
    const stub = await put({
      tenant_id,
      external_message_id: 'stub',
      content_type: 'structured',
    })
    await sql`update pigeonpost.messages set content_type = 'image', media_url = ${url} where tenant_id = ${tenant_id} and id = ${stub.id}`
    t.equal((await mediaOf(tenant_id, stub.id)).length, 1)
    await sql`update pigeonpost.messages set body = 'caption' where tenant_id = ${tenant_id} and id = ${stub.id}`
    t.equal((await mediaOf(tenant_id, stub.id)).length, 1)
    await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, media_url)
    select tenant_id, channel, direction, address, external_message_id, 'image', ${url} from pigeonpost.messages where tenant_id = ${tenant_id}
    on conflict (tenant_id, external_message_id, conversation_id) do nothing`
    const [count] =
      await sql`select count(*)::integer as count from pigeonpost.media where tenant_id = ${tenant_id}`
    t.equal(count?.['count'], 1)
  },
)

t.test(
  'a file that arrives is in the log in the shape of document 000, and linked to its message',
  async (t) => {
    const tenant_id = newTenant()
    const message = await put({
      tenant_id,
      content_type: 'image',
      metadata: { media: [{ url, filename: 'image.jpg' }, { url }] },
    })
    const [first, second] = await mediaOf(tenant_id, message.id)
    const linked = async () =>
      (
        await sql`select media_id from pigeonpost.messages where tenant_id = ${tenant_id} and id = ${message.id}`
      )[0]?.['media_id']
    const file = await storeFile(tenant_id)
    await sql`update pigeonpost.media set file_id = ${file} where tenant_id = ${tenant_id} and id = ${second?.id ?? ''}`
    t.equal(await linked(), second?.id)
    await sql`update pigeonpost.media set file_id = ${file} where tenant_id = ${tenant_id} and id = ${first?.id ?? ''}`
    t.equal(await linked(), first?.id, 'the first of them stands for the message')
    const events = await eventsOf(tenant_id)
    t.equal(events.length, 2)
    t.match(events[1], {
      type: 'media.uploaded',
      payload: {
        event_id: String,
        media_id: first?.id,
        message_id: message.id,
        filename: 'image.jpg',
        content_type: 'image/jpeg',
        timestamp: String,
      },
    })
    t.match((await mediaOf(tenant_id, message.id))[0], {
      status: 'clean',
      size: 36,
      storage_key: /^messages/,
      preview_url: null,
    })
  },
)

t.test(
  'every row of a file follows it: what is found infected is refused everywhere, and to be deleted',
  async (t) => {
    const tenant_id = newTenant()
    const file = await storeFile(tenant_id, {
      status: 'pending',
      storage_key: 'k',
      preview_key: 'p',
    })
    t.strictSame(await tasksOf(tenant_id), [`scan ${file}`])
    const ids = [await upload(tenant_id, file), await upload(tenant_id, file)]
    t.strictSame([...(await eventsOf(tenant_id))], [])
    await sql`
    update pigeonpost.media_files set status = 'infected', signature = 'Eicar', storage = null, storage_key = null, preview_key = null
    where tenant_id = ${tenant_id}`
    const rows = await sql<Media[]>`select * from pigeonpost.media where tenant_id = ${tenant_id}`
    for (const row of rows) {
      t.match(row, {
        status: 'infected',
        storage_key: null,
        preview_url: null,
        error_code: 'media_infected',
        error_message: 'Eicar',
      })
    }
    const events = await eventsOf(tenant_id)
    t.strictSame(
      events.map(({ type }) => type),
      ['media.rejected', 'media.rejected'],
    )
    t.strictSame(
      events.map(({ payload }) => String(payload['media_id'])).toSorted(),
      ids.toSorted(),
    )
    t.strictSame(await tasksOf(tenant_id), ['delete folder:k', 'delete folder:p', `scan ${file}`])
  },
)

t.test('a file goes with the last row that shows it, and the message forgets it', async (t) => {
  const tenant_id = newTenant()
  const file = await storeFile(tenant_id, { storage_key: 'k' })
  const [one, other] = [await upload(tenant_id, file), await upload(tenant_id, file)]
  const message = await put({
    tenant_id,
    direction: 'outbound',
    content_type: 'image',
    media_id: one,
  })
  await sql`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${other}`
  t.equal((await sql`select from pigeonpost.media_files where tenant_id = ${tenant_id}`).length, 1)
  t.strictSame(await tasksOf(tenant_id), [])
  await sql`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${one}`
  t.equal((await sql`select from pigeonpost.media_files where tenant_id = ${tenant_id}`).length, 0)
  t.strictSame(await tasksOf(tenant_id), ['delete folder:k'])
  const [row] =
    await sql`select media_id from pigeonpost.messages where tenant_id = ${tenant_id} and id = ${message.id}`
  t.equal(row?.['media_id'], null)
})

t.test('a message that is deleted takes its files along', async (t) => {
  const tenant_id = newTenant()
  const message = await put({ tenant_id, content_type: 'image', media_url: url })
  const file = await storeFile(tenant_id, { storage_key: 'k' })
  await sql`update pigeonpost.media set file_id = ${file} where tenant_id = ${tenant_id}`
  await sql`delete from pigeonpost.messages where tenant_id = ${tenant_id} and id = ${message.id}`
  t.equal((await sql`select from pigeonpost.media_files where tenant_id = ${tenant_id}`).length, 0)
  t.ok((await tasksOf(tenant_id)).includes('delete folder:k'))
})

t.test('of two that delete the last two rows of a file at once, one takes it along', async (t) => {
  const tenant_id = newTenant()
  const file = await storeFile(tenant_id, { storage_key: 'k' })
  const [one, other] = [await upload(tenant_id, file), await upload(tenant_id, file)]
  await race(
    (tx) => tx`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${one}`,
    (tx) => tx`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${other}`,
  )
  t.equal((await sql`select from pigeonpost.media_files where tenant_id = ${tenant_id}`).length, 0)
  t.strictSame(await tasksOf(tenant_id), ['delete folder:k'])
})

t.test('a row that comes while the last one goes keeps the file', async (t) => {
  const tenant_id = newTenant()
  const file = await storeFile(tenant_id)
  const one = await upload(tenant_id, file)
  await race(
    (tx) => upload(tenant_id, file, tx),
    (tx) => tx`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${one}`,
  )
  t.equal((await sql`select from pigeonpost.media_files where tenant_id = ${tenant_id}`).length, 1)
  t.strictSame(await tasksOf(tenant_id), [])
})

t.test('a row that comes while its file is judged learns the judgement', async (t) => {
  const tenant_id = newTenant()
  const file = await storeFile(tenant_id, { status: 'scanning' })
  const judge = (tx: Db) => tx`
    update pigeonpost.media_files set status = 'infected', storage = null, storage_key = null, signature = 'x'
    where tenant_id = ${tenant_id} and id = ${file}`
  await race(judge, (tx) => upload(tenant_id, file, tx))
  const again = await storeFile(tenant_id, { status: 'scanning' })
  const clean = (tx: Db) =>
    tx`update pigeonpost.media_files set status = 'clean' where tenant_id = ${tenant_id} and id = ${again}`
  await race((tx) => upload(tenant_id, again, tx), clean)
  const rows =
    await sql`select status from pigeonpost.media where tenant_id = ${tenant_id} order by created_at`
  t.strictSame(
    rows.map((row) => row['status']),
    ['infected', 'clean'],
  )
})

t.test('a message knows whether its files can be sent', async (t) => {
  const tenant_id = newTenant()
  const file = await storeFile(tenant_id)
  const bad = await storeFile(tenant_id, { status: 'infected', storage: null, storage_key: null })
  const waiting = await storeFile(tenant_id, { status: 'pending' })
  const state = async (row: Row) => {
    const { id } = await put({
      tenant_id,
      direction: 'outbound',
      content_type: 'image',
      body: newId(),
      ...row,
    })
    const [found] =
      await sql`select pigeonpost_private.media_state(m) as state from pigeonpost.messages m where tenant_id = ${tenant_id} and id = ${id}`
    return found?.['state']
  }
  const ids = await Promise.all([file, bad, waiting].map((one) => upload(tenant_id, one)))
  t.equal(await state({ content_type: 'text' }), 'ready')
  t.equal(await state({ media_id: ids[0] }), 'ready')
  t.equal(await state({ media_id: ids[1] }), 'rejected')
  t.equal(await state({ media_id: ids[2] }), 'pending')
  t.equal(await state({ media_url: url }), 'pending')
  t.equal(
    await state({ metadata: { media: [{ media_id: ids[0] }, { media_id: ids[2] }] } }),
    'pending',
  )
  t.equal(
    await state({ metadata: { media: [{ media_id: ids[2] }, { media_id: ids[1] }] } }),
    'rejected',
  )
  const broken = { media: [{ media_id: 'x' }, { media_id: 7 }, 'x', null] }
  t.equal(await state({ metadata: broken }), 'ready', 'what is no reference is none')
  t.equal(await state({ metadata: { media: 'x' }, media_url: url }), 'pending')
})

t.test('a message whose upload is gone is not sent without it', async (t) => {
  const [tenant_id, other] = [newTenant(), newTenant()]
  const row = { tenant_id, direction: 'outbound', content_type: 'image' }
  const stateOf = async ({ id }: { id: string }) => {
    const [found] =
      await sql`select pigeonpost_private.media_state(m) as state from pigeonpost.messages m where tenant_id = ${tenant_id} and id = ${id}`
    return found?.['state']
  }
  const naming = async (...media: Row[]) => stateOf(await put({ ...row, metadata: { media } }))
  const there = await upload(tenant_id, await storeFile(tenant_id))
  const foreign = await upload(other, await storeFile(other))
  t.equal(await naming({ media_id: there.toUpperCase() }), 'ready')
  t.equal(await naming({ media_id: there }, { media_id: randomUUID() }), 'rejected')
  t.equal(await naming({ media_id: foreign, url }), 'rejected')

  const racing = await sql.begin(async (tx) => {
    const stored = await store(tx as Db, { ...row, address: newPhone(), media_id: there })
    // On another connection: neither sees what the other does.
    await sql`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${there}`
    return stored
  })
  t.equal(await stateOf(racing), 'rejected')
})

t.test('bytes that a message brought leave it when their file is stored', async (t) => {
  const tenant_id = newTenant()
  const media = ['a', 'b', 'c'].map((name) => ({
    filename: `${name}.txt`,
    content_base64: Buffer.from(name).toString('base64'),
  }))
  const message = await put({ tenant_id, content_type: 'file', metadata: { media, other: 1 } })
  const [first, second, third] = await mediaOf(tenant_id, message.id)
  await sql`delete from pigeonpost.media where id = ${third?.id ?? ''}`
  const kept = async () =>
    (
      await sql<{ metadata: Row }[]>`
        select metadata from pigeonpost.messages where id = ${message.id}`
    )[0]?.metadata
  const store = async (id: string | undefined) =>
    sql`update pigeonpost.media set file_id = ${await storeFile(tenant_id)} where id = ${id ?? ''}`
  await store(first?.id)
  const [a, b, c] = media
  t.same(await kept(), { media: [{ filename: a?.filename }, b, c], other: 1 })
  await store(second?.id)
  t.same(await kept(), {
    media: [{ filename: a?.filename }, { filename: b?.filename }, c],
    other: 1,
  })
  t.same(
    (await mediaOf(tenant_id, message.id)).map(({ position }) => position),
    [1, 2],
    'and the file that was deleted does not come back',
  )
})

t.test('a file of a message that is deleted stays so', async (t) => {
  const tenant_id = newTenant()
  for (const row of [{ media_url: url }, { metadata: { media: [{ url }, { url }] } }]) {
    const message = await put({ tenant_id, content_type: 'image', ...row })
    const rows = await mediaOf(tenant_id, message.id)
    const [first] = rows
    await sql`update pigeonpost.media set file_id = ${await storeFile(tenant_id)} where tenant_id = ${tenant_id} and id = ${first?.id ?? ''}`
    await sql`delete from pigeonpost.media where tenant_id = ${tenant_id} and id = ${first?.id ?? ''}`
    // The next that comes is linked, which changes the message again.
    await sql`update pigeonpost.media set file_id = ${await storeFile(tenant_id)} where tenant_id = ${tenant_id} and message_id = ${message.id}`
    t.same(
      await mediaOf(tenant_id, message.id).then((left) => left.map(({ id }) => id)),
      rows.slice(1).map(({ id }) => id),
    )
  }
})

t.test(
  'what could not be fetched is fetched again when its message is to be sent again',
  async (t) => {
    const tenant_id = newTenant()
    const message = await put({
      tenant_id,
      direction: 'outbound',
      content_type: 'image',
      media_url: url,
    })
    const [row] = await mediaOf(tenant_id, message.id)
    await sql`update pigeonpost.media set status = 'failed', error_code = 'url_unreachable' where tenant_id = ${tenant_id}`
    await sql`delete from pigeonpost_private.media_tasks where tenant_id = ${tenant_id}`
    const status = async (to: string) =>
      sql`update pigeonpost.messages set status = ${to} where tenant_id = ${tenant_id} and id = ${message.id}`
    await status('failed')
    t.strictSame(await tasksOf(tenant_id), [])
    await status('queued')
    t.match([...(await mediaOf(tenant_id, message.id))], [{ status: 'pending', error_code: null }])
    t.strictSame(await tasksOf(tenant_id), [`fetch ${row?.id}`])
  },
)

/** The first is done and not committed when the second begins; it commits once the second is seen to wait for it. */
async function race(
  first: (tx: Db) => Promise<unknown>,
  second: (tx: Db) => Promise<unknown>,
): Promise<void> {
  const other = await sql.reserve()
  try {
    const [own] = await other<{ pid: number }[]>`select pg_backend_pid() as pid`
    let behind: Promise<unknown> = Promise.resolve()
    await sql.begin(async (tx) => {
      await first(tx as Db)
      behind = second(other)
      behind.catch(() => {})
      await waitFor(
        async () => {
          const rows =
            await sql`select from pg_stat_activity where pid = ${own?.pid ?? 0} and wait_event_type = 'Lock'`
          return rows.length > 0
        },
        { what: 'the second to wait for the first' },
      )
    })
    await behind
  } finally {
    other.release()
  }
}
