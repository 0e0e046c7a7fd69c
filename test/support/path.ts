import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Where a program lies, or null. Debian's daemons lie where only root's PATH leads. */
export async function findOnPath(program: string): Promise<string | null> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const folder of folders.filter(Boolean)) {
    const path = join(folder, program)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return null
}
