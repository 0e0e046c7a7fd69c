import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/** A document's blocks of one language, in order; those below one heading alone, where `section` names it. */
export async function codeBlocks(
  file: string,
  language: string,
  section?: string,
): Promise<string[]> {
  const text = await readFile(join(root, file), 'utf8')
  const part =
    section === undefined ? text : text.split('\n## ').find((one) => one.startsWith(`${section}\n`))
  return [...(part ?? '').matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, name, block = '']) =>
    name === language ? [block] : [],
  )
}
