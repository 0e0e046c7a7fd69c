import { readFileSync } from 'node:fs'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { InvalidInputError } from '../errors.ts'

/** What a PostgreSQL URL says, for either driver. */
export type DatabaseAddress = {
  /** Tried in turn. A host that begins with `/` is the folder of a unix socket. */
  hosts: { host: string; port: number }[]
  user: string | undefined
  password: string | undefined
  database: string | undefined
  /** As libpq's `sslmode`. */
  sslMode: (typeof sslModes)[number]
  tls: TlsOptions
  targetSessionAttrs: (typeof sessionAttrs)[number]
  /** Settings that a session starts with, besides. */
  settings: Record<string, string>
}

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
const sessionAttrs = ['any', 'read-write', 'primary'] as const
/** Parameters of libpq that neither driver has. Settings of the server, such as `search_path`, are passed on. */
const unsupported =
  /^(hostaddr|passfile|service|servicefile|options|replication|require_auth|requirepeer|channel_binding|load_balance_hosts|sslcert|sslkey|sslpassword|sslcrl|sslcrldir|sslsni|sslnegotiation|sslcompression|ssl_m(in|ax)_protocol_version|gss.*|krbsrvname|keepalives.*|tcp_user_timeout)$/

/**
 * Reads a connection URI as libpq does: several hosts, unix sockets (`?host=/run/postgresql` or the path
 * percent-encoded in the host's place), `target_session_attrs`. With several hosts the default is `read-write`, since
 * one of them is usually a standby, on which we can do nothing.
 * @throws InvalidInputError that names the part, and never quotes the password
 */
export function readDatabaseUrl(url: string): DatabaseAddress {
  if (url.includes('#')) throw invalid('holds a "#"')
  const match =
    /^postgres(?:ql)?:\/\/(?:([^/?#@]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url)
  if (!match) throw invalid('is not a PostgreSQL URL')
  const [, userInfo = '', hostSpec = '', path = '', query = ''] = match
  const [user, password] = splitOnce(userInfo, ':').map((part) => decode(part, 'user or password'))
  const parameters = new URLSearchParams(query)
  const take = (name: string): string | undefined => {
    const value = parameters.get(name) ?? undefined
    parameters.delete(name)
    return value === '' ? undefined : value
  }
  const ports = take('port')
  const hosts = readHosts(take('host') ?? decode(hostSpec, 'host'), ports)
  const sslMode = oneOf('sslmode', take('sslmode') ?? take('ssl') ?? 'disable', sslModes)
  const sslRootCert = take('sslrootcert')
  const targetSessionAttrs = oneOf(
    'target_session_attrs',
    take('target_session_attrs') ?? (hosts.length > 1 ? 'read-write' : 'any'),
    sessionAttrs,
  )
  const database = take('dbname') ?? decode(path, 'database')
  const inQuery = { user: take('user'), password: take('password') }
  // Ours: see `connect`.
  for (const name of [
    'application_name',
    'fallback_application_name',
    'connect_timeout',
    'client_encoding',
  ])
    take(name)
  for (const name of parameters.keys()) {
    if (unsupported.test(name)) throw invalid(`has the parameter "${name}", which is not supported`)
  }
  return {
    hosts,
    user: inQuery.user ?? (user || undefined),
    password: inQuery.password ?? (password || undefined),
    database: database || undefined,
    sslMode: sslRootCert === 'system' ? 'verify-full' : sslMode,
    tls: tlsOptions(sslMode, sslRootCert),
    targetSessionAttrs,
    settings: Object.fromEntries(parameters),
  }
}

function readHosts(spec: string, portSpec: string | undefined): DatabaseAddress['hosts'] {
  const fallbacks = portSpec?.split(',') ?? []
  return spec.split(',').map((entry, index) => {
    const [, name = '', port] = /^(\/.*|\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(entry) ?? []
    const host = name.replace(/^\[(.*)\]$/, '$1')
    if (host === '') throw invalid('names no host')
    const given = port || fallbacks[index] || (fallbacks.length === 1 ? fallbacks[0] : '') || '5432'
    if (!/^\d{1,5}$/.test(given) || Number(given) < 1 || Number(given) > 65_535) {
      throw invalid(`has the port "${given}"; ports go from 1 to 65535`)
    }
    return { host, port: Number(given) }
  })
}

function tlsOptions(mode: DatabaseAddress['sslMode'], rootCert: string | undefined): TlsOptions {
  const ca = rootCert && rootCert !== 'system' ? { ca: readCertificate(rootCert) } : {}
  if (mode === 'verify-full' || rootCert === 'system') return ca
  // As libpq: a root certificate makes `require` verify it, and the host's name is verify-full's to check.
  if (mode === 'verify-ca' || rootCert) return { ...ca, checkServerIdentity: () => undefined }
  return { rejectUnauthorized: false }
}

function readCertificate(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw invalid(`names the sslrootcert "${path}", which cannot be read (${String(error)})`)
  }
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value)
  if (found) return found
  throw invalid(`has ${name}=${value}; give ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`)
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid(`has a % in its ${part} that encodes nothing`)
  }
}

function invalid(problem: string): InvalidInputError {
  return new InvalidInputError(`The database URL ${problem}.`, {
    code: 'database_url',
    field: 'DATABASE_URL',
    hint: 'postgres://user:password@host:5432/database, special characters percent-encoded ("@" as %40)',
  })
}
