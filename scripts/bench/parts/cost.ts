import { connect, type Sql } from '../../../db/connect.ts'
import { type Clients, startClients, type Work } from '../clients.ts'
import { figure, interleave, type Outcome, type Ratio, type Variant } from '../rounds.ts'
import { body, prepareSingles, raw } from './single.ts'
import { type BackgroundWorker, createBackgroundWorker } from '../background-worker.ts'

const lanes = 8
const perSample = 5_000

/**
 * What one usual message costs: CPU of the backend that inserts it (of one client, over a fixed number), and the same by
 * ingest(); WAL and bytes stored, over so many rows by 8 clients.
 */
export async function benchCost(
  url: string,
  options: { rounds: number; rows: number; log: (line: string) => void },
): Promise<Outcome[]> {
  const sql = connect(url, { max: 2, name: 'bench' })
  const clients = startClients(lanes)
  const worker = createBackgroundWorker(sql, url)
  try {
    const works = await prepareSingles(sql, url)
    const ingest: Work = {
      url,
      identified: true,
      text: `select count(*) filter (where outcome = 'stored') as stored from pigeonpost.ingest($1)`,
      items: (works.ours.rows ?? []).map(([address]) => ({
        tenant_id: 1,
        channel: 'whatsapp',
        direction: 'inbound',
        address,
        content_type: 'text',
        body,
        raw: JSON.parse(raw) as unknown,
      })),
    }
    const cpu = (name: string, work: Work): Variant => ({
      name,
      async run() {
        await worker.runs(true)
        return clients.cpu(work, perSample)
      },
    })
    const times = (of: string, to: string, target: number | null): Ratio => ({
      name: `times ${to}: ${of}`,
      of,
      to,
      target,
      atMost: true,
    })
    const used = await interleave(
      'CPU of the backend per message',
      [
        cpu('literal', works.literal),
        cpu('bare twin', works.bare),
        cpu('pigeonpost', works.ours),
        cpu('pigeonpost as a bridge', works.bridge),
        cpu('ingest() of one', ingest),
      ],
      [
        times('pigeonpost', 'literal', 2),
        times('pigeonpost', 'bare twin', null),
        times('pigeonpost as a bridge', 'pigeonpost', null),
        times('ingest() of one', 'pigeonpost', 1.3),
      ],
      { ...options, unit: 'µs' },
    )
    const literal = connect(works.literal.url, { max: 1, name: 'bench' })
    try {
      return [used, await stored({ sql, literal, clients, worker }, works, options.rows)]
    } finally {
      await literal.end()
    }
  } finally {
    await Promise.all([clients.stop(), worker.stop()])
    await sql.end()
  }
}

type Measuring = { sql: Sql; literal: Sql; clients: Clients; worker: BackgroundWorker }

/**
 * The WAL is what the clients' backends wrote, whatever the worker writes beside them. A checkpoint comes first, so that
 * each page's first change brings its whole image along, as it does after every checkpoint; it is spread over all rows.
 */
async function stored(
  { sql, literal, clients, worker }: Measuring,
  works: { ours: Work; literal: Work },
  rows: number,
): Promise<Outcome> {
  const count = Math.ceil(rows / lanes)
  const measure = async (size: () => Promise<number[]>, work: Work) => {
    const before = await size()
    await sql`checkpoint`
    const done = await clients.count(work, { count, wal: true })
    const after = await size()
    const per = (bytes: number) => bytes / (count * lanes)
    return {
      wal: per(done.reduce((sum, one) => sum + one.wal, 0)),
      sizes: after.map((bytes, i) => per(bytes - (before[i] ?? 0))),
    }
  }
  await worker.runs(true)
  const ours = await measure(async () => {
    const [row] = await sql<{ messages: number; all: number }[]>`
      select pg_total_relation_size('pigeonpost.messages') as messages,
        (select sum(pg_total_relation_size(c.oid))::bigint from pg_class c
         where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and c.relkind = 'r') as all`
    await worker.usedMs()
    return [row?.messages ?? 0, row?.all ?? 0]
  }, works.ours)
  await worker.runs(false)
  const theirs = await measure(async () => {
    const [row] = await literal<{ bytes: number }[]>`
      select pg_total_relation_size('et_messages') as bytes`
    return [row?.bytes ?? 0]
  }, works.literal)
  const values = {
    'WAL, literal': theirs.wal,
    'WAL, pigeonpost': ours.wal,
    'stored, literal': theirs.sizes[0] ?? 0,
    'stored, pigeonpost': ours.sizes[0] ?? 0,
    'stored, all tables of pigeonpost': ours.sizes[1] ?? 0,
  }
  const atMost = true
  return {
    title: `bytes per message, of ${count * lanes}`,
    unit: 'bytes',
    medians: values,
    samples: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]])),
    ratios: [
      figure({ name: 'bytes of WAL', value: ours.wal, target: 1200, atMost }),
      figure({ name: 'bytes stored', value: ours.sizes[0] ?? 0, target: 600, atMost }),
    ],
  }
}
