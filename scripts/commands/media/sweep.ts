import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Sql } from '../../../db/connect.ts'
import { countToMove } from '../../../db/media/move.ts'
import type { Storages } from '../../../adapters/media/storages.ts'
import type { Missing, Orphan } from '../../../adapters/media/sweep.ts'
import type { StorageConfig } from '../../../adapters/storage/index.ts'
import { readEnvironment } from '../../app/config.ts'
import { withDatabase } from '../../app/database.ts'
import { Failure } from '../../app/failure.ts'
import { makeDataFolder } from '../../app/folder.ts'
import { addHelp } from '../../app/help.ts'
import { storageVariables } from '../../app/media.ts'
import { span } from '../../app/options.ts'
import { onReaderGone, print, printJson } from '../../app/output.ts'
import { createProgress } from '../../app/progress.ts'
import { listenForStop, type Stop } from '../../app/stop.ts'

type Options = { delete?: boolean; olderThan: number; orphansOnly?: boolean; json?: boolean }

const names = ['DATABASE_URL', 'PIGEONPOST_DATA', ...storageVariables, 'LOG_LEVEL'] as const
const hourMs = 3_600_000

export function addSweep(media: Command): void {
  const command = media
    .command('sweep')
    .summary('find stored files that no row names, and rows whose file is missing')
    .description(
      'Find stored files that no row names (what a process left that died), and rows whose file is missing. Nothing is deleted without --delete.',
    )
    .option('--delete', 'delete the files that no row names, and what is left of uploads')
    .addOption(
      new Option('--older-than <span>', 'pass over what was stored later')
        .argParser(span)
        .default(hourMs, '1h'),
    )
    .option('--orphans-only', 'do not ask for the file of each row')
    .option('--json', 'print JSON Lines: each find, and a summary')
    .action(async (options: Options) => sweep(options))
  addHelp(command, {
    environment: names,
    notes: [
      'Looks into all storages whose variables are given, and into $PIGEONPOST_DATA/media where there is one. A file is',
      'stored before its row: let --older-than be longer than an upload takes. Do not let two databases share a bucket or',
      "a Cloudinary account: each takes the other's files for its own leftovers. Files of tenants that are not in this",
      'database, or that its login does not see, are counted as foreign and never deleted. Looking for missing files asks',
      'the storage once for each row: with Cloudinary that counts towards its hourly limit. Exit code 1 where one is missing.',
    ],
    examples: [
      'pigeonpost media sweep',
      'pigeonpost media sweep --delete --older-than 24h --orphans-only',
      `pigeonpost media sweep --json | jq 'select(.kind == "missing")'`,
    ],
  })
}

async function sweep(options: Options): Promise<void> {
  const stop = listenForStop()
  onReaderGone(stop.request)
  await withDatabase('media sweep', async (sql) => {
    const config = readEnvironment(names)
    const { createOpener } = await import('../../../adapters/media/storages.ts')
    const dataFolder = await makeDataFolder(config.PIGEONPOST_DATA)
    const opener = createOpener(config, { dataFolder, baseUrl: '' })
    const given = await storagesGiven(config, dataFolder)
    for (const name of given) await (await opener.get(name)).check()
    const leftovers = await clearLeftovers(opener, given, dataFolder, options)
    const orphans = await sweepOrphans(sql, opener, { given, options, stop })
    const missing = options.orphansOnly
      ? null
      : await countMissing(sql, opener, { given, options, stop })
    opener.close()
    report({ ...orphans, leftovers, missing }, options)
    if (stop.signal.aborted) throw new Failure('ended early: not all was looked at')
    if (missing) throw new Failure(`${missing} files that rows name are missing`)
  })
}

async function storagesGiven(config: StorageConfig, dataFolder: string): Promise<string[]> {
  const folder = await stat(join(dataFolder, 'media')).catch(() => null)
  return [
    ...(folder?.isDirectory() ? ['folder'] : []),
    ...(config.S3_BUCKET ? ['s3'] : []),
    ...(config.CLOUDINARY_URL ? ['cloudinary'] : []),
  ]
}

async function clearLeftovers(
  opener: Pick<Storages, 'get'>,
  given: string[],
  dataFolder: string,
  options: Options,
): Promise<number> {
  const { clearSpool } = await import('../../../adapters/media/spool.ts')
  // An upload that is under way lies there, too.
  const age = Math.max(options.olderThan, hourMs)
  const how = { dryRun: !options.delete }
  let count = await clearSpool(join(dataFolder, 'spool'), age, how)
  for (const name of given) count += await (await opener.get(name)).clearIncoming(age, how)
  return count
}

type Work = { given: string[]; options: Options; stop: Stop }
type OrphanCounts = { orphans: number; bytes: number; foreign: number; deleted: number }

async function sweepOrphans(
  sql: Sql,
  opener: Pick<Storages, 'get'>,
  { given, options, stop }: Work,
): Promise<OrphanCounts> {
  const { deleteOrphan, findOrphans } = await import('../../../adapters/media/sweep.ts')
  const counts: OrphanCounts = { orphans: 0, bytes: 0, foreign: 0, deleted: 0 }
  const before = new Date(Date.now() - options.olderThan)
  const progress = createProgress({
    what: 'stored files looked at',
    total: null,
    quiet: options.json,
  })
  const about = { before, signal: stop.signal, seen: (files: number) => progress.add(files) }
  for (const name of given) {
    const storage = await opener.get(name)
    for await (const one of findOrphans(sql, storage, about)) {
      if (one.foreign) {
        counts.foreign += 1
        continue
      }
      counts.orphans += 1
      counts.bytes += one.size
      const deleted = options.delete === true && (await deleteOrphan(sql, storage, one.key))
      if (deleted) counts.deleted += 1
      progress.aside(() => tellOrphan(name, one, deleted, options))
    }
  }
  progress.end()
  return counts
}

function tellOrphan(
  storage: string,
  { key, size, modifiedAt }: Orphan,
  deleted: boolean,
  { json }: Options,
): void {
  if (json) printJson({ kind: 'orphan', storage, key, size, modifiedAt, deleted })
  else {
    const at = modifiedAt.toISOString()
    print(`${storage}:${key}  ${size} bytes  ${at}  ${deleted ? 'deleted' : 'no row names it'}`)
  }
}

async function countMissing(
  sql: Sql,
  opener: Pick<Storages, 'get'>,
  { given, options, stop }: Work,
): Promise<number> {
  const { findMissing } = await import('../../../adapters/media/sweep.ts')
  const of = new Set(given)
  let total = 0
  for (const { storage, files } of await countToMove(sql, { to: '' })) {
    if (of.has(storage)) total += files
    else
      process.stderr.write(
        `${files} files lie in ${storage}, whose variables are not given: passed over\n`,
      )
  }
  const progress = createProgress({ what: 'rows looked at', total, quiet: options.json })
  let missing = 0
  const about = { of, signal: stop.signal, seen: (files: number) => progress.add(files) }
  for await (const one of findMissing(sql, opener, about)) {
    missing += 1
    progress.aside(() => tellMissing(one, options))
  }
  progress.end()
  return missing
}

function tellMissing({ file, what, key }: Missing, { json }: Options): void {
  const { tenant_id: tenant, id, storage } = file
  if (json) printJson({ kind: 'missing', what, tenantId: tenant, fileId: id, storage, key })
  else print(`${storage}:${key}  is missing: the ${what} of media file ${id} of tenant ${tenant}`)
}

function report(
  counts: OrphanCounts & { leftovers: number; missing: number | null },
  options: Options,
): void {
  const { orphans, bytes, foreign, deleted, leftovers, missing } = counts
  if (options.json) {
    printJson({ kind: 'summary', dryRun: !options.delete, ...counts })
    return
  }
  print(`${orphans} files that no row names (${bytes} bytes), ${deleted} deleted`)
  if (foreign > 0) print(`${foreign} files of tenants that this database does not know: left alone`)
  print(`${leftovers} leftovers of uploads${options.delete ? ' deleted' : ''}`)
  if (missing !== null) print(`${missing} files that rows name are missing`)
  if (!options.delete && orphans + leftovers > 0) print('nothing was deleted: --delete does')
}
