import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type pg from 'pg'
import { type DatabaseAddress, readDatabaseUrl } from './address.ts'
import { socketMaker } from './socket.ts'

/** More often than a silent connection is closed. */
const pingEveryMs = 5_000
const silenceMs = 20_000

/**
 * What a client of `pg` needs to reach the database as `connect` does: several hosts, unix sockets, TLS, and an end to a
 * connection that fell silent. Who keeps a client pings it: `keepAwake`.
 */
export function pgOptions(url: string, name: string): pg.ClientConfig {
  const address = readDatabaseUrl(url)
  const { user, password, database, sslMode, tls, settings } = address
  const [first] = address.hosts
  const withTls = sslMode === 'require' || sslMode === 'verify-ca' || sslMode === 'verify-full'
  return {
    host: first?.host,
    port: first?.port,
    user,
    password,
    database,
    // It has no fallback: `allow` and `prefer` go without.
    ssl:
      withTls &&
      (sslMode === 'verify-full' ? { ...tls, checkServerIdentity: isOneOf(address) } : tls),
    stream: socketMaker(address, silenceMs),
    application_name: name,
    connectionTimeoutMillis: 10_000,
    options: Object.entries(settings)
      .map(([key, value]) => `-c ${key}=${value.replace(/([\\ ])/g, '\\$1')}`)
      .join(' '),
  }
}

/** Which of several hosts a socket reached is not told when its certificate is looked at. */
function isOneOf({ hosts }: DatabaseAddress) {
  return (_: string, certificate: PeerCertificate): Error | undefined => {
    const [first, ...others] = hosts.map(({ host }) => checkServerIdentity(host, certificate))
    return others.includes(undefined) ? undefined : first
  }
}

/** Pings an idle client until it ends, as one that only LISTENs, so that its silence means that it is lost. */
export function keepAwake(client: pg.ClientBase): void {
  const timer = setInterval(() => {
    // Not in the types. A client that runs a query needs no ping, and pg warns of two at once.
    const { readyForQuery } = client as { readyForQuery?: boolean }
    if (readyForQuery) void client.query('select').catch(() => {})
  }, pingEveryMs)
  timer.unref()
  client.once('end', () => clearInterval(timer))
}

/** With several hosts, one may be a standby. @throws where the session cannot write */
export async function needWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>(
    'show transaction_read_only',
  )
  if (rows[0]?.transaction_read_only === 'off') return
  throw Object.assign(new Error('the server is read-only: a standby, or a database set so'), {
    code: '25006',
  })
}
