// What takes files in, as a process of its own, for tests that kill it: the API and a worker for files.
// node media-process.ts '{"url", "dataFolder", "config", "clamdPort", "host"}'
import { openStorages } from '../../../../adapters/media/storages.ts'
import type { PrivateHost } from '../../../../adapters/shared/public-address.ts'
import { startApi } from '../../../../adapters/http/index.ts'
import { createScanner } from '../../../../adapters/scan/index.ts'
import type { StorageConfig } from '../../../../adapters/storage/index.ts'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { connect } from '../../../../db/connect.ts'
import { reach } from '../../../support/pooler.ts'
import { silent } from '../delivery/support.ts'

/** What it is told. */
export type MediaProcess = {
  /** The database's. */
  url: string
  dataFolder: string
  spoolFolder: string
  config: StorageConfig
  clamdPort: number
  /** That files come from. */
  host: PrivateHost
}

if (process.argv[1] === import.meta.filename) {
  const given = JSON.parse(process.argv[2] ?? '') as MediaProcess
  const { url, dataFolder, spoolFolder, config, clamdPort: port, host } = given
  const media = {
    storages: await openStorages(config, { dataFolder, baseUrl: 'http://files.test' }),
    scanner: createScanner({ host: '127.0.0.1', port }),
    spoolFolder,
    limit: 10_485_760,
    privateHosts: [host],
  }
  const sql = connect(url, { max: 6, name: 'pigeonpost doomed' })
  startMedia({ ...media, sql, logger: silent })
  const api = await startApi({
    ...reach(url),
    host: '127.0.0.1',
    port: 0,
    auth: 'none',
    logger: silent,
    media,
  })
  console.log(api.url)
}
