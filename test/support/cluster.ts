import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import postgres from 'postgres'
import { migrate } from '../../db/migrate.ts'

export type TestCluster = { url: string; stop(): Promise<void> }

export const template = 'template_pigeonpost'

/** A crash of the machine may cost these clusters their data; nothing else changes. */
const fast = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  max_prepared_transactions: '10',
}

/**
 * A cluster of its own, gone with this process. For tests that need a server to themselves or other
 * settings (`{ fsync: 'on' }`); the rest take a database of the shared one by `testDatabase`.
 */
export async function startTestCluster(
  settings: Record<string, string> = {},
): Promise<TestCluster> {
  const keeper = join(import.meta.dirname, 'keeper.ts')
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [keeper, JSON.stringify({ ...fast, ...settings })], {
    detached: true,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const url = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    ended.then(([code]) => {
      throw new Error(`the test cluster did not start (exit code ${code})`)
    }),
  ])
  // The pipe alone must not keep a test process alive; its end is what stops the keeper.
  child.unref()
  for (const pipe of [child.stdin, child.stdout]) if ('unref' in pipe) (pipe.unref as () => void)()
  return {
    url,
    async stop() {
      child.ref()
      child.stdin.end()
      await ended
    },
  }
}

/** Makes the migrated database that `testDatabase` clones. */
export async function createTemplate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`create database ${sql(template)}`
  await sql.end()
  await migrate({ url: databaseUrl(url, template) })
}

export function databaseUrl(url: string, name: string): string {
  const result = new URL(url)
  result.pathname = `/${name}`
  return result.href
}
