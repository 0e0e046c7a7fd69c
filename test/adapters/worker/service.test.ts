import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import pino from 'pino'
import t, { type Test } from 'tap'
import { type ServiceOptions, startService } from '../../../adapters/worker/service.ts'
import { waitFor } from '../../support/wait.ts'

function start(t: Test, options: Partial<ServiceOptions> & Pick<ServiceOptions, 'step'>) {
  const log = new PassThrough({ encoding: 'utf8' })
  const service = startService({
    name: 'one',
    logger: pino(log),
    intervalMs: 1,
    failure: 'it failed',
    ...options,
  })
  t.teardown(async () => service.stop())
  return { service, log }
}

t.test('a step runs again after its interval, and never beside itself', async (t) => {
  let running = 0
  let most = 0
  let steps = 0
  start(t, {
    async step() {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running -= 1
      steps += 1
    },
  })
  await waitFor(() => steps > 5, { what: 'six steps' })
  t.equal(most, 1)
})

t.test('a wake-up comes before the interval is over, also one during a step', async (t) => {
  let steps = 0
  const { service } = start(t, {
    intervalMs: 1_000_000,
    async step() {
      steps += 1
      if (steps === 2) service.wake()
    },
  })
  await waitFor(() => steps === 1, { what: 'the first step' })
  service.wake(1)
  service.wake(500_000)
  await waitFor(() => steps === 3, { what: 'a third step' })
  t.equal(steps, 3)
})

t.test('a step that asks for its own pause gets it', async (t) => {
  let steps = 0
  const { service } = start(t, { intervalMs: 1_000_000, step: async () => void (steps += 1) })
  await waitFor(() => steps === 1, { what: 'the first step' })
  await service.stop()
  const other = start(t, { intervalMs: 1_000_000, step: async () => ((steps += 1), 1) })
  await waitFor(() => steps > 3, { what: 'more of the other' })
  await other.service.stop()
  t.ok(steps > 3)
})

t.test('an outage is logged when it begins, when it changes and when it is over', async (t) => {
  let problem: string | null = 'no database'
  const { service, log } = start(t, {
    maxBackoffMs: 2,
    async step() {
      if (problem) throw new Error(problem)
    },
  })
  await waitFor(() => service.health().failures > 3, { what: 'four failures in a row' })
  problem = 'no room'
  const before = service.health().failures
  await waitFor(() => service.health().failures > before + 3, { what: 'four of another kind' })
  problem = null
  await waitFor(() => service.health().failures === 0, { what: 'a success' })
  await service.stop()
  const lines = String(log.read()).trim().split('\n')
  t.match(
    lines.map((line) => JSON.parse(line) as object),
    [
      { level: 40, msg: 'it failed', service: 'one', err: { message: 'no database' } },
      { level: 40, msg: 'it failed', err: { message: 'no room' } },
      { level: 30, msg: 'works again', service: 'one', failures: /^[0-9]+$/ },
    ],
  )
  t.equal(lines.length, 3)
})

t.test('a step that runs on says itself when all is well', async (t) => {
  let steps = 0
  const { service } = start(t, {
    async step(signal, works) {
      steps += 1
      if (steps < 3) throw new Error('no database')
      works()
      await once(signal, 'abort')
    },
  })
  await waitFor(() => steps === 3, { what: 'the third step' })
  t.same(service.health(), { name: 'one', failures: 0 })
})

t.test('stopping aborts the step under way, waits for it, and logs nothing of it', async (t) => {
  let steps = 0
  const { service, log } = start(t, {
    async step(signal) {
      steps += 1
      await once(signal, 'abort')
      throw new Error('aborted')
    },
  })
  await waitFor(() => steps === 1, { what: 'the step' })
  await service.stop()
  t.equal(steps, 1)
  t.equal(log.read(), null)
})
