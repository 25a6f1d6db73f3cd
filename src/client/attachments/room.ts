import { MuttrError } from '../../base/errors.ts'
import type { OutRow } from './out-rows.ts'
import { sealedBytesOf } from './out-rows.ts'

/** Bounds on this disk, in bytes. */
export interface SpoolCaps {
  /** Sealed files on their way out; and those fetched. */
  outBytes: number
  inBytes: number
  /** What is left to everything else on the disk, the seed's own store above all. */
  reserveBytes: number
}

/** Of a node that was told nothing else: as in muttr.json. */
export const usualCaps: SpoolCaps = {
  outBytes: 8 * 2 ** 30,
  inBytes: 8 * 2 ** 30,
  reserveBytes: 512 * 2 ** 20
}

/** What a file that goes out takes in the spool. */
export function spooledBytes({ stage, spooled, sizeBytes }: OutRow, sealedBytes: number): number {
  if (!spooled) return 0
  return stage === 'sealing' ? sealedBytes : sealedBytesOf(sizeBytes)
}

/** Refuses a file that cannot fit, whatever gives way, before a byte of it is read. @throws {MuttrError} `DISK_FULL` */
export function checkRoom(
  sizeBytes: number,
  files: readonly { row: OutRow; sealedBytes: number }[],
  { outBytes, reserveBytes }: SpoolCaps,
  freeBytes: number
): void {
  const needed = sealedBytesOf(sizeBytes)
  let [stays, gives] = [0, 0]
  for (const { row, sealedBytes } of files) {
    const bytes = spooledBytes(row, sealedBytes)
    if (row.stage === 'stored') gives += bytes
    else stays += bytes
  }
  if (stays + needed > outBytes || needed > freeBytes + gives - reserveBytes) throw noRoom()
}

export const noRoom = (): MuttrError =>
  new MuttrError('DISK_FULL', 'there is no room for more of a file', {
    hint: 'Free some disk space, forget files that you do not need, or raise `attachments` in muttr.json.'
  })
