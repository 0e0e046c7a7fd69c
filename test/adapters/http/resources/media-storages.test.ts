import t, { type Test } from 'tap'
import type { MediaOptions } from '../../../../adapters/worker/media/context.ts'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import type { Scanner } from '../../../../adapters/scan/index.ts'
import type { StorageConfig } from '../../../../adapters/storage/index.ts'
import { eicar, noClamd, startClamd } from '../../../support/clamd.ts'
import { mediaFolders, picture, scannerOf } from '../../../support/media.ts'
import { noS3, startS3 } from '../../../support/s3.ts'
import { waitFor } from '../../../support/wait.ts'
import { startCloudinary } from '../../storage/cloudinary-server.ts'
import { pool, silent } from '../../worker/delivery/support.ts'
import { testApi } from '../support/api.ts'

t.test('in a folder', { skip: noClamd }, async (t) => goesRound(t, {}))

t.test('in S3', { skip: noClamd || noS3 }, async (t) => {
  const s3 = await startS3(t)
  await goesRound(t, {
    S3_BUCKET: s3.bucket,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_ACCESS_KEY_ID: s3.keys.id,
    S3_SECRET_ACCESS_KEY: s3.keys.secret,
  })
})

t.test('at Cloudinary', { skip: noClamd }, async (t) => {
  const { account } = await startCloudinary(t, { ranges: true })
  const { key, secret, cloud, apiBase } = account
  await goesRound(t, {
    CLOUDINARY_URL: `cloudinary://${key}:${secret}@${cloud}?upload_prefix=${apiBase}`,
  })
})

/** A clean file through every state that the scanner knows, and an infected one beside it, which never comes out. */
async function goesRound(t: Test, config: StorageConfig): Promise<void> {
  const clamd = await startClamd(t, { maxStream: '100K' })
  const folders = await mediaFolders(t, { config })
  let asked: Scanner
  const settings: MediaOptions = {
    ...folders.settings,
    scanner: {
      scan: async (file, signal) => asked.scan(file, signal),
      check: async (signal) => asked.check(signal),
    },
  }
  const api = await testApi(t, { media: settings })
  const { get, call, sql } = api
  const upload = async (content: Buffer, scanner: Scanner) => {
    asked = scanner
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(content)]), 'picture.jpg')
    const response = await fetch(`${api.api.url}/api/v1/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}` },
      body: form,
    })
    return (await response.json()) as Awaited<ReturnType<typeof get>>['body']
  }
  const comesOut = async (id: string) => {
    const link = await get(`/api/v1/media/${id}/download`)
    if (link.status !== 200) return link.body.code
    const answer = await fetch(link.body.data.url.replace('http://files.test', api.api.url))
    return Buffer.from(await answer.arrayBuffer())
  }
  const stateOf = async (id: string) => (await get(`/api/v1/media/${id}`)).body.data.status
  const scanner = scannerOf(clamd)
  const down = scannerOf({ ...clamd, port: 1 })
  const bad = async () => Buffer.concat([await picture(), Buffer.from(eicar)])

  const { data: before } = await upload(await picture(), scanner)
  // As it was stored before there was a scanner.
  await sql`update pigeonpost.media_files set status = 'unscanned'`
  t.equal(await stateOf(before.id), 'unscanned')
  t.ok(Buffer.isBuffer(await comesOut(before.id)))

  const { data: waiting } = await upload(await picture(), down)
  const { data: infected } = await upload(await bad(), down)
  const large = await picture(600, 400)
  const { data: refused } = await upload(large, down)
  t.ok(large.length > 102_400)
  for (const { id, status } of [waiting, infected, refused]) {
    t.equal(status, 'pending')
    t.equal(await comesOut(id), 'media_pending')
  }
  asked = scanner
  await sql`update pigeonpost_private.media_tasks set due_at = now()`
  const worker = startMedia({ ...settings, sql: pool(t, api.database.url), logger: silent })
  t.teardown(async () => worker.stop())
  await waitFor(async () => (await stateOf(waiting.id)) === 'clean', { what: 'clean' })
  await waitFor(async () => (await stateOf(infected.id)) === 'infected', { what: 'infected' })
  await waitFor(async () => (await stateOf(refused.id)) === 'failed', { what: 'failed' })
  t.ok(Buffer.isBuffer(await comesOut(waiting.id)))
  t.equal(await comesOut(infected.id), 'media_infected')
  t.equal(await comesOut(refused.id), 'scan_failed')

  const clean = await picture()
  const { data: scanned } = await upload(clean, scanner)
  t.equal(scanned.status, 'clean')
  t.ok(clean.equals(await comesOut(scanned.id)))
  t.equal((await upload(await bad(), scanner)).code, 'media_infected')

  for (const { id } of [before, waiting, refused, scanned])
    await call('DELETE', `/api/v1/media/${id}`)
  await waitFor(async () => (await folders.stored()).length === 0, { what: 'all to be deleted' })
}
