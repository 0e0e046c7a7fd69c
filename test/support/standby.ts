import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Test } from 'tap'
import { accountForPostgres, canReach, sharedRoot } from '../../adapters/postgres/account.ts'
import { findBinaries } from '../../adapters/postgres/binaries.ts'
import { removeEmbedded, startEmbedded } from '../../adapters/postgres/embedded.ts'
import { migrate } from '../../db/migrate.ts'
import { freePort } from './port.ts'
import { postgresVersion } from './version.ts'
import { waitFor } from './wait.ts'

/** A migrated primary and a synchronous standby that streams from it: real servers, on loopback. */
export type Pair = {
  /** Of the primary. */
  url(): string
  /** Kills the primary with all its sessions, promotes the standby, and gives it a standby of its own. */
  failOver(onPromoted: (url: string) => void): Promise<void>
}

type Node = { data: string; port: number; child: ChildProcess }

export async function startPair(t: Pick<Test, 'teardown'>): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-pair-'))
  const account = await accountForPostgres()
  const binaries = await findBinaries({
    version: postgresVersion,
    copies: account ? sharedRoot : folder,
    usable: ({ postgres: path }) => canReach(account, path),
    log: () => {},
  })
  if (account) await chown(folder, account.uid, account.gid)
  const access = join(folder, 'pg_hba.conf')
  await writeFile(
    access,
    'host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n',
    { mode: 0o644 },
  )
  // Made as the embedded database is, and from here on run by the test alone.
  const first = await startEmbedded({ folder: join(folder, 'first'), version: postgresVersion })
  await migrate({ url: first.url })
  await first.stop()
  const nodes: Node[] = []
  let made = 0
  t.teardown(async () => {
    for (const node of nodes) await end(node)
    await removeEmbedded(join(folder, 'first'))
    await rm(folder, { recursive: true, force: true })
  })

  const urlOf = ({ port }: Pick<Node, 'port'>) =>
    `postgres://pigeonpost@127.0.0.1:${port}/pigeonpost`

  async function run<T>(node: Node, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = postgres(urlOf(node), { max: 1, onnotice: () => {} })
    try {
      return await work(sql)
    } finally {
      await sql.end({ timeout: 1 })
    }
  }

  async function start(data: string, settings: Record<string, string>): Promise<Node> {
    const port = await freePort()
    const all = {
      port: String(port),
      hba_file: access,
      wal_level: 'replica',
      max_wal_senders: '5',
      max_connections: '100',
      shared_buffers: '64MB',
      listen_addresses: '127.0.0.1',
      ...settings,
    }
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(binaries.postgres, ['-D', data, ...flags], {
      ...(account ? { uid: account.uid, gid: account.gid } : {}),
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: 'ignore',
    })
    const node = { data, port, child }
    nodes.push(node)
    await waitFor(
      async () =>
        run(node, async (sql) => sql`select 1`).then(
          () => true,
          () => false,
        ),
      { what: 'a server to take connections' },
    )
    return node
  }

  /** A standby made by a base backup of a running primary, and waited for by its commits from then on. */
  async function addStandby(primary: Node): Promise<Node> {
    const data = join(folder, `node-${++made}`)
    await run(primary, async (sql) => {
      await sql`select pg_backup_start('standby', true)`
      await cp(primary.data, data, {
        recursive: true,
        filter: (path) => !/\/(postmaster\.(pid|opts)|pg_wal\/.+|pg_replslot\/.+)$/.test(path),
        // Files of a running server come and go.
        errorOnExist: false,
      })
      const [row] = await sql<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`
      await writeFile(join(data, 'backup_label'), row?.labelfile ?? '')
    })
    await writeFile(join(data, 'standby.signal'), '')
    if (account) await spawned('chown', ['-R', `${account.uid}:${account.gid}`, data])
    await spawned('chmod', ['-R', 'u=rwX,go=', data])
    const standby = await start(data, {
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=pigeonpost`,
    })
    await run(primary, async (sql) => {
      const streams = async () => {
        const [row] = await sql<{ count: number }[]>`
          select count(*)::integer as count from pg_stat_replication where state = 'streaming'`
        return row?.count === 1
      }
      await waitFor(streams, { what: 'the standby to stream' })
      await setSynchronous(sql, '*')
    })
    return standby
  }

  async function setSynchronous(sql: postgres.Sql, names: string): Promise<void> {
    await sql.unsafe(`alter system set synchronous_standby_names = '${names}'`)
    await sql`select pg_reload_conf()`
  }

  let primary = await start(join(first.folder, 'server', 'data'), {})
  let standby = await addStandby(primary)
  return {
    url: () => urlOf(primary),
    async failOver(onPromoted) {
      await end(primary)
      const old = primary
      primary = standby
      await run(primary, async (sql) => {
        await sql`select pg_promote(true, 120)`
        await setSynchronous(sql, '')
      })
      onPromoted(urlOf(primary))
      standby = await addStandby(primary)
      await rm(old.data, { recursive: true, force: true })
    },
  }
}

/** As a machine that lost its power: nothing is said to anyone. */
async function end({ child }: Node): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGQUIT')
  await exited
}

async function spawned(command: string, args: string[]): Promise<void> {
  const [code] = (await once(spawn(command, args, { stdio: 'ignore' }), 'exit')) as [number]
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}
