import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
export const exportsFile = join(import.meta.dirname, 'exports.json')

/** The source of each entry of package.json's `exports`, from the root. */
export async function entryFiles(): Promise<Record<string, string>> {
  const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { default: string }>
  }
  return Object.fromEntries(
    Object.entries(exports).flatMap(([entry, target]) =>
      typeof target === 'string'
        ? []
        : [[entry, join(root, target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'))]],
    ),
  )
}

/** What each entry exports, types among them (`type X`), read from the text: types leave nothing to import. */
export async function exportedNames(): Promise<Record<string, string[]>> {
  const named = Object.entries(await entryFiles()).map(
    async ([entry, file]) => [entry, (await namesOf(file)).toSorted()] as const,
  )
  return Object.fromEntries(await Promise.all(named))
}

async function namesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  const lists = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, all, list = '']) =>
    list.split(',').flatMap((part) => {
      const [, type = all, name] = /^\s*(type )?(?:\w+ as )?(\w+)\s*$/.exec(part) ?? []
      return name ? [`${type ?? ''}${name}`] : []
    }),
  )
  const own = text.matchAll(/^export (?:async )?(class|const|function|interface|type) (\w+)/gm)
  const stars = [...text.matchAll(/^export \* from '([^']+)'/gm)].map(async ([, path = '']) =>
    namesOf(join(dirname(file), path)),
  )
  return [
    ...lists,
    ...[...own].map(([, kind = '', name]) =>
      /interface|type/.test(kind) ? `type ${name}` : `${name}`,
    ),
    ...(await Promise.all(stars)).flat(),
  ]
}
