import { pino } from 'pino'
import type postgres from 'postgres'
import root, { type Test } from 'tap'
import { startApi, type ApiOptions } from '../../../../adapters/http/index.ts'
import { createKey, type NewKey } from '../../../../db/keys/create.ts'
import { createContract, type Contract } from '../../../support/api-contract.ts'
import { testDatabase } from '../../../support/database.ts'
import { reach } from '../../../support/pooler.ts'
import { mediaFolders } from '../../../support/media.ts'

/** A webhook of fakechat. */
export const example = {
  platform: 'fakechat',
  user: { id: '+27831234567' },
  message: { id: 'abc123', type: 'text', content: 'Hello', timestamp: 1733768400 },
}

export type Answer = {
  status: number
  headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests say what it must be
  body: any
}

type Options = Partial<ApiOptions> & {
  /** Without migrations. */
  blank?: boolean
  /** For tests that change the schema. */
  own?: boolean
}

/** On a busy machine, too, a request that waits for its turn or for a lock is answered by what it asks for, not by 503. */
export const patient = { waitMs: 600_000, lockMs: 600_000 }

/** The server that the tests of a file share while they ask for nothing special. */
let shared: ReturnType<typeof start> | null = null

/**
 * A server with empty tables, tenants 1 and 2, a key of tenant 1, and what it logs. With options it is the test's own,
 * without any it is the file's, emptied.
 */
export async function testApi(t: Test, options: Options = {}) {
  const own = Object.keys(options).length > 0
  shared ??= own ? null : start(root, {})
  const { api, database, log } = own ? await start(t, options) : await (shared ?? start(root, {}))
  const { sql } = database
  const makeKey = (given: Partial<NewKey> = {}) =>
    createKey(sql as never, { tenantId: 1, name: 'test', ...given })
  let key = ''
  if (!options.blank) {
    await empty(sql)
    await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2)`
    key = (await makeKey()).key
  }
  log.length = 0

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(api.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = { status: response.status, headers: response.headers, body: JSON.parse(text) }
    await holdToDocument(api.url, { method, path }, answer)
    return answer
  }
  return {
    api,
    key,
    sql,
    database,
    log,
    makeKey,
    call,
    get: (path: string, headers?: Record<string, string>) => call('GET', path, undefined, headers),
    post: (path: string, body: unknown, headers?: Record<string, string>) =>
      call('POST', path, body, headers),
  }
}

/** What every error looks like, and the fields that it names. */
export function errorOf(
  t: Test,
  { body, headers }: Answer,
): { code: string; message: string; fields: string[] } {
  t.same(Object.keys(body).toSorted(), ['code', 'details', 'message', 'success'])
  t.equal(body.success, false)
  t.match(headers.get('content-type'), /^application\/json/)
  t.ok(headers.get('x-request-id'))
  return {
    code: body.code,
    message: body.message,
    fields: body.details.map((one: { field: string }) => one.field),
  }
}

let contract: Promise<Contract> | null = null

/** The document that servers of this version have, to hold their answers against. */
export function contractOf(url: string): Promise<Contract> {
  contract ??= fetch(`${url}/openapi.json`).then(async (response) =>
    createContract((await response.json()) as Contract['document']),
  )
  return contract
}

/** @throws where the document does not tell of the answer, or not so; so every test of the suite holds the document */
async function holdToDocument(
  url: string,
  { method, path }: { method: string; path: string },
  answer: Answer,
): Promise<void> {
  const { find, objection } = await contractOf(url)
  const found = find(method, path)
  if (!found) {
    if (answer.status === 404 && answer.body.code === 'route_unknown') return
    throw new Error(`${method} ${path} is not in the document, and answers ${answer.status}`)
  }
  const objected = objection(found, answer)
  if (objected) throw new Error(`${method} ${path} breaks the document: ${objected}`)
}

async function start(t: Pick<Test, 'teardown'>, options: Options) {
  const { blank = false, own: _, ...rest } = options
  const database = await testDatabase(t, { blank })
  const log: string[] = []
  const api = await startApi({
    ...reach(database.url),
    host: '127.0.0.1',
    port: 0,
    auth: 'keys',
    logger: pino({ level: 'info' }, { write: (line: string) => void log.push(line) }),
    version: '1.2.3',
    media: (await mediaFolders(t)).settings,
    ...patient,
    ...rest,
  })
  t.teardown(() => api.close())
  return { api, database, log }
}

async function empty(sql: postgres.Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select string_agg(c.oid::regclass::text, ', ') as name from pg_class c
    where c.relnamespace = 'pigeonpost'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`
  await sql.unsafe(`truncate ${tables[0]?.name} restart identity`)
}
