import { readdir, readFile } from 'node:fs/promises'

/** The processes that one has started and that still run. */
export async function childrenOf(pid: number): Promise<number[]> {
  const entries = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const parents = await Promise.all(
    entries.map(async (name) => Number(await statusOf(name, /^PPid:\s+(\d+)$/m))),
  )
  return entries.map(Number).filter((_, index) => parents[index] === pid)
}

/** MB that a process had in memory at its height; 0 once it has ended. */
export async function peakOf(pid: number): Promise<number> {
  return Math.round(Number((await statusOf(pid, /^VmHWM:\s+(\d+) kB$/m)) ?? 0) / 1024)
}

/** proc(5), `/proc/pid/status`. Undefined where there is no such process. */
async function statusOf(pid: number | string, field: RegExp): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return field.exec(status)?.[1]
}
