import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { clearSpool } from '../../../../adapters/media/spool.ts'
import { openStorages } from '../../../../adapters/media/storages.ts'
import { createScanner } from '../../../../adapters/scan/index.ts'
import type { StorageConfig } from '../../../../adapters/storage/index.ts'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { newFolder, runProgram } from '../../../scripts/cli.ts'
import { noClamd, startClamd } from '../../../support/clamd.ts'
import { startFileServer } from '../../../support/file-server.ts'
import { picture } from '../../../support/media.ts'
import { childrenOf } from '../../../support/processes.ts'
import { noS3, startS3 } from '../../../support/s3.ts'
import { waitFor } from '../../../support/wait.ts'
import type { MediaProcess } from './media-process.ts'
import { deliveryDatabase, silent } from '../delivery/support.ts'

const script = join(import.meta.dirname, 'media-process.ts')
/** Contents of files; messages and uploads share them. */
const contents = 60
const perRound = 12
/** A port where nothing listens (tcpmux). */
const noScanner = 1

/**
 * Uploads, fetches, scans and deletes, killed `kills` times at any moment; then a worker that lives, and what it finds.
 */
async function killAgainAndAgain(t: Test, kills: number, config: StorageConfig): Promise<void> {
  const { url, sql } = await deliveryDatabase(t)
  await sql`insert into pigeonpost.tenants (tenant_id) values (1) on conflict do nothing`
  const clamd = await startClamd(t)
  const files = await startFileServer(t)
  const dataFolder = await newFolder(t)
  const spoolFolder = join(dataFolder, 'spool')
  const pictures = await Promise.all(Array.from({ length: contents }, async () => picture()))
  for (const [n, content] of pictures.entries()) {
    files.routes.set(`/${n}.jpg`, (_, response) => {
      response.write(content.subarray(0, 500))
      setTimeout(() => response.end(content.subarray(500)), Math.random() * 40)
    })
  }
  const begin = (scans: boolean) => {
    const told: MediaProcess = {
      url,
      dataFolder,
      spoolFolder,
      config,
      clamdPort: scans ? clamd.port : noScanner,
      host: files.host,
    }
    return runProgram(t, process.execPath, [script, JSON.stringify(told)], {})
  }
  let inserted = 0
  const insert = async () => {
    await sql`
      insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, body, media_url)
      select 1, 'whatsapp', 'inbound', '+2783' || lpad((n % 9)::text, 7, '0'), 'm' || n, 'image', 'look',
        ${`${files.url}/`} || (n * 7 % ${contents}) || '.jpg'
      from generate_series(${inserted}::integer, ${inserted + perRound - 1}::integer) n`
    inserted += perRound
  }
  /** Uploads that were answered. */
  const acknowledged = new Map<string, number>()
  const upload = async (api: string) => {
    const n = Math.floor(Math.random() * contents)
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(pictures[n] ?? [])]), 'photo.jpg')
    const answer = await fetch(`${api}/api/v1/media`, { method: 'POST', body: form })
    const { data } = (await answer.json()) as { data: { id: string } }
    acknowledged.set(data.id, n)
  }
  const deleteOne = async (api: string) => {
    const [id] = [...acknowledged.keys()]
    if (id === undefined) return
    acknowledged.delete(id)
    await fetch(`${api}/api/v1/media/${id}`, { method: 'DELETE' })
  }

  const helpers: number[] = []
  let next = begin(true)
  for (let kill = 1; kill <= kills; kill++) {
    const running = next
    const api = await waitFor(() => /^http\S+$/m.exec(running.output.stdout)?.[0], {
      what: `process ${kill} to run: ${running.output.stderr}`,
    })
    // Two of three have a scanner; what the others take in waits for it.
    next = begin(kill % 3 !== 0)
    await insert()
    await sql`update pigeonpost_private.media_tasks set due_at = now()`
    const killed = new AbortController()
    const client = async (act: (api: string) => Promise<void>, pauseMs: number) => {
      while (!killed.signal.aborted) {
        await act(api).catch(() => {})
        await delay(pauseMs)
      }
    }
    const clients = [client(upload, 1), client(upload, 1), client(upload, 1), client(deleteOne, 80)]
    await delay(30 + Math.random() * 500)
    helpers.push(...(await childrenOf(running.child.pid ?? 0)))
    running.child.kill('SIGKILL')
    killed.abort()
    await Promise.all([running.ended, ...clients])
  }
  next.child.kill('SIGKILL')
  await next.ended
  await waitFor(
    async () => {
      const rows = await sql`
        select from pg_stat_activity where datname = current_database() and application_name like 'pigeonpost %'
          and application_name <> 'pigeonpost'`
      return rows.length === 0
    },
    { what: 'their connections to be gone' },
  )
  const alive = async () =>
    (await Promise.all(helpers.map(async (pid) => readdir(`/proc/${pid}`).catch(() => [])))).flat()
  await waitFor(async () => (await alive()).length === 0, { what: 'their helpers to be gone' })

  const storages = await openStorages(config, { dataFolder, baseUrl: 'http://files.test' })
  t.teardown(() => storages.close())
  const storage = storages.current
  const worker = startMedia({
    storages,
    scanner: createScanner({ host: '127.0.0.1', port: clamd.port }),
    spoolFolder,
    limit: 10_485_760,
    privateHosts: [files.host],
    sql,
    logger: silent,
  })
  t.teardown(async () => worker.stop())
  const left = async () =>
    sql`select kind, subject, attempts, error_message from pigeonpost_private.media_tasks`
  await waitFor(
    async () => {
      await sql`update pigeonpost_private.media_tasks set due_at = now() where error_message is not null or attempts > 0`.catch(
        () => {},
      )
      return (await left()).length === 0
    },
    { what: 'every task to be done', timeout: 600_000, every: 1_000 },
  ).catch(async (error: unknown) => {
    t.comment(await left())
    throw error
  })

  type Kept = { id: string; sha256: string; size: number; key: string; preview: string | null }
  const kept = await sql<Kept[]>`
    select id, encode(sha256, 'hex') as sha256, size, storage_key as key, preview_key as preview, status
    from pigeonpost.media_files`
  const missing: string[] = []
  for (const { key, preview, sha256 } of kept) {
    const bytes = await storage.get(key).then(buffer, () => null)
    if (!bytes || createHash('sha256').update(bytes).digest('hex') !== sha256) missing.push(key)
    if (preview && !(await storage.stat(preview))) missing.push(preview)
  }
  t.strictSame(missing, [], 'every file that a row names is there, whole')
  t.equal(new Set(kept.map(({ sha256 }) => sha256)).size, kept.length, 'each is kept once')
  t.match(
    await sql`select status, count(*) from pigeonpost.media_files group by status`,
    [{ status: 'clean' }],
    'all of them are scanned',
  )
  const rows = await sql`
    select m.external_message_id, x.status, x.error_code, x.storage_key from pigeonpost.messages m
    left join pigeonpost.media x on x.tenant_id = m.tenant_id and x.message_id = m.id
    where m.media_id is null or x.id is null or x.status <> 'clean'`
  t.strictSame([...rows], [], 'every message has its file')
  t.equal((await sql`select from pigeonpost.messages`).length, inserted)
  for (const [id, n] of acknowledged) {
    const [found] = await sql<{ sha256: string }[]>`
      select encode(f.sha256, 'hex') as sha256 from pigeonpost.media m
      join pigeonpost.media_files f on f.tenant_id = m.tenant_id and f.id = m.file_id where m.id = ${id}`
    const hash = createHash('sha256')
      .update(pictures[n] ?? '')
      .digest('hex')
    if (found?.sha256 !== hash) t.fail(`upload ${id} was answered, and is not there`)
  }

  const keys: string[] = []
  for await (const { key } of storage.list('messages/')) keys.push(key)
  const named = new Set(kept.flatMap(({ key, preview }) => (preview ? [key, preview] : [key])))
  const orphans = keys.filter((key) => !named.has(key))
  const halves = await storage.clearIncoming(0)
  const spooled = await clearSpool(spoolFolder, 0)
  t.comment(
    `${kills} kills, ${inserted} messages, ${acknowledged.size} uploads, ${kept.length} files`,
  )
  t.comment(`left: ${orphans.length} orphans, ${halves} halves, ${spooled} in the spool`)
  t.strictSame(await readdir(spoolFolder), [], 'the spool is cleared of all that was left')
  if (storage.name === 'folder') {
    const found = await readdir(join(dataFolder, 'media'), { recursive: true, withFileTypes: true })
    const paths = found
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) =>
        join(entry.parentPath, entry.name).slice(join(dataFolder, 'media').length + 1),
      )
    t.strictSame(paths.toSorted(), keys.toSorted(), 'nothing lies there that a list does not show')
  }
  for (const key of orphans) await storage.delete(key)
  const after: string[] = []
  for await (const { key } of storage.list('messages/')) after.push(key)
  t.strictSame(after.toSorted(), [...named].toSorted(), 'swept, what is stored is what rows name')
}

/** A run of 30 takes minutes; the suite's is short. */
const kills = Number(process.env['PIGEONPOST_TEST_KILLS'] ?? 6)
const title =
  'killed at any moment it leaves no row without its file, and no file that a list does not show'

t.test(`in a folder, ${title}`, { skip: noClamd, timeout: 850_000 }, async (t) => {
  await killAgainAndAgain(t, kills, {})
})

t.test(`in S3, ${title}`, { skip: noClamd || noS3, timeout: 850_000 }, async (t) => {
  const s3 = await startS3(t)
  await killAgainAndAgain(t, Math.ceil(kills / 3), {
    S3_BUCKET: s3.bucket,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_ACCESS_KEY_ID: s3.keys.id,
    S3_SECRET_ACCESS_KEY: s3.keys.secret,
  })
})
