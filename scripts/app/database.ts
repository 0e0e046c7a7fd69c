import { readDatabaseUrl } from '../../db/connection/address.ts'
import { connect, type Sql } from '../../db/connect.ts'
import { envFilePath, readEnvFile } from './env-file.ts'
import { codeOf, explain, Failure } from './failure.ts'
import { type Environment, readEnvironment } from './config.ts'

/**
 * The database that a command other than `start` works on: DATABASE_URL, else what the last `start`
 * wrote to the env file of the data folder.
 * @throws {Failure} with what to do where there is none, or where it does not answer
 */
export async function findDatabase(): Promise<string> {
  const config = readEnvironment(['DATABASE_URL', 'PIGEONPOST_DATA'])
  if (config.DATABASE_URL) {
    await checkDatabase(config.DATABASE_URL)
    return config.DATABASE_URL
  }
  const path = envFilePath(config.PIGEONPOST_DATA)
  const { DATABASE_URL: url } = await readEnvFile(config.PIGEONPOST_DATA)
  if (!url) {
    throw new Failure(
      `DATABASE_URL is not set, and there is no ${path}; set DATABASE_URL to a PostgreSQL, or run "pigeonpost start" first`,
    )
  }
  await checkDatabase(url, (reason) =>
    reason
      .replace(/^DATABASE_URL/, `DATABASE_URL is not set, and that of ${path}`)
      .concat('; run "pigeonpost start" first, or set DATABASE_URL'),
  )
  return url
}

/**
 * The database of a command that needs the schema.
 * @throws {Failure} where `migrate` has to run first
 */
export async function findMigratedDatabase(): Promise<string> {
  const url = await findDatabase()
  const { missingFixtures } = await import('../../db/fixtures.ts')
  const { pendingMigrations } = await import('../../db/migrations.ts')
  const sql = connect(url, { max: 1, name: 'pigeonpost check' })
  try {
    const migrations = await pendingMigrations(sql)
    const fixtures = await missingFixtures(sql)
    if (migrations.length + fixtures.length === 0) return url
    throw new Failure(
      `DATABASE_URL: the schema of this database lacks ${migrations.length} of our migrations and ${fixtures.length} of our fixtures; run "pigeonpost migrate" first`,
    )
  } catch (error) {
    // A role that may not read the ledger may still do its work.
    if (codeOf(error) !== '42501') throw error
    return url
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Runs `work` with a pool on the command's database, and ends the pool. */
export async function withDatabase<T>(name: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(await findMigratedDatabase(), { max: 3, name: `pigeonpost ${name}` })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/**
 * Connects once, for an error now that names what is wrong instead of many later.
 * @throws {Failure} with host and port, never with the password
 */
export async function checkDatabase(
  url: string,
  amend: (reason: string) => string = (reason) => reason,
): Promise<void> {
  const sql = connect(url, { max: 1, name: 'pigeonpost check' })
  try {
    await sql`select`
  } catch (error) {
    throw new Failure(amend(explainConnection(error, url)), { cause: error })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function explainConnection(error: unknown, url: string): string {
  const { hosts, user = '', database } = readDatabaseUrl(url)
  const place = `PostgreSQL at ${hosts.map(({ host, port }) => `${host}:${port}`).join(' or ')}`
  const names = hosts.map(({ host }) => `"${host}"`).join(' or ')
  const code = codeOf(error) ?? ''
  const reason: Record<string, string> = {
    ECONNREFUSED: `${place} does not answer (ECONNREFUSED): is it running there?`,
    CONNECT_TIMEOUT: `${place} does not answer within 10 s: are host, port and firewall right?`,
    ENOTFOUND: `the host ${names} is not known`,
    EAI_AGAIN: `the host ${names} cannot be looked up`,
    '28P01': `${place} refuses the password of user "${user}"`,
    '28000': `${place} does not let user "${user}" in`,
    '3D000': `${place} has no database "${database ?? user}"`,
    '57P03': `${place} is starting up or shutting down; try again in a moment`,
    '53300': `${place} has no connection left`,
  }
  return `DATABASE_URL: ${reason[code] ?? `${place} cannot be used (${[code, explain(error)].filter(Boolean).join(': ')})`}`
}

/**
 * Whether DATABASE_URL is the embedded database's own, brought into this shell by `. .pigeonpost/env`:
 * a `start` from there has to start that server again, not to look for it.
 */
export function isEmbedded(config: Pick<Environment, 'DATABASE_URL'>, savedUrl?: string): boolean {
  if (!config.DATABASE_URL || !savedUrl) return false
  const given = readDatabaseUrl(config.DATABASE_URL)
  const known = readDatabaseUrl(savedUrl)
  const same = (['user', 'password', 'database'] as const).every(
    (part) => given[part] === known[part],
  )
  // The password is random, so this is no server that happens to be called alike.
  return same && given.hosts[0]?.host === '127.0.0.1' && /^[0-9a-f]{48}$/.test(given.password ?? '')
}
