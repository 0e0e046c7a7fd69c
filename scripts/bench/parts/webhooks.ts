import { Agent, request } from 'node:http'
import { connect, type Sql } from '../../../db/connect.ts'
import { type Child, startChild } from '../child.ts'
import { interleave, type Outcome, type Ratio, type Variant } from '../rounds.ts'
import { createTwin, twinInsert } from '../twin.ts'
import {
  type Webhook,
  type WebhookChannel,
  type WebhookChannelName,
  webhookChannels,
} from '../webhook-channels.ts'
import { createBackgroundWorker } from '../background-worker.ts'

const people = 1000
const atOnce = 50

/** Told to the twin: the statement of a channel, and what its parameters are. */
export type TwinRoute = { channel: WebhookChannelName; text: string; columns: string[] }

type Options = {
  rounds: number
  seconds: number
  only?: readonly string[]
  log: (line: string) => void
}

/**
 * Webhooks over HTTP, 50 at a time, of each channel: verified, kept byte by byte and stored by our server while a worker
 * runs, against a twin, the same server, that parses the body and does one bare insert per request.
 */
export async function benchWebhooks(url: string, options: Options): Promise<Outcome> {
  const sql = connect(url, { max: 2, name: 'bench' })
  const worker = createBackgroundWorker(sql, url)
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const channels = (Object.keys(webhookChannels) as WebhookChannelName[]).filter(
    (name) => !options.only || options.only.includes(name),
  )
  const servers: Child[] = []
  try {
    for (const name of channels) {
      process.env[secretOf(name)] = JSON.stringify(webhookChannels[name].account.secret)
    }
    await createTwin(sql)
    const [ours, twin] = [startChild('http', ['ours', url]), startChild('http', ['twin', url])]
    servers.push(ours, twin)
    const [ourPort, twinPort] = await Promise.all([ours.next('port'), twin.next('port')])
    const variants: Variant[] = []
    const ratios: Ratio[] = []
    for (const [i, name] of channels.entries()) {
      const account = await makeAccount(sql, name, 31 + i)
      const path = `http://127.0.0.1:${ourPort}/api/webhooks/${name}/${account}`
      const post = webhookChannels[name].post
      const toOurs = async (n: number, serial: number) => {
        const webhook = post(n, serial, path)
        await send(agent, path + (webhook.query ?? ''), webhook)
      }
      const insert = await warmUp(sql, account, toOurs)
      const route: TwinRoute = { channel: name, text: insert.single, columns: insert.columns }
      const ready = twin.next('route')
      twin.tell(route)
      await ready
      const toTwin = async (n: number, serial: number) => {
        const values = new URLSearchParams({ values: JSON.stringify(insert.rows[n] ?? []) })
        const to = `http://127.0.0.1:${twinPort}/${name}?${values.toString()}`
        await send(agent, to, post(n, serial, path))
      }
      const rate = (title: string, table: string, to: typeof toOurs) => ({
        name: title,
        async run() {
          await worker.runs(true)
          const before = await countRows(sql, table, account)
          const { answered, perSecond } = await load(to, options.seconds)
          const stored = (await countRows(sql, table, account)) - before
          if (stored !== answered) throw new Error(`${title}: ${stored} stored of ${answered}`)
          return perSecond
        },
      })
      variants.push(
        rate(`a bare insert each, ${name}`, 'bench.bare', toTwin),
        rate(`pigeonpost, ${name}`, 'pigeonpost.messages', toOurs),
      )
      ratios.push({
        name: `of a bare insert each, ${name}`,
        of: `pigeonpost, ${name}`,
        to: `a bare insert each, ${name}`,
        target: 1,
      })
    }
    return await interleave('webhooks over HTTP, 50 at a time', variants, ratios, {
      ...options,
      unit: 'requests/s',
    })
  } finally {
    agent.destroy()
    await Promise.all([worker.stop(), ...servers.map((server) => server.stop())])
    await sql.end()
  }
}

const secretOf = (name: WebhookChannelName) => `PIGEONPOST_BENCH_${name.toUpperCase()}`

async function makeAccount(sql: Sql, name: WebhookChannelName, tenantId: number): Promise<string> {
  const { channel, address, settings }: WebhookChannel['account'] = webhookChannels[name].account
  const [account] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, settings, secret_ref, is_default)
    values (${tenantId}, ${channel}, ${address}, ${sql.json(settings)}, ${`env:${secretOf(name)}`}, true) returning id`
  return account?.id ?? ''
}

/** Everybody writes twice: the first message makes customer and conversation, the second is as any other then. */
async function warmUp(
  sql: Sql,
  account: string,
  post: (n: number, serial: number) => Promise<void>,
) {
  let before = 0
  for (let turn = 0; turn < 2; turn += 1) {
    const [last] = await sql<{ number: number }[]>`
      select coalesce(max(number), 0) as number from pigeonpost.messages where account_id = ${account}`
    before = last?.number ?? 0
    let next = 0
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (next < people) await post(next++, nextSerial())
      }),
    )
  }
  await sql`analyze`
  const insert = await twinInsert(sql, `m.account_id = '${account}' and m.number > ${before}`)
  if (insert.rows.length !== people) {
    throw new Error(`${insert.rows.length} of ${people} webhooks were stored`)
  }
  return insert
}

let serial = Date.now() * 1000
const nextSerial = () => serial++

async function countRows(sql: Sql, table: string, account: string): Promise<number> {
  const [row] = await sql<{ rows: number }[]>`
    select count(*) as rows from ${sql(table)} where account_id = ${account}`
  return row?.rows ?? 0
}

async function load(
  post: (n: number, serial: number) => Promise<void>,
  seconds: number,
): Promise<{ answered: number; perSecond: number }> {
  let answered = 0
  const started = performance.now()
  const end = started + seconds * 1000
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < end) {
        const one = nextSerial()
        await post(one % people, one)
        answered += 1
      }
    }),
  )
  return { answered, perSecond: answered / ((performance.now() - started) / 1000) }
}

/** @throws where it is not answered with 200 */
async function send(agent: Agent, url: string, { headers, body }: Webhook): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { agent, method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (response) => {
        response.resume()
        response.once('end', () => {
          if (response.statusCode === 200) resolve()
          else reject(new Error(`${url} answered ${response.statusCode}`))
        })
      },
    )
    call.once('error', reject)
    call.end(body)
  })
}
