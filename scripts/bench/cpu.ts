import { readFile } from 'node:fs/promises'

/** ms of CPU that a process has used so far, in steps of 10; null where the system does not tell (no /proc), or it is gone. */
export async function cpuMs(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  // utime and stime of proc_pid_stat(5); the name before them may hold anything, spaces too.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields ? 10 * (Number(fields[11]) + Number(fields[12])) : null
}
