import { timingSafeEqual } from 'node:crypto'
import { MuttrError } from '../../base/errors.ts'
import type { Random } from '../../base/ports.ts'
import { stretch } from '../../keys/argon.ts'
import type { Password } from './rows.ts'

/** OWASP's second choice for Argon2id: 19 MiB and two passes, so that a small machine stands several logins at once. */
const parameters = { memoryKiB: 19_456, passes: 2, lanes: 1 } as const
const charsMin = 12
const bytesMax = 1_024
/** Under way at once, and waiting: 40 MiB, and a second or two. */
const atOnce = 2
const waitingMax = 16

export interface Passwords {
  /** @throws {MuttrError} `USAGE` for one that is too short or too long */
  make(password: string): Promise<Password>
  /** Takes as long where there is none to compare with. @throws {MuttrError} `LIMIT_EXCEEDED` when too many are being looked at */
  isRight(given: string, kept: Password | null | undefined): Promise<boolean>
}

export function createPasswords(random: Random): Passwords {
  const nobodys: Password = {
    ...parameters,
    salt: random.bytes(16),
    hash: random.bytes(32)
  }
  const waiting: (() => void)[] = []
  let running = 0

  async function inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (running >= atOnce) {
      if (waiting.length >= waitingMax)
        throw new MuttrError('LIMIT_EXCEEDED', 'too many logins at once; try again in a moment')
      await new Promise<void>(resolve => waiting.push(resolve))
    } else running++
    try {
      return await run()
    } finally {
      // Whoever waits takes over the place.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  return {
    async make(password) {
      const isLong = [...password].length >= charsMin
      if (!isLong || !password.isWellFormed() || Buffer.byteLength(password) > bytesMax)
        throw new MuttrError('USAGE', `a password has ${charsMin} characters or more`, {
          hint: 'Four words that have nothing to do with each other are a good one.'
        })
      const how = { ...parameters, salt: random.bytes(16) }
      return { ...how, hash: new Uint8Array(await inTurn(() => stretch(password, how))) }
    },
    async isRight(given, kept) {
      const known = kept ?? nobodys
      const text = given.isWellFormed() && Buffer.byteLength(given) <= bytesMax ? given : ''
      const hash = await inTurn(() => stretch(text, known))
      return timingSafeEqual(hash, known.hash) && kept !== null && kept !== undefined
    }
  }
}
