import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const execute = promisify(execFile)

/** For `skip`: false, or why no disk of a few megabytes can be had here. */
export const noSmallDisk: string | false = await tryOne()

async function tryOne(): Promise<string | false> {
  const undo: (() => Promise<void>)[] = []
  try {
    await smallDisk({ teardown: (end) => void undo.push(end as () => Promise<void>) }, 1)
    return false
  } catch {
    return 'no tmpfs can be mounted here: it takes root'
  } finally {
    for (const end of undo.toReversed()) await end()
  }
}

/** An empty disk of so many MB, gone with the test; `grow` makes it larger. */
export async function smallDisk(
  t: Pick<Test, 'teardown'>,
  megabytes: number,
): Promise<{ folder: string; grow(megabytes: number): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-disk-'))
  t.teardown(async () => rm(folder, { recursive: true, force: true }))
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  t.teardown(async () => void (await execute('umount', ['--lazy', folder])))
  return {
    folder,
    async grow(size) {
      await execute('mount', ['-o', `remount,size=${size}m`, folder])
    },
  }
}
