import { z } from 'zod'
import type { KindCount } from '../../../../db/messages/path.ts'
import {
  directionWord,
  directionWords,
  statusWord,
  statusWords,
  typeWord,
  typeWords,
} from './schema.ts'

const count = z.number().int()

/** Statistics of the WhatsApp message API. Each group sums to the total. */
export const statisticsShape = z
  .object({
    total: count,
    totalIsEstimate: z
      .boolean()
      .describe('There are more in the time that was asked for: the newest 100000 were counted'),
    byStatus: z.record(statusWord, count),
    byDirection: z.record(directionWord, count),
    byType: z.record(typeWord, count),
    deliveryRate: z
      .number()
      .nullable()
      .describe('(delivered + read) / (sent + delivered + read + failed), outbound; null of none'),
    readRate: z.number().nullable().describe('read / (delivered + read), outbound; null of none'),
  })
  .meta({ id: 'Statistics' })

/** @param max how many were counted at most: more than that make the total an estimate */
export function toStatisticsShape(
  counts: KindCount[],
  max: number,
): z.infer<typeof statisticsShape> {
  const total = sum(counts)
  const out = (...statuses: KindCount['status'][]) =>
    sum(counts.filter((one) => one.direction === 'outbound' && statuses.includes(one.status)))
  const arrived = out('delivered', 'read')
  return {
    total,
    totalIsEstimate: total > max,
    byStatus: tally(counts, statusWord.options, (one) => statusWords[one.status]),
    byDirection: tally(counts, directionWord.options, (one) => directionWords[one.direction]),
    byType: tally(counts, typeWord.options, (one) => typeWords[one.contentType]),
    deliveryRate: rate(arrived, arrived + out('sent', 'failed')),
    readRate: rate(out('read'), arrived),
  }
}

function sum(counts: KindCount[]): number {
  return counts.reduce((total, { messages }) => total + messages, 0)
}

function rate(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}

function tally<W extends string>(
  counts: KindCount[],
  words: readonly W[],
  wordOf: (one: KindCount) => W,
): Record<W, number> {
  const sums = Object.fromEntries(words.map((word) => [word, 0])) as Record<W, number>
  for (const one of counts) sums[wordOf(one)] += one.messages
  return sums
}
