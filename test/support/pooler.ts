import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './port.ts'

/** Why a test is skipped; false where pgbouncer is installed, as `.ci/run` installs it. */
export const noPooler =
  spawnSync('pgbouncer', ['--version']).error === undefined
    ? false
    : 'no pgbouncer: apt-get install pgbouncer'

export type Pooler = { host: string; stop(): Promise<void> }

/** Debian's `nobody`: pgbouncer does not run as root. */
const nobody = 65_534

/**
 * A pgbouncer in front of a cluster, which by default shares sessions by the transaction; gone with this process, and at `stop`.
 * @throws where pgbouncer is not installed
 */
export async function startPooler(
  url: string,
  mode: 'transaction' | 'session' = 'transaction',
): Promise<Pooler> {
  const { hostname, port, username, password } = new URL(url)
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-pooler-'))
  const listenPort = await freePort()
  const isRoot = process.getuid?.() === 0
  const users = join(folder, 'users')
  const settings = join(folder, 'pgbouncer.ini')
  await writeFile(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`)
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
max_client_conn = 2000
default_pool_size = 10
server_idle_timeout = 5
`,
  )
  await chmod(folder, 0o755)
  if (isRoot) for (const path of [users, settings]) await chown(path, nobody, nobody)
  const child = spawn('pgbouncer', [settings], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
  })
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end)
  const exited = once(child, 'exit')
  const said: string[] = []
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line)
      if (line.includes('process up')) return
    }
    throw new Error(`pgbouncer did not start: ${said.join('\n')}`)
  })()
  await Promise.race([
    ready,
    once(child, 'error').then(([error]) => Promise.reject(error as Error)),
  ])
  child.stderr.resume()
  child.unref()
  return {
    host: `127.0.0.1:${listenPort}`,
    async stop() {
      process.off('exit', end)
      child.ref()
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The same database by a pooler. */
export function through({ host }: Pick<Pooler, 'host'>, url: string): string {
  const result = new URL(url)
  result.host = host
  return result.href
}

/** How the API and workers of the suite reach a database: by the suite's pooler where it runs with `--pooler`. */
export function reach(url: string): { url: string; directUrl?: string } {
  const host = process.env['PIGEONPOST_TEST_POOLER']
  return host ? { url: through({ host }, url), directUrl: url } : { url }
}
