import { sha256 } from '../../base/bytes.ts'
import type { State } from '../../store/state.ts'
import { mailLog } from '../rows.ts'

/** Names a notice that waits at an address of a key by its place there and by what it is. */
interface Through {
  /** @returns what is to be named for it; 0 where nothing stands there */
  name(box: string, sequence: number): Promise<number>
  /** @returns its place; 0 where what stands there is another, or nothing */
  read(box: string, name: number): Promise<number>
}

const places = 2 ** 32
/** Both together are a whole number that is exact: 53 bits. */
const marks = 2 ** 21

/**
 * A place alone is not enough: after a restore the pod gives new notices numbers that others had. So the number names the notice too, and
 * one that names what is not there acknowledges nothing. Source: docs/protocol/anonymous.md#what-is-asked
 */
export function createThrough(state: State): Through {
  async function name(box: string, sequence: number): Promise<number> {
    if (sequence <= 0) return 0
    const [found] = await state.page(mailLog(box), sequence - 1, 1)
    if (found?.sequence !== sequence) return 0
    const [a, b, c] = sha256(found.entry)
    return (((a! << 16) | (b! << 8) | c!) % marks) * places + sequence
  }
  return {
    name,
    async read(box, named) {
      const sequence = named % places
      return (await name(box, sequence)) === named ? sequence : 0
    }
  }
}
