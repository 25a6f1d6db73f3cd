import { MuttrError } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
import type { Clock, Failure, Log, Millis } from '../base/ports.ts'
import type { Keeper, Pair } from './certificate.ts'
import { factsOf } from './certificate.ts'

interface Parts {
  /** @throws {MuttrError} when the files cannot be read. */
  read(): Promise<Pair>
  use(pair: Pair): void
  hostname: string
  clock: Clock
  log: Log
}

const lookEveryMs: Millis = 30_000

/** A certificate that somebody else looks after: read now, and again every half a minute. One that cannot be used leaves the last one in use. */
export async function keepFiles({ read, use, hostname, clock, log }: Parts): Promise<Keeper> {
  let [untilMs, problem]: [Millis | null, Failure | null] = [null, null]
  let used: Pair | undefined
  let over = false
  let timer: Disposable | undefined
  const look = async (): Promise<void> => {
    try {
      const pair = await read()
      const isNew = pair.certificate !== used?.certificate || pair.key !== used.key
      const facts = factsOf(pair, [hostname])
      if (isNew) use(pair)
      used = pair
      untilMs = facts.untilMs
      problem = null
      if (!facts.fits)
        throw new MuttrError('CERTIFICATE_INVALID', `the certificate is not for ${hostname}`)
    } catch (err) {
      const failed = failureOf(err)
      if (failed.message !== problem?.message) log.warn('https.certificate', { ...failed })
      problem = failed
    }
    if (!over) timer = clock.after(lookEveryMs, () => void look())
  }
  await look()
  return {
    get state() {
      return { untilMs, problem }
    },
    async [Symbol.asyncDispose]() {
      over = true
      timer?.[Symbol.dispose]()
    }
  }
}
