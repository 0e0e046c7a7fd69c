import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The account that runs PostgreSQL: null means our own. */
export type Account = { name: string; uid: number; gid: number } | null

/** Where clusters and binaries go when their own folder is closed to the unprivileged account. */
export const sharedRoot = '/var/lib/pigeonpost'

/**
 * PostgreSQL refuses to run as root, so as root it runs as `postgres`, created if need be. Throws with
 * what to do where it cannot be made.
 */
export async function accountForPostgres(): Promise<Account> {
  if (process.getuid?.() !== 0) return null
  const known = await lookUp('postgres')
  if (known) return known
  try {
    await execute('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ])
  } catch (error) {
    const made = await lookUp('postgres')
    if (made) return made
    throw new Error(
      'PostgreSQL does not run as root, and a user "postgres" for it could not be created. Add one ' +
        '(useradd --system postgres), run as another user, or set DATABASE_URL to a server of yours',
      { cause: error },
    )
  }
  const made = await lookUp('postgres')
  if (!made) throw new Error('useradd did not create the user "postgres"')
  return made
}

/** True when the account may pass through every folder on the way to `path` and read it. */
export async function canReach(account: Account, path: string): Promise<boolean> {
  if (!account) return true
  const { uid, gid } = account
  return execute('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', path], {
    uid,
    gid,
    cwd: '/',
  }).then(
    () => true,
    () => false,
  )
}

/** Makes the shared folder, open to all whatever the umask says. */
export async function makeSharedRoot(): Promise<void> {
  await mkdir(sharedRoot, { recursive: true })
  await chmod(sharedRoot, 0o755)
}

/** The folder below /var/lib that stands in for `folder`; the same one each time. */
export function standIn(folder: string): string {
  return `${sharedRoot}/${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`
}

async function lookUp(name: string): Promise<Account> {
  try {
    const [uid, gid] = await Promise.all([execute('id', ['-u', name]), execute('id', ['-g', name])])
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return null
  }
}
