/** The samples in db/README.md, each run as it stands there. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { testDatabase } from '../support/database.ts'
import { codeBlocks } from '../support/markdown.ts'
import { cleanEnvironment } from './cli.ts'

const execute = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const document = 'db/README.md'

async function only(language: string): Promise<string> {
  const blocks = await codeBlocks(document, language, 'From your language')
  if (blocks.length !== 1) throw new Error(`${blocks.length} samples in ${language}`)
  return blocks[0] ?? ''
}

/** Runs a sample as a file, and answers what it printed. */
async function print(t: Test, url: string, program: string, sample: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-sample-'))
  t.teardown(async () => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'sample.ts')
  await writeFile(file, sample)
  const env = { ...cleanEnvironment(), DATABASE_URL: url }
  return (await execute(program, [file], { env })).stdout
}

async function works(program: string, ...args: string[]): Promise<boolean> {
  return execute(program, args).then(
    () => true,
    () => false,
  )
}

/** Debian's has Debian's packages; another that comes first in PATH may not. */
async function findPython(): Promise<string | null> {
  for (const python of ['python3', '/usr/bin/python3'])
    if (await works(python, '-c', 'import psycopg')) return python
  return null
}

t.test('every statement of SQL runs, in the order of the page', async (t) => {
  const { connect, name } = await testDatabase(t)
  // One connection: a block may hold a transaction.
  const sql = connect({ max: 1 })
  // Roles are the whole cluster's.
  const role = `${name}_bridge`
  t.teardown(async () => sql.unsafe(`drop role if exists ${role}`))
  const blocks = await codeBlocks(document, 'sql')
  t.ok(blocks.length >= 8)
  for (const block of blocks) await sql.unsafe(block.replaceAll('whatsapp_bridge', role))

  const stored = await sql`
    select external_message_id as id, body, status from pigeonpost.messages order by external_message_id`
  t.same(
    stored.map(({ id, body, status }) => [id, body, status]),
    [
      ['3EB0ABC123', 'Hello there', 'read'],
      ['3EB0ABC124', 'How are you?', 'delivered'],
      ['3EB0ABC125', 'I asked.', 'delivered'],
      ['3EB0ABC126', 'Hello', 'delivered'],
    ],
  )
})

const python = await findPython()
const withPython = { skip: python ? false : 'no psycopg: apt-get install python3-psycopg' }
t.test('Python stores a message, reads the thread, and names an error', withPython, async (t) => {
  const { url } = await testDatabase(t)
  const printed = await print(t, url, python ?? '', await only('python'))
  t.equal(
    printed,
    'PPV01 messages_address_is_possible Phone number must be in E.164 format: + and 7 to 15 digits.\n' +
      'inbound Hello from Python\n',
  )
})

const withPsql = {
  skip: (await works('psql', '--version')) ? false : 'no psql: apt-get install postgresql-client',
}
t.test('psql stores a message and queues an answer', withPsql, async (t) => {
  const { url } = await testDatabase(t)
  const printed = await print(t, url, 'sh', await only('sh'))
  t.match(printed, /\| queued\n/)
  t.match(printed, /inbound +\| delivered \| Hello from psql\n outbound +\| queued +\| Hello back/)
})

t.test('TypeScript stores a message, names an error, and sees the event', async (t) => {
  const { url } = await testDatabase(t)
  const sample = await only('ts')
  const entry = pathToFileURL(join(root, 'index.ts')).href
  const printed = await print(
    t,
    url,
    process.execPath,
    sample.replace(`'pigeonpost'`, `'${entry}'`),
  )
  t.match(printed, /code: 'messages_address_is_possible'/)
  t.match(printed, /^\d+ message\.inbound\.created Hello from TypeScript$/m)
})
