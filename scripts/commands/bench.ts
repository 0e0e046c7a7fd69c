import { type Command, Option } from 'commander'
import type { PartName } from '../bench/parts.ts'
import { addHelp } from '../app/help.ts'
import { wholeNumber } from '../app/options.ts'
import { print } from '../app/output.ts'

// Named here too, so that only `bench` itself loads what it measures.
const parts = [
  'single',
  'worker',
  'cost',
  'bulk',
  'latency',
  'deliveries',
  'lifecycle',
  'idle',
  'webhooks',
  'api',
  'history',
] as const satisfies PartName[]

type Options = {
  part?: PartName[]
  rounds: number
  seconds: number
  only?: string[]
  inserts: number
  rows: number
  messages: number
  deliveries: number
  apiMessages: number
  apiRate: number
  apiSeconds: number
  output?: string
}

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .summary('measure this version against yardsticks')
    .description(
      'Measure inserts, notifications, deliveries and webhooks against yardsticks in the same run, and the API under a load of requests, in a database of its own that is removed afterwards.',
    )
    .addOption(
      new Option('--part <part...>', 'parts to measure; default: all but history').choices(parts),
    )
    .option('--rounds <n>', 'samples of each variant', wholeNumber(1, 100), 5)
    .option('--seconds <n>', 'seconds of a sample', wholeNumber(1, 600), 3)
    .option('--only <name...>', 'shapes of part bulk, channels of part webhooks; default: all')
    .option('--inserts <n>', 'messages in a sample of part worker', wholeNumber(1_000, 1e6), 24_000)
    .option('--rows <n>', 'messages stored for part cost', wholeNumber(1_000, 1e7), 100_000)
    .option(
      '--messages <n>',
      'messages stored for part history',
      wholeNumber(200_000, 1e9),
      10_000_000,
    )
    .option(
      '--deliveries <n>',
      'messages sent for part deliveries',
      wholeNumber(1_000, 1e7),
      50_000,
    )
    .option(
      '--api-messages <n>',
      'messages stored for part api',
      wholeNumber(10_000, 1e8),
      1_000_000,
    )
    .option('--api-rate <n>', 'requests a second for part api', wholeNumber(1, 1e5), 1_000)
    .option('--api-seconds <n>', 'seconds of load for part api', wholeNumber(1, 3_600), 60)
    .option('--output <file>', 'also write the results as JSON')
    .action(async (options: Options) => {
      const { runBench } = await import('../bench/run.ts')
      await runBench({
        ...options,
        parts: options.part ?? parts.filter((part) => part !== 'history'),
        log: print,
      })
    })
  addHelp(command, {
    environment: [],
    examples: [
      'pigeonpost bench',
      'pigeonpost bench --part single --rounds 2 --seconds 1',
      'pigeonpost bench --part api --api-messages 100000 --api-seconds 10',
      'pigeonpost bench --part history --messages 10000000 --output history.json',
    ],
  })
}
