import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { type Account, canReach, makeSharedRoot, sharedRoot, standIn } from './account.ts'
import type { Binaries, PostgresVersion } from './binaries.ts'
import { EmbeddedPostgresError } from './errors.ts'

/** A cluster on disk. `folder` is what the user named; the other paths are free of symlinks. */
export type Cluster = {
  folder: string
  data: string
  log: string
  password: string
  account: Account
}

/**
 * The cluster in `folder/server`, or null where there is none. As root it runs as whoever owns its
 * data, so that a cluster that was made without root keeps working with it.
 */
export async function openCluster(
  folder: string,
  version: PostgresVersion,
): Promise<Cluster | null> {
  const home = await realpath(join(folder, 'server')).catch(nullIfMissing)
  if (home === null) return null
  const data = join(home, 'data')
  const found = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim()
  if (found !== String(version)) {
    throw new EmbeddedPostgresError(
      `${folder} holds data of PostgreSQL ${found}, and this is PostgreSQL ${version}: dump it with the older one, then restore into a new folder`,
      '',
    )
  }
  const { uid, gid } = await stat(data)
  return {
    folder,
    data,
    log: join(home, 'postgres.log'),
    password: (await readFile(join(home, 'password'), 'utf8')).trim(),
    account: process.getuid?.() === 0 ? { name: String(uid), uid, gid } : null,
  }
}

/**
 * Makes a cluster in `folder/server`, or below /var/lib with a symlink there if the account cannot
 * reach the folder. It is made under another name and then put in place by one atomic step: a run
 * that is killed half-way leaves no cluster, and of two at the same instant one wins.
 */
export async function createCluster(options: {
  folder: string
  account: Account
  binaries: Binaries
  durable: boolean
  log: (line: string) => void
}): Promise<void> {
  const { folder, account, binaries } = options
  const near = await canReach(account, folder)
  if (!near) await makeSharedRoot()
  const where = near ? folder : sharedRoot
  await removeHalves(where)

  const random = randomBytes(6).toString('hex')
  const half = join(where, `init-${process.pid}-${random}`)
  const password = join(half, 'password')
  try {
    await mkdir(half, { mode: 0o700 })
    await writeFile(password, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 })
    if (account) {
      await chown(half, account.uid, account.gid)
      await chown(password, account.uid, account.gid)
    }
    await initialize(binaries, join(half, 'data'), password, options)
    const far = near ? null : `${standIn(folder)}-${random}`
    await putInPlace({ half, folder, far, log: options.log })
  } finally {
    await rm(half, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function putInPlace(options: {
  half: string
  folder: string
  far: string | null
  log: (line: string) => void
}): Promise<void> {
  const place = join(options.folder, 'server')
  if (options.far === null) {
    await rename(options.half, place).catch(ignoring('ENOTEMPTY', 'EEXIST'))
    return
  }
  await rename(options.half, options.far)
  try {
    await symlink(options.far, place)
    options.log(
      `PostgreSQL's user cannot enter ${options.folder}; its data lies in ${options.far}, and ${place} points there`,
    )
  } catch (error) {
    await rm(options.far, { recursive: true, force: true })
    ignoring('EEXIST')(error)
  }
}

/** Unfinished clusters of processes that have ended. */
async function removeHalves(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^init-(\d+)-/.exec(name)?.[1]
    if (!pid || processExists(Number(pid))) continue
    await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

async function initialize(
  binaries: Binaries,
  data: string,
  password: string,
  options: { account: Account; durable: boolean },
): Promise<void> {
  let output = ''
  for (const locale of locales(binaries.release)) {
    const result = await runInitdb(binaries, options.account, [
      `--pgdata=${data}`,
      '--username=pigeonpost',
      `--pwfile=${password}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-instructions',
      ...(options.durable ? [] : ['--no-sync']),
      ...locale,
    ])
    if (result.ok) {
      await appendFile(
        join(data, 'postgresql.conf'),
        "\n# Written anew by Pigeonpost at each start.\ninclude_if_exists = 'pigeonpost.conf'\n",
      )
      return
    }
    output = result.output
    if (!/invalid locale name/.test(output)) break
  }
  throw new EmbeddedPostgresError('PostgreSQL could not create its data folder', output)
}

/** Code-point order and full Unicode case, built in, so that no upgrade of the machine's libraries changes them. */
function locales(release: string): string[][] {
  if (Number.parseInt(release, 10) >= 17) {
    return [['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']]
  }
  return [
    ['--locale-provider=libc', '--locale=C.UTF-8'],
    ['--locale-provider=libc', '--locale=C'],
  ]
}

async function runInitdb(
  binaries: Binaries,
  account: Account,
  args: string[],
): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binaries.initdb, args, {
      ...(account && { uid: account.uid, gid: account.gid }),
      cwd: '/',
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', reject)
    child.once('close', (code) => resolve({ ok: code === 0, output }))
  })
}

/** Only what PostgreSQL needs: a PGPORT or a foreign locale of the caller's must not reach it. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/** Writes a file so that a reader sees the old one or the new one, whole. */
export async function replaceFile(path: string, text: string, account: Account): Promise<void> {
  const half = `${path}.${process.pid}`
  await writeFile(half, text, { mode: 0o600 })
  await chmod(half, 0o600)
  if (account) await chown(half, account.uid, account.gid)
  await rename(half, path)
}

export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

export function nullIfMissing(error: unknown): null {
  ignoring('ENOENT')(error)
  return null
}

function ignoring(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? '')) throw error
  }
}
