import { MuttrError } from '../base/errors.ts'

export const listMax = 10_000

/** The id of which `start` is the beginning, among the letters there are. @throws {MuttrError} `LETTER_UNKNOWN` */
export async function wholeId(
  start: string,
  letters: () => Promise<readonly { id: string }[]>
): Promise<string> {
  const beginning = start.toLowerCase()
  if (/^[0-9a-f]{64}$/.test(beginning)) return beginning
  const ids = new Set((await letters()).map(({ id }) => id).filter(id => id.startsWith(beginning)))
  const [id] = ids
  if (beginning.length >= 4 && id !== undefined && ids.size === 1) return id
  throw new MuttrError(
    'LETTER_UNKNOWN',
    ids.size > 1 ? `more than one letter begins with ${start}` : `no letter ${start}`
  )
}
