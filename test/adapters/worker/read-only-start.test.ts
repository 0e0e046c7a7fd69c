import t from 'tap'
import { startWorker } from '../../../adapters/worker/worker.ts'
import { reach } from '../../support/pooler.ts'
import { waitFor } from '../../support/wait.ts'
import {
  addAccount,
  deliveryDatabase,
  queue,
  readMessage,
  scripted,
  silent,
} from './delivery/support.ts'

t.test('a worker that started on a read-only server delivers once it is writable', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const name = new URL(url).pathname.slice(1)
  await sql.unsafe(`alter database ${name} set default_transaction_read_only = on`)
  const provider = scripted()
  const worker = await startWorker({
    ...reach(url),
    logger: silent,
    providers: new Map([[provider.name, provider]]),
  })
  t.teardown(async () => worker.stop())
  const failures = () => worker.health().find((one) => one.name === 'runner')?.failures ?? 0
  await waitFor(() => failures() > 0, { what: 'the runner to be refused' })
  t.equal((await readMessage(sql)).status, 'queued')

  // A session of the pool may be a new one, and read-only by now.
  await sql.begin('read write', async (tx) =>
    tx.unsafe(`alter database ${name} reset default_transaction_read_only`),
  )
  await sql`
    select pg_terminate_backend(pid, 60000) from pg_stat_activity
    where datname = ${name} and pid <> pg_backend_pid() and application_name like 'pigeonpost %'`
  await waitFor(async () => (await readMessage(sql)).status === 'sent', { what: 'the delivery' })
  t.equal(provider.requests.length, 1)
})

t.test('a runner that cannot take jobs is replaced', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const provider = scripted()
  // What a server that turns read-only between two of its statements leaves behind: an error that graphile-worker keeps.
  await sql.unsafe(`
    create function public.no_tasks() returns trigger language plpgsql as
    $$ begin raise exception 'read-only' using errcode = '25006'; end $$;
    create trigger no_tasks before insert on graphile_worker._private_tasks execute function public.no_tasks()`)
  const worker = await startWorker({
    ...reach(url),
    logger: silent,
    providers: new Map([[provider.name, provider]]),
  })
  t.teardown(async () => worker.stop())
  const failures = () => worker.health().find((one) => one.name === 'runner')?.failures ?? 0
  await waitFor(() => failures() > 0, { what: 'the runner to be replaced' })
  await sql`drop trigger no_tasks on graphile_worker._private_tasks`
  await queue(sql, target, ['hello'])
  await waitFor(async () => (await readMessage(sql)).status === 'sent', { what: 'the delivery' })
  t.equal(provider.requests.length, 1)
})
