import type { ErrorCode } from '../base/errors.ts'
import { MuttrError } from '../base/errors.ts'

/** What the system says when there is no room: the disk's, the user's quota, or the process's own limit. */
const noRoom =
  /ENOSPC|EDQUOT|EFBIG|No space left on device|Disk quota exceeded|File too large|not enough space/i

/** Gives what LevelDB or the file system threw one of our codes; a MuttrError stays as it is. */
export function storeFailure(cause: unknown, folder: string): MuttrError {
  if (cause instanceof MuttrError) return cause
  const [code, says] = judge(cause)
  return new MuttrError(code, `the database at ${folder} ${says}`, { cause })
}

function judge(err: unknown): [ErrorCode, string] {
  const causes: { code?: unknown; message?: unknown }[] = []
  for (let e = err; e instanceof Error && causes.length < 4; e = e.cause) causes.push(e)
  const says = causes.map(e => `${e.code} ${e.message}`).join('; ')
  const coded = (code: string) => causes.some(e => e.code === code)
  if (coded('LEVEL_LOCKED')) return ['HOME_IN_USE', 'is open in another process']
  if (coded('LEVEL_CORRUPTION')) return ['HOME_DAMAGED', 'is damaged']
  if (noRoom.test(says)) return ['DISK_FULL', 'has no room to grow']
  // A file that the database's own list names is gone, or shorter than it says.
  if (coded('LEVEL_IO_ERROR') && /No such file|Invalid argument/.test(says))
    return ['HOME_DAMAGED', 'lacks a file or a part of one']
  if (coded('LEVEL_DATABASE_NOT_OPEN') && causes.length === 1) return ['CANCELLED', 'is closed']
  return ['DISK_FAILED', `cannot be read or written (${causes.at(-1)?.message ?? err})`]
}
