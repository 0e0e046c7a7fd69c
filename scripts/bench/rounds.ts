import { availableParallelism, cpus, totalmem } from 'node:os'

/** One thing to measure; `run` does it for about a second and answers with its rate per second, or in the `unit`. */
export type Variant = { name: string; run: () => Promise<number>; unit?: string }

/**
 * A measurement, compared with another or with nothing; `target` is the goal's minimum, or with `atMost` its maximum. Null
 * without a goal.
 */
export type Ratio = {
  name: string
  of: string
  to?: string
  target: number | null
  atMost?: boolean
}

export type Figure = {
  name: string
  value: number
  target: number | null
  atMost: boolean
  met: boolean | null
}

export type Outcome = {
  title: string
  unit: string
  medians: Record<string, number>
  samples: Record<string, number[]>
  ratios: Figure[]
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

export function percentile(values: number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? 0
}

/**
 * Runs the variants in turn, `rounds` times, so that what slows the machine slows all of them, and compares medians.
 * The first run of each is thrown away.
 */
export async function interleave(
  title: string,
  variants: Variant[],
  ratios: Ratio[],
  options: { rounds: number; log: (line: string) => void; unit?: string },
): Promise<Outcome> {
  const unit = options.unit ?? 'rows/s'
  const samples: Record<string, number[]> = {}
  for (let round = 0; round <= options.rounds; round += 1) {
    // To and fro: a variant that comes behind another also pays for what that one left (dirty pages, a vacuum).
    for (const variant of round % 2 === 0 ? variants : variants.toReversed()) {
      const value = await variant.run()
      if (round === 0) continue
      ;(samples[variant.name] ??= []).push(value)
      options.log(
        `${title}, round ${round}: ${variant.name} ${shown(value)} ${variant.unit ?? unit}`,
      )
    }
  }
  return {
    title,
    unit,
    medians: Object.fromEntries(
      Object.entries(samples).map(([name, values]) => [name, median(values)]),
    ),
    samples,
    ratios: ratios.map(({ of, to, ...ratio }) => {
      // Of each round, then the median: the two of a round met the same machine.
      const perRound = (samples[of] ?? []).map((value, i) =>
        to === undefined ? value : value / (samples[to]?.[i] ?? Number.NaN),
      )
      return figure({ ...ratio, value: median(perRound) })
    }),
  }
}

export function figure(
  given: Pick<Figure, 'name' | 'value' | 'target'> & { atMost?: boolean },
): Figure {
  const { name, value, target, atMost = false } = given
  const met = target === null ? null : atMost ? value <= target : value >= target
  return { name, value, target, atMost, met }
}

/** For people: each median, then each figure with its target. */
export function describe(outcome: Outcome): string[] {
  const { title, unit, medians, ratios } = outcome
  return [
    ...Object.entries(medians).map(([name, value]) =>
      `${title}: ${name} ${shown(value)} ${unit}`.trimEnd(),
    ),
    ...ratios.map(({ name, value, target, atMost, met }) => {
      const wanted = target === null ? '' : ` (target ${atMost ? '≤' : '≥'} ${target})`
      return `${title}: ${shown(value)} ${name}${wanted}${met === null ? '' : ` ${verdict(met)}`}`
    }),
  ]
}

function shown(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2)
}

export function machine(): Record<string, unknown> {
  return {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

export function verdict(met: boolean): string {
  return met ? 'met' : 'NOT MET'
}
