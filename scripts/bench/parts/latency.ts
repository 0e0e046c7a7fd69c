import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '../../../db/connect.ts'
import { startChild } from '../child.ts'
import { percentile } from '../rounds.ts'

export type Latency = { name: string; p50: number; p99: number; met: boolean }

/** From the start of an insert to its notification at a listener, ms, with an idle database: target p50 < 10, p99 < 60. */
export async function benchLatency(url: string, options: { inserts: number }): Promise<Latency[]> {
  const results: Latency[] = []
  for (const relayed of [true, false]) {
    const relay = relayed ? startChild('relay', [url]) : null
    // While it notifies, the triggers do not.
    await relay?.next('ready')
    const sql = connect(url, { max: 1, name: 'bench' })
    const listener = connect(url, { max: 1, name: 'bench listener' })
    let heard: ((id: string) => void) | null = null
    await listener.listen('pigeonpost_events', (payload) => {
      const notified = JSON.parse(payload) as { type: string; event_id: string }
      if (notified.type === 'message.inbound.created') heard?.(notified.event_id)
    })
    const times: number[] = []
    for (let i = 0; i < options.inserts; i += 1) {
      const notification = new Promise<void>((resolve) => {
        heard = () => resolve()
      })
      const started = performance.now()
      await sql`
        insert into pigeonpost.messages (tenant_id, direction, address, external_message_id, body)
        values (1, 'inbound', '+27831000001', ${`l${relayed ? 'r' : 't'}${Date.now()}-${i}`}, 'x')`
      await notification
      times.push(performance.now() - started)
      await delay(5 + Math.random() * 20)
    }
    await listener.end()
    await sql.end()
    await relay?.stop()
    const [p50, p99] = [percentile(times, 50), percentile(times, 99)]
    results.push({
      name: relayed ? 'insert to listener, relay' : 'insert to listener, no relay',
      p50,
      p99,
      met: p50 < 10 && p99 < 60,
    })
  }
  return results
}
