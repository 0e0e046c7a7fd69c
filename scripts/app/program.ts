import { Command, CommanderError } from 'commander'
import { addApi } from '../commands/api.ts'
import { addBench } from '../commands/bench.ts'
import { addCancel } from '../commands/cancel.ts'
import { addHistory } from '../commands/history.ts'
import { addKeys } from '../commands/keys.ts'
import { addMedia } from '../commands/media.ts'
import { addMigrate } from '../commands/migrate.ts'
import { addPrune } from '../commands/prune.ts'
import { addReplay } from '../commands/replay.ts'
import { addResolve } from '../commands/resolve.ts'
import { addRetry } from '../commands/retry.ts'
import { addSend } from '../commands/send.ts'
import { addStart } from '../commands/start.ts'
import { addStatus } from '../commands/status.ts'
import { addTail } from '../commands/tail.ts'
import { addWorker } from '../commands/worker.ts'
import { explain, Failure } from './failure.ts'
import { packageVersion } from './version.ts'

/** Runs the command line; whatever goes wrong becomes one line on stderr and an exit code. */
export async function main(argv: string[]): Promise<void> {
  const fail = (error: unknown): void => {
    process.stderr.write(`pigeonpost: ${describe(error)}\n`)
    process.exitCode = error instanceof Failure ? error.exitCode : 1
  }
  process.on('uncaughtException', (error) => {
    fail(error)
    process.exit()
  })
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
  } catch (error) {
    // Commander has told what is wrong with the usage; by itself it would exit with 1.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
    else fail(error)
  }
  // A handle that somebody left open, a half-made connection say, must not hold a command that is done.
  process.exit()
}

function createProgram(): Command {
  const program = new Command('pigeonpost')
    .description('Messaging on Postgres: every message of every channel in one schema.')
    .version(packageVersion())
    .showHelpAfterError('(--help tells what there is)')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'pigeonpost: ')),
    })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage')
  for (const add of [
    addStart,
    addMigrate,
    addApi,
    addWorker,
    addStatus,
    addTail,
    addHistory,
    addSend,
    addRetry,
    addResolve,
    addCancel,
    addReplay,
    addPrune,
    addKeys,
    addMedia,
    addBench,
  ]) {
    add(program)
  }
  return program
}

function describe(error: unknown): string {
  const wantsStack = /^(debug|trace)$/.test(process.env['LOG_LEVEL'] ?? '')
  if (!wantsStack || !(error instanceof Error)) return explain(error)
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : ''
  return `${explain(error)}\n${error.stack}${cause}`
}
