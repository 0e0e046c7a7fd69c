import { type Command, Option } from 'commander'
import type { Sql } from '../../../db/connect.ts'
import { countToMove, type MoveFilter, selectToMove } from '../../../db/media/move.ts'
import type { MediaFileRow } from '../../../db/rows.ts'
import type { Moved } from '../../../adapters/media/move.ts'
import type { Storage } from '../../../adapters/storage/index.ts'
import { readEnvironment } from '../../app/config.ts'
import { withDatabase } from '../../app/database.ts'
import { Failure } from '../../app/failure.ts'
import { makeDataFolder } from '../../app/folder.ts'
import { addHelp } from '../../app/help.ts'
import { storageVariables } from '../../app/media.ts'
import { span, tenantId, wholeNumber } from '../../app/options.ts'
import { onReaderGone, print, printJson } from '../../app/output.ts'
import { createProgress } from '../../app/progress.ts'
import { listenForStop, type Stop } from '../../app/stop.ts'

type Options = {
  to: Storage['name']
  from?: Storage['name']
  tenant?: number
  limit?: number
  grace: number
  dryRun?: boolean
  json?: boolean
}

type Counts = Record<Moved['outcome'], number> & { bytes: number }

const storages = ['folder', 's3', 'cloudinary'] as const
const names = ['DATABASE_URL', 'PIGEONPOST_DATA', ...storageVariables, 'LOG_LEVEL'] as const
const maxConcurrentMoves = 4
const pageSize = 100

export function addMove(media: Command): void {
  const command = media
    .command('move')
    .summary('move stored files to another storage')
    .description(
      'Move stored files to another storage, while API and workers run. What was moved stays moved: run it again to go on.',
    )
    .addOption(
      new Option('--to <storage>', 'where they shall lie').choices(storages).makeOptionMandatory(),
    )
    .addOption(new Option('--from <storage>', 'only what lies there').choices(storages))
    .option('--tenant <id>', 'only those of this tenant', tenantId)
    .option('--limit <n>', 'maximum number of files', wholeNumber(1, 2 ** 31 - 1))
    .addOption(
      new Option('--grace <span>', 'for how long each stays where it lay, too: links lead there')
        .argParser(span)
        .default(86_400_000, '24h'),
    )
    .option('--dry-run', 'tell how many there are, and change nothing')
    .option('--json', 'print JSON Lines: each file that was not moved, and a summary')
    .action(async (options: Options) => move(options))
  addHelp(command, {
    environment: names,
    notes: [
      'The variables of both storages must be given, here and to API and workers for as long as it takes. New files go',
      'where PIGEONPOST_STORAGE says: set it to the new storage first. Each file is read, held against its hash and put',
      'before its row changes; a worker deletes it where it lay, a day later (--grace), since links hold for a day at most.',
      'Ctrl-C ends it after the files in hand. A file that is missing, or is not the one that was stored, is told of and',
      'passed over, and the exit code is 1, as it is where files are left because it was ended.',
    ],
    examples: [
      'pigeonpost media move --to s3 --dry-run',
      'PIGEONPOST_STORAGE=s3 pigeonpost media move --to s3 --from folder',
      'pigeonpost media move --to folder --tenant 101 --grace 0s',
    ],
  })
}

async function move(options: Options): Promise<void> {
  if (options.from === options.to) {
    throw new Failure('--from and --to name the same storage', { exitCode: 2 })
  }
  const stop = listenForStop()
  onReaderGone(stop.request)
  await withDatabase('media move', async (sql) => {
    const filter = { to: options.to, from: options.from, tenantId: options.tenant }
    const found = await countToMove(sql, filter)
    if (options.dryRun) tell(found, options)
    else await moveAll(sql, filter, found, { options, stop })
  })
}

function tell(found: { storage: string; files: number; bytes: number }[], { to, json }: Options) {
  if (json) {
    printJson({ kind: 'summary', dryRun: true, to, toMove: found })
    return
  }
  for (const { storage, files, bytes } of found)
    print(`${files} files (${bytes} bytes) in ${storage}`)
  if (found.length === 0) print(`none: all lie in ${to}`)
}

async function moveAll(
  sql: Sql,
  filter: MoveFilter,
  found: { storage: string; files: number }[],
  { options, stop }: { options: Options; stop: Stop },
): Promise<void> {
  const { to: target, limit = Infinity, grace: graceMs, json } = options
  const config = readEnvironment(names)
  const { createOpener } = await import('../../../adapters/media/storages.ts')
  const { moveFile } = await import('../../../adapters/media/move.ts')
  const { join } = await import('node:path')
  const dataFolder = await makeDataFolder(config.PIGEONPOST_DATA)
  const opener = createOpener(config, { dataFolder, baseUrl: '' })
  const all = [target, ...found.map(({ storage }) => storage)]
  const check = async () => {
    for (const name of all) await (await opener.get(name)).check()
  }
  await check()
  const to = await opener.get(target)
  const tools = { sql, storages: opener, folder: join(dataFolder, 'spool'), graceMs }
  const total = Math.min(limit, sum(found))
  const progress = createProgress({ what: 'files', total, quiet: json })
  const counts: Counts = {
    moved: 0,
    missing: 0,
    damaged: 0,
    refused: 0,
    busy: 0,
    gone: 0,
    bytes: 0,
  }
  const rows = filesToMove(sql, filter, limit)
  const broken = new AbortController()

  async function loop(): Promise<void> {
    while (!stop.signal.aborted && !broken.signal.aborted) {
      const { value: file, done } = await rows.next()
      if (done) return
      const moved = await moveFile(tools, file, to)
      counts[moved.outcome] += 1
      if (moved.outcome === 'moved') counts.bytes += file.size
      if (moved.reason !== null) progress.aside(() => tellOf(file, moved, json))
      progress.add(1)
      // A file that one storage refuses is passed over; a storage that fails ends it.
      if (moved.outcome === 'refused') await check()
    }
  }
  const guarded = async () => loop().catch((error: unknown) => broken.abort(error))
  await Promise.all(Array.from({ length: maxConcurrentMoves }, guarded))
  progress.end()
  opener.close()
  const left = sum(await countToMove(sql, filter))
  report(counts, left, options)
  broken.signal.throwIfAborted()
  judge(counts, left, stop.signal.aborted)
}

async function* filesToMove(
  sql: Sql,
  filter: MoveFilter,
  limit: number,
): AsyncGenerator<MediaFileRow, undefined> {
  let after: MediaFileRow | null = null
  for (let taken = 0; taken < limit;) {
    const size = Math.min(pageSize, limit - taken)
    const page: MediaFileRow[] = await selectToMove(sql, filter, { after, limit: size })
    yield* page
    taken += page.length
    after = page.at(-1) ?? null
    if (page.length < size) return
  }
}

function tellOf(file: MediaFileRow, { outcome, reason }: Moved, json?: boolean): void {
  const { tenant_id: tenant, id, storage, storage_key: key } = file
  if (json) printJson({ kind: outcome, tenantId: tenant, fileId: id, storage, key, reason })
  else print(`${storage}:${key}  ${outcome}: ${reason}`)
}

function report({ bytes, ...counts }: Counts, left: number, { to, json }: Options): void {
  if (json) printJson({ kind: 'summary', to, ...counts, bytes, left })
  else print(`${counts.moved} files moved to ${to} (${bytes} bytes), ${left} left`)
}

function judge(counts: Counts, left: number, ended: boolean): void {
  const { missing, damaged, refused, busy } = counts
  const passedOver = missing + damaged + refused + busy
  if (ended && left > 0) throw new Failure(`ended early: ${left} files are left; run it again`)
  if (passedOver > 0) {
    throw new Failure(
      `${passedOver} files were not moved: ${missing} missing, ${damaged} damaged, ${refused} refused, ${busy} busy`,
    )
  }
}

function sum(found: { files: number }[]): number {
  return found.reduce((total, { files }) => total + files, 0)
}
