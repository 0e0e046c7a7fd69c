import { availableParallelism, cpus, totalmem } from 'node:os'

/** One thing to measure; `run` does it for about a second and answers with its rate per second. */
export type Variant = { name: string; run: () => Promise<number> }

/** What is compared with what; `target` is the least that DESIGN.md section 9 asks for. */
export type Ratio = { name: string; of: string; to: string; target: number }

export type Outcome = {
  title: string
  medians: Record<string, number>
  samples: Record<string, number[]>
  ratios: { name: string; ratio: number; target: number; met: boolean }[]
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
  options: { rounds: number; log: (line: string) => void },
): Promise<Outcome> {
  const samples: Record<string, number[]> = {}
  for (let round = 0; round <= options.rounds; round += 1) {
    for (const variant of variants) {
      const rate = await variant.run()
      if (round === 0) continue
      ;(samples[variant.name] ??= []).push(rate)
      options.log(`${title}, round ${round}: ${variant.name} ${rate.toFixed(0)}/s`)
    }
  }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [name, median(values)]),
  )
  return {
    title,
    medians,
    samples,
    ratios: ratios.map(({ name, of, to, target }) => {
      // Of each round, then the median: the two of a round met the same machine.
      const perRound = (samples[of] ?? []).map((rate, i) => rate / (samples[to]?.[i] ?? Number.NaN))
      const ratio = median(perRound)
      return { name, ratio, target, met: ratio >= target }
    }),
  }
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
