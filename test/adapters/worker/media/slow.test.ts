import { PassThrough } from 'node:stream'
import t from 'tap'
import { spool } from '../../../../adapters/media/spool.ts'
import { asTooSlow, finalReason } from '../../../../adapters/worker/media/fetch.ts'
import { mediaFolders } from '../../../support/media.ts'

t.test('a file that stops coming, or is too slow, is tried again, but not for ever', async (t) => {
  const { settings } = await mediaFolders(t)
  const { spoolFolder: folder, limit } = settings
  const ends = [
    { folder, limit, stallMs: 20 },
    { folder, limit, signal: AbortSignal.timeout(20) },
  ]
  for (const options of ends) {
    const source = new PassThrough()
    source.write('the beginning')
    const error: unknown = await spool(source, options).catch(asTooSlow)
    t.equal(finalReason(error, 1), null)
    t.match(finalReason(error, 7), { code: 'timeout' })
  }
})

t.test('what fails for other reasons is told as it is', (t) => {
  const error = new Error('ENOSPC')
  t.equal(asTooSlow(error), error)
  t.end()
})
