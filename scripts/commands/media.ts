import type { Command } from 'commander'
import { addMove } from './media/move.ts'
import { addRescan } from './media/rescan.ts'
import { addSweep } from './media/sweep.ts'

export function addMedia(program: Command): void {
  const media = program
    .command('media')
    .summary('move stored files, remove orphans, rescan')
    .description(
      'Stored files: move them to another storage, remove those that no row names, and scan again.',
    )
  addMove(media)
  addSweep(media)
  addRescan(media)
}
