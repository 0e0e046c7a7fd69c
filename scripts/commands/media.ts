import type { Command } from 'commander'
import { addMove } from './media/move.ts'
import { addRescan } from './media/rescan.ts'
import { addSweep } from './media/sweep.ts'

export function addMedia(program: Command): void {
  const media = program
    .command('media')
    .summary('move stored files, sweep what is left over, scan again')
    .description('Stored files: to another storage, what no row names any more, and new scans.')
  addMove(media)
  addSweep(media)
  addRescan(media)
}
