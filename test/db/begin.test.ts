import { createServer, connect as dial, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { begin } from '../../db/begin.ts'
import { connect } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'

const divisionByZero = 'C22012\0'

/**
 * Between a client and the server: keeps a division by zero from the client, which then believes that its transaction
 * is well. It stands for whatever mixes another's session into a transaction.
 */
async function forgetfulProxy(t: Test, url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const server = createServer((client) => {
    const upstream = dial(Number(port), hostname)
    let rest = Buffer.alloc(0)
    client.pipe(upstream)
    upstream.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        const message = rest.subarray(0, 1 + rest.readInt32BE(1))
        rest = rest.subarray(message.length)
        const isHidden = message[0] === 0x45 && message.includes(divisionByZero)
        client.write(isHidden ? Buffer.from('C\0\0\0\x0dSELECT 0\0') : message)
      }
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('close', () => other.destroy())
      one.on('error', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return url.replace(`:${port}/`, `:${(server.address() as AddressInfo).port}/`)
}

t.test('a COMMIT that is answered with ROLLBACK is a failure', async (t) => {
  const { url, sql } = await testDatabase(t)
  const through = connect(await forgetfulProxy(t, url), { max: 1 })
  t.teardown(async () => through.end({ timeout: 1 }))
  await sql`create table kept (n integer)`
  await t.rejects(
    begin(through, async (tx) => {
      await tx`insert into kept values (1)`
      await tx`select 1 / 0`
    }),
    { name: 'UnavailableError', details: { code: 'not_committed' } },
  )
  t.same([...(await sql`select n from kept`)], [], 'and nothing was stored')

  const result = await begin(through, async (tx) => {
    await tx`insert into kept values (2)`
    return 'done'
  })
  t.equal(result, 'done', 'the connection is as good as before')
  t.same([...(await sql`select n from kept`)], [{ n: 2 }])
})

t.test('what ended before its commit is a failure, too', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pool = connect(url, { max: 1 })
  t.teardown(async () => pool.end({ timeout: 1 }))
  await sql`create table kept (n integer)`
  await t.rejects(
    begin(pool, async (tx) => {
      await tx`insert into kept values (1)`
      await tx.unsafe('rollback')
    }),
    { code: '25P01' },
  )
  t.same([...(await sql`select n from kept`)], [])
})

t.test('a constraint that is checked at the commit refuses, and so does the work', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pool = connect(url, { max: 1 })
  t.teardown(async () => pool.end({ timeout: 1 }))
  await sql`create table kept (n integer constraint once unique deferrable initially deferred)`
  const twice = begin(pool, async (tx) => {
    await tx`insert into kept values (1), (1)`
  })
  await t.rejects(twice, { code: '23505', constraint_name: 'once' })
  const thrown = begin(pool, async (tx) => {
    await tx`insert into kept values (2)`
    throw new Error('no')
  })
  await t.rejects(thrown, { message: 'no' })
  t.same([...(await sql`select n from kept`)], [])
})

t.test('a work that outlives its connection changes nothing any more', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pool = connect(url, { max: 1 })
  t.teardown(async () => pool.end({ timeout: 1 }))
  await sql`create table kept (n integer)`
  const cut = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<unknown>()
  const lost = begin(pool, async (tx) => {
    const [backend] = await tx<{ pid: number }[]>`
      with kept as (insert into kept values (1)) select pg_backend_pid() as pid`
    await sql`select pg_terminate_backend(${backend?.pid ?? 0}, 60000)`
    cut.resolve()
    await goOn.promise
    // It has not heard of the loss: this would go to the pool's next connection, outside any transaction.
    try {
      await tx`insert into kept values (2)`
      ended.resolve('stored')
    } catch (error) {
      ended.resolve(error)
    }
  })
  lost.catch(() => {})
  await cut.promise
  await t.rejects(lost, { code: /CONNECTION_CLOSED|57P01/ })
  t.same([...(await pool`select 1 as one`)], [{ one: 1 }], 'the pool has connected anew')
  goOn.resolve()
  t.match(await ended.promise, { name: 'UnavailableError', details: { code: 'CONNECTION_CLOSED' } })
  t.same([...(await sql`select n from kept`)], [], 'nothing of it was stored')
})

t.test('transactions are read committed, whatever the database says', async (t) => {
  const { url, sql, name } = await testDatabase(t)
  await sql.unsafe(`alter database ${name} set default_transaction_isolation = serializable`)
  await sql.unsafe(`alter database ${name} set datestyle = german`)
  const pool = connect(url, { max: 1 })
  t.teardown(async () => pool.end({ timeout: 1 }))
  const look = async (tx: Pick<typeof pool, 'unsafe'>) =>
    (
      await tx.unsafe(`select current_setting('transaction_isolation') as isolation, now() as at`)
    )[0]
  const inTransaction = await begin(pool, look)
  t.equal(inTransaction?.['isolation'], 'read committed')
  const alone = await look(pool)
  t.equal(alone?.['isolation'], 'read committed')
  t.ok(alone?.['at'] instanceof Date && !Number.isNaN(alone['at'].getTime()))
})
