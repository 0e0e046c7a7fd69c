import { randomUUID } from 'node:crypto'
import { readdir, rm, truncate, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { announcePut, relocateFile } from '../../db/media/move.ts'
import { findFile } from '../../db/media/files.ts'
import { begin } from '../../db/begin.ts'
import { createMedia } from '../../db/media/media.ts'
import { moveFile } from '../../adapters/media/move.ts'
import { createOpener } from '../../adapters/media/storages.ts'
import { spool } from '../../adapters/media/spool.ts'
import { takeIn } from '../../adapters/media/ingest-file.ts'
import { fileKey } from '../../adapters/storage/index.ts'
import { startMedia } from '../../adapters/worker/media/media.ts'
import type { Scanner } from '../../adapters/scan/index.ts'
import { eicar, noClamd, startClamd } from '../support/clamd.ts'
import { picture, scannerOf } from '../support/media.ts'
import { noS3, startS3 } from '../support/s3.ts'
import { waitFor } from '../support/wait.ts'
import { deliveryDatabase, silent } from '../adapters/worker/delivery/support.ts'
import { complete, newFolder, run } from './cli.ts'

const peer = noS3 ? null : await startS3(t)
const s3: Record<string, string> = peer
  ? {
      S3_BUCKET: peer.bucket,
      S3_ENDPOINT: peer.endpoint,
      S3_ACCESS_KEY_ID: peer.keys.id,
      S3_SECRET_ACCESS_KEY: peer.keys.secret,
    }
  : {}

async function start(t: Test, variables: Record<string, string> = {}) {
  const { url, sql } = await deliveryDatabase(t)
  await sql`insert into pigeonpost.tenants (tenant_id) values (1)`
  const data = await newFolder(t)
  const storages = createOpener(variables, { dataFolder: data, baseUrl: '' })
  t.teardown(() => storages.close())
  const stored = async (name: string) => {
    const keys = []
    for await (const { key } of (await storages.get(name)).list('messages/')) keys.push(key)
    return keys.toSorted()
  }
  // Another test's database has no say here.
  if (variables === s3)
    for (const key of await stored('s3')) await (await storages.get('s3')).delete(key)
  const env = { DATABASE_URL: url, PIGEONPOST_DATA: data, ...variables }
  const folder = join(data, 'spool')

  /** An upload, as the API takes it in; a picture if nothing else is given. */
  const upload = async (name: string, content?: Buffer, scanner: Scanner | null = null) => {
    const bytes = content ?? (await picture())
    const tools = { storage: await storages.get(name), scanner, folder }
    const row = await takeIn(tools, await spool(Readable.from([bytes]), { folder, limit: 1e7 }), {
      tenantId: 1,
      declared: { filename: 'a.jpg' },
      strict: content === undefined,
      run: async (work) => begin(sql, work),
      attach: async (tx, { id: fileId, filename }) =>
        createMedia(tx, { tenantId: 1, fileId, filename, createdBy: null }),
    })
    return { bytes, mediaId: row.id, fileId: row.file_id ?? '', key: row.storage_key ?? '' }
  }
  const readStored = async (name: string, key: string) =>
    buffer(await (await storages.get(name)).get(key))
  const places = async () => {
    const rows = await sql<{ storage: string }[]>`
      select distinct storage from pigeonpost.media_files where storage is not null order by 1`
    return rows.map(({ storage }) => storage)
  }
  const tasks = async () => (await sql`select from pigeonpost_private.media_tasks`).count
  /** Until it has done everything. */
  const work = async (scanner: Scanner | null = null) => {
    const current = await storages.get('folder')
    const worker = startMedia({
      storages: { ...storages, current },
      scanner,
      spoolFolder: folder,
      limit: 1e7,
      privateHosts: [],
      sql,
      logger: silent,
    })
    await waitFor(async () => (await tasks()) === 0, { what: 'the worker to do all' })
    await worker.stop()
  }
  const media = async (...args: string[]) => complete(t, ['media', ...args], { env })
  return {
    url,
    sql,
    data,
    folder,
    env,
    storages,
    upload,
    stored,
    readStored,
    places,
    tasks,
    work,
    media,
  }
}

t.test(
  'files move to S3 and back, byte for byte, and leave nothing behind',
  { skip: noS3 },
  async (t) => {
    const { upload, stored, readStored, places, work, media, data, sql } = await start(t, s3)
    const files = [await upload('folder'), await upload('folder'), await upload('folder')]
    const keys = await stored('folder')
    t.equal(keys.length, 6, 'each with its preview')

    const dry = await media('move', '--to', 's3', '--dry-run')
    t.match(dry, { code: 0, stdout: /^3 files \(\d+ bytes\) in folder\n$/ })
    t.strictSame(await stored('s3'), [])

    const there = await media('move', '--to', 's3', '--from', 'folder', '--grace', '0s')
    t.match(
      there,
      { code: 0, stdout: /^3 files moved to s3 \(\d+ bytes\), 0 left\n$/ },
      there.stderr,
    )
    t.strictSame(await places(), ['s3'])
    t.strictSame(await stored('s3'), keys, 'under the same keys')
    for (const { key, bytes } of files) t.ok((await readStored('s3', key)).equals(bytes))
    await work()
    t.strictSame(await stored('folder'), [])
    t.strictSame(await readdir(join(data, 'spool')), [])

    const back = await media('move', '--to', 'folder', '--json')
    t.equal(back.code, 0, back.stderr)
    t.match(JSON.parse(back.stdout), { kind: 'summary', moved: 3, missing: 0, left: 0 })
    for (const { key, bytes } of files) t.ok((await readStored('folder', key)).equals(bytes))
    t.strictSame(await stored('s3'), keys, 'for a day they stay where they lay, too')
    const [{ hours } = { hours: 0 }] = await sql<{ hours: number }[]>`
    select (extract(epoch from min(due_at) - now()) / 3600)::float as hours from pigeonpost_private.media_tasks`
    t.ok(hours > 23.9 && hours <= 24)
    // The move back to S3 takes over what would have deleted them there.
    t.equal((await media('move', '--to', 's3', '--grace', '0s')).code, 0)
    await work()
    t.strictSame([await stored('folder'), await stored('s3')], [[], keys])
  },
)

t.test(
  'a move that is killed half-way goes on where it was, beside uploads',
  { skip: noS3 },
  async (t) => {
    const { upload, stored, readStored, places, work, media, env, sql } = await start(t, s3)
    const files = []
    for (let i = 0; i < 60; i += 1)
      files.push(await upload('folder', Buffer.alloc(300_000, `${i} `)))
    const moved = async () => {
      const rows = await sql`select from pigeonpost.media_files where storage = 's3'`
      return rows.count
    }
    const first = run(t, ['media', 'move', '--to', 's3', '--grace', '0s'], { env })
    await waitFor(async () => (await moved()) >= 5, { what: 'some to be moved' })
    first.child.kill('SIGKILL')
    await first.ended
    const done = await moved()
    t.ok(done < 60, `${done} of 60`)

    const second = run(t, ['media', 'move', '--to', 's3', '--grace', '0s'], { env })
    await waitFor(async () => (await moved()) > done, { what: 'it to go on' })
    second.child.kill('SIGINT')
    const uploaded = await upload('folder')
    t.equal(await second.ended, 1)
    t.match(second.output.stderr, /ended early: \d+ files are left; run it again/)
    t.match(second.output.stdout, /files moved to s3/)

    const last = await media('move', '--to', 's3', '--grace', '0s')
    t.equal(last.code, 0, last.stderr)
    t.strictSame(await places(), ['s3'])
    for (const { key, bytes } of [...files, uploaded])
      t.ok((await readStored('s3', key)).equals(bytes))
    // What a killed one had announced is due in an hour.
    await sql`update pigeonpost_private.media_tasks set due_at = now()`
    await work()
    t.strictSame(await stored('folder'), [])
    t.equal((await stored('s3')).filter((key) => !key.endsWith('.webp')).length, 61)
    t.match(await media('sweep', '--older-than', '0s'), {
      code: 0,
      stdout: /^0 files that no row names/,
    })
  },
)

t.test('two moves at once move each file once, and lose none', { skip: noS3 }, async (t) => {
  const { upload, stored, readStored, places, work, media, sql } = await start(t, s3)
  const files = []
  for (let i = 0; i < 20; i += 1) files.push(await upload('folder', Buffer.alloc(50_000, `${i} `)))
  const both = await Promise.all([1, 2].map(() => media('move', '--to', 's3', '--grace', '0s')))
  for (const { code, stderr } of both) t.equal(code, 0, stderr)
  t.strictSame(await places(), ['s3'])
  await sql`update pigeonpost_private.media_tasks set due_at = now()`
  await work()
  for (const { key, bytes } of files) t.ok((await readStored('s3', key)).equals(bytes))
  t.strictSame(await stored('folder'), [])
})

t.test(
  'a file that is missing or damaged is told of, and the others move',
  { skip: noS3 },
  async (t) => {
    const { upload, places, stored, media, data, sql } = await start(t, s3)
    const [gone, cut, bare, good] = [
      await upload('folder'),
      await upload('folder'),
      await upload('folder'),
      await upload('folder'),
    ]
    await rm(join(data, 'media', gone.key))
    await truncate(join(data, 'media', cut.key), 100)
    await rm(join(data, 'media', `${bare.key}.preview.webp`))
    const answer = await media('move', '--to', 's3', '--json')
    t.equal(answer.code, 1)
    t.equal(
      answer.stderr,
      'pigeonpost: 2 files were not moved: 1 missing, 1 damaged, 0 refused, 0 busy\n',
    )
    const lines = answer.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const byFile = (id: string) => lines.find((line) => line.fileId === id)?.kind
    t.strictSame(
      [gone, cut, bare].map(({ fileId }) => byFile(fileId)),
      ['missing', 'damaged', 'moved'],
    )
    t.match(lines.at(-1), { kind: 'summary', moved: 2, missing: 1, damaged: 1, left: 2 })
    t.strictSame(await places(), ['folder', 's3'])
    t.strictSame(await stored('s3'), [bare.key, good.key, `${good.key}.preview.webp`].toSorted())
    const [row] = await sql`select preview_url from pigeonpost.media where id = ${bare.mediaId}`
    t.equal(row?.['preview_url'], null)
  },
)

t.test('a move says what it needs', async (t) => {
  const { upload, media } = await start(t)
  await upload('folder')
  const [none, same, unknown, bucket] = await Promise.all([
    media('move'),
    media('move', '--to', 's3', '--from', 's3'),
    media('move', '--to', 'tape'),
    media('move', '--to', 's3'),
  ])
  t.match(none, { code: 2, stderr: /--to <storage>/ })
  t.match(same, { code: 2, stderr: /--from and --to name the same storage/ })
  t.match(unknown, { code: 2, stderr: /Allowed choices are folder, s3, cloudinary/ })
  t.match(bucket, { code: 1, stderr: /^pigeonpost: S3_BUCKET is missing for storage s3/ })
  t.match(await media('move', '--to', 'folder', '--dry-run'), { code: 0, stdout: /^none: all lie/ })
})

t.test(
  'nothing is put where a worker is just deleting, nor taken over what was too slow',
  async (t) => {
    const { sql, upload } = await start(t)
    const { fileId, key } = await upload('folder')
    const file = await findFile(sql, 1, fileId)
    if (!file) throw new Error('no file')
    const to = { storage: 's3', previewKey: null, graceMs: 0 }
    t.equal(await relocateFile(sql, file, to), false, 'unannounced')
    t.equal(await announcePut(sql, 1, 's3', [key]), true)
    t.equal(await announcePut(sql, 1, 's3', [key]), true, 'again')
    // As a worker does that takes the file for left over.
    await sql`update pigeonpost_private.media_tasks set attempts = 1`
    t.equal(await announcePut(sql, 1, 's3', [key]), false)
    t.equal(await relocateFile(sql, file, to), false)
    await sql`update pigeonpost_private.media_tasks set attempts = 0`
    await sql`update pigeonpost.media_files set status = 'scanning'`
    t.equal(await relocateFile(sql, file, to), false, 'a file that is being scanned stays')
    await sql`update pigeonpost.media_files set status = 'unscanned'`
    t.equal(await relocateFile(sql, file, to), true)
    const left = await sql<
      { subject: string }[]
    >`select subject from pigeonpost_private.media_tasks where kind = 'delete' order by 1`
    t.strictSame(
      left.map(({ subject }) => subject),
      [`folder:${key}`, `folder:${key}.preview.webp`],
    )
  },
)

t.test('a worker deletes nothing that a row names', async (t) => {
  const { sql, upload, stored, work } = await start(t)
  const { key } = await upload('folder')
  const before = await stored('folder')
  await sql`
    insert into pigeonpost_private.media_tasks (tenant_id, kind, subject)
    values (1, 'delete', ${`folder:${key}`}), (1, 'delete', ${`folder:${key}.preview.webp`})`
  await work()
  t.strictSame(await stored('folder'), before)
})

t.test('a file that goes while it is moved is gone in both storages', { skip: noS3 }, async (t) => {
  const { sql, storages, folder, upload, stored, work } = await start(t, s3)
  const { fileId, mediaId } = await upload('folder')
  const file = await findFile(sql, 1, fileId)
  if (!file) throw new Error('no file')
  const to = await storages.get('s3')
  const slow = {
    ...to,
    put: async (...args: Parameters<typeof to.put>) => {
      await to.put(...args)
      await sql`delete from pigeonpost.media where id = ${mediaId}`
    },
  }
  const moved = await moveFile({ sql, storages, folder, graceMs: 0 }, file, slow)
  t.equal(moved.outcome, 'gone')
  await sql`update pigeonpost_private.media_tasks set due_at = now()`
  await work()
  t.strictSame([await stored('folder'), await stored('s3')], [[], []])
})

for (const where of ['folder', 's3']) {
  const skip = where === 's3' ? noS3 : false
  t.test(
    `a sweep of ${where} finds what no row names, and deletes that alone`,
    { skip },
    async (t) => {
      const { data, storages, upload, stored, media, tasks, sql } = await start(
        t,
        where === 's3' ? s3 : {},
      )
      const kept = await upload(where)
      const storage = await storages.get(where)
      const put = async (tenantId: number) => {
        const key = fileKey(tenantId, randomUUID(), new Date())
        const { path, ...about } = await spool(Readable.from([Buffer.from(key)]), {
          folder: join(data, 'spool'),
          limit: 1e3,
        })
        await storage.put(key, path, { ...about, contentType: 'text/plain' })
        await rm(path)
        return key
      }
      const [orphan, foreign, waiting, announced] = [
        await put(1),
        await put(7),
        await put(1),
        await put(1),
      ]
      await sql`
      insert into pigeonpost_private.media_tasks (tenant_id, kind, subject, due_at)
      values (1, 'delete', ${`${where}:${waiting}`}, now() + interval '1 day')`
      await announcePut(sql, 1, where, [announced])
      const all = await stored(where)
      t.equal(all.length, 6)

      const young = await media('sweep', '--delete')
      t.match(
        young,
        { code: 0, stdout: /^0 files that no row names \(0 bytes\), 0 deleted\n/ },
        young.stderr,
      )
      t.strictSame(await stored(where), all, 'what is young stays')
      const dry = await media('sweep', '--older-than', '0s')
      t.match(
        dry,
        { code: 0, stdout: /^1 files that no row names \(\d+ bytes\), 0 deleted$/m },
        dry.stderr,
      )
      t.match(dry.stdout, new RegExp(`^${where}:${orphan}  \\d+ bytes  .*no row names it$`, 'm'))
      t.match(dry.stdout, /^1 files of tenants that this database does not know/m)
      t.match(dry.stdout, /^nothing was deleted: --delete does$/m)
      t.strictSame(await stored(where), all, 'a dry run deletes nothing')

      const real = await media('sweep', '--delete', '--older-than', '0s', '--json')
      t.equal(real.code, 0, real.stderr)
      const lines = real.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      t.match(lines, [
        { kind: 'orphan', storage: where, key: orphan, deleted: true },
        { kind: 'summary', dryRun: false, orphans: 1, deleted: 1, foreign: 1, missing: 0 },
      ])
      t.strictSame(
        await stored(where),
        all.filter((key) => key !== orphan),
      )
      t.ok(all.includes(kept.key) && all.includes(foreign))
      t.equal(await tasks(), 2, 'and leaves no task')
    },
  )
}

t.test('a sweep tells which rows have no file, and what uploads left', async (t) => {
  const { data, upload, media } = await start(t)
  const [lost, half, whole] = [
    await upload('folder'),
    await upload('folder'),
    await upload('folder'),
  ]
  await rm(join(data, 'media', lost.key))
  await rm(join(data, 'media', `${half.key}.preview.webp`))
  const { path } = await spool(Readable.from([Buffer.from('half')]), {
    folder: join(data, 'spool'),
    limit: 10,
  })
  const long = new Date(Date.now() - 7_200_000)
  await utimes(path, long, long)
  await spool(Readable.from([Buffer.from('now')]), { folder: join(data, 'spool'), limit: 10 })
  const dry = await media('sweep')
  t.match(dry, { code: 1, stderr: 'pigeonpost: 2 files that rows name are missing\n' })
  t.match(
    dry.stdout,
    `folder:${lost.key}  is missing: the file of media file ${lost.fileId} of tenant 1\n`,
  )
  t.match(dry.stdout, `folder:${half.key}.preview.webp  is missing: the preview of`)
  t.notMatch(dry.stdout, whole.key)
  t.match(dry.stdout, /^1 leftovers of uploads$/m)
  t.equal((await readdir(join(data, 'spool'))).length, 2)
  const real = await media('sweep', '--delete', '--orphans-only')
  t.equal(real.code, 0, 'rows are not looked at')
  t.match(real.stdout, /^1 leftovers of uploads deleted$/m)
  t.equal((await readdir(join(data, 'spool'))).length, 1, 'what is under way stays')
})

t.test('a login that does not see all tenants sweeps nothing of the others', async (t) => {
  const { sql, url, upload, stored, env } = await start(t)
  await upload('folder')
  const before = await stored('folder')
  const role = `sweeper_${randomUUID().slice(0, 8)}`
  await sql.unsafe(`create role ${role} login password 'x' in role pigeonpost_app`)
  t.teardown(async () => {
    await sql.unsafe(`drop role ${role}`)
  })
  const theirs = new URL(url)
  theirs.username = role
  theirs.password = 'x'
  const answer = await complete(t, ['media', 'sweep', '--delete', '--older-than', '0s'], {
    env: { ...env, DATABASE_URL: theirs.href },
  })
  t.match(answer, { code: 0, stdout: /^0 files that no row names/ }, answer.stderr)
  t.match(answer.stdout, /^2 files of tenants that this database does not know/m)
  t.strictSame(await stored('folder'), before)
})

t.test(
  'files of before the scanner are scanned when there is one, and served until then',
  { skip: noClamd },
  async (t) => {
    const { env, sql, stored, upload, work, media } = await start(t)
    const infected = await upload('folder', Buffer.from(`${eicar}\n`))
    const clean = await upload('folder')
    t.match(await media('rescan'), { code: 1, stderr: /there is no scanner: set CLAMD_HOST/ })
    const clamd = await startClamd(t)
    const rescan = async (...args: string[]) =>
      complete(t, ['media', 'rescan', ...args], { env: { ...env, CLAMD_SOCKET: clamd.socket } })
    t.match(await rescan('--limit', '1'), {
      code: 0,
      stdout: '1 files wait for their scan; 1 more: run it again\n',
    })
    t.match(JSON.parse((await rescan('--json')).stdout), { queued: 1, left: 0 })
    t.match(JSON.parse((await rescan('--json')).stdout), { queued: 0, left: 0 }, 'each once')
    const statuses = async () => {
      const rows = await sql<
        { id: string; status: string }[]
      >`select id, status from pigeonpost.media`
      return Object.fromEntries(rows.map(({ id, status }) => [id, status]))
    }
    t.strictSame(await statuses(), {
      [infected.mediaId]: 'unscanned',
      [clean.mediaId]: 'unscanned',
    })
    const said = async () =>
      (
        await sql<
          { type: string }[]
        >`select type from pigeonpost.event_log where type like 'media.%' order by id`
      ).map(({ type }) => type)
    const before = await said()
    await work(scannerOf(clamd))
    t.strictSame(await statuses(), { [infected.mediaId]: 'infected', [clean.mediaId]: 'clean' })
    t.strictSame(await stored('folder'), [clean.key, `${clean.key}.preview.webp`])
    t.strictSame(await said(), [...before, 'media.rejected'], 'what was ready is not ready anew')

    await sql`update pigeonpost.media_files set status = 'failed', error_message = 'too large' where id = ${clean.fileId}`
    t.match(await rescan('--status', 'failed'), { code: 0, stdout: /^1 files wait/ })
    await work(scannerOf(clamd))
    t.match(await statuses(), { [clean.mediaId]: 'clean' })
  },
)

t.test(
  'an unscanned file that moves while it is scanned is scanned again where it lies',
  { skip: noS3 },
  async (t) => {
    const { sql, stored, upload, work, storages } = await start(t, s3)
    const { fileId, key, bytes } = await upload('folder')
    await sql`insert into pigeonpost_private.media_tasks (tenant_id, kind, subject) values (1, 'scan', ${fileId})`
    let scans = 0
    const scanner: Scanner = {
      check: async () => 'a scanner',
      async scan() {
        scans += 1
        const file = await findFile(sql, 1, fileId)
        if (scans === 1 && file) {
          const tools = { sql, storages, folder: join(t.testdir(), 'spool'), graceMs: 0 }
          t.equal((await moveFile(tools, file, await storages.get('s3'))).outcome, 'moved')
        }
        return { verdict: 'clean' }
      },
    }
    await work(scanner)
    t.equal(scans, 2)
    t.match(await findFile(sql, 1, fileId), { status: 'clean', storage: 's3' })
    t.strictSame(await stored('s3'), [key, `${key}.preview.webp`])
    t.ok(bytes.length > 0)
  },
)
