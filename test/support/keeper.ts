// Keeps one throwaway cluster for as long as its stdin stays open, so that no way in which a test run
// can die leaves a server behind. Takes the settings as JSON, answers with the URL as a line.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { z } from 'zod'
import { removeEmbedded, startEmbedded } from '../../adapters/postgres/embedded.ts'
import { postgresVersion } from './version.ts'

const settings = z.record(z.string(), z.string()).parse(JSON.parse(process.argv[2] ?? '{}'))
const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-test-'))
await chmod(folder, 0o755)

// Roles that tests make come in without a password; the superuser still needs its own.
const access = join(folder, 'pg_hba.conf')
await writeFile(
  access,
  'host all pigeonpost 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n',
)

process.stdin.resume()
const closed = once(process.stdin, 'close')
const cluster = await startEmbedded({
  folder: join(folder, 'pg'),
  version: postgresVersion,
  settings: { ...settings, hba_file: access },
  log: (line) => console.error(line),
})
console.log(cluster.url)
await closed
await cluster.stop()
await removeEmbedded(cluster.folder)
await rm(folder, { recursive: true, force: true })
