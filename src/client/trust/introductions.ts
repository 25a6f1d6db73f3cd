import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Contacts } from '../contacts.ts'
import type { Policies } from '../requests/policies.ts'
import type { Self } from '../self.ts'

export interface IntroductionsParts {
  /** Fingerprints that a join link named, by alias. */
  vouched: Readonly<Record<string, string>>
  contacts: Pick<Contacts, 'known' | 'lookup'>
  policies: Pick<Policies, 'chosen'>
  self: Pick<Self, 'locked' | 'registrations'>
  log: Log
  /** Ends with the client. */
  life: AbortSignal
}

/** Makes contacts of whom join links introduced, as soon as their pods show the keys that the links named. Source: docs/protocol/join-link.md */
export class Introductions {
  readonly #parts: IntroductionsParts
  #looking: Promise<void> | undefined

  constructor(parts: IntroductionsParts) {
    this.#parts = parts
  }

  /** Asks the pods of those who are no contacts yet. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { vouched, contacts, policies, self, log, life } = this.#parts
    for (const alias of Object.keys(vouched))
      try {
        if (self.locked || life.aborted) return
        const isOwn = self.registrations().some(own => own.alias === alias)
        if (isOwn || policies.chosen(alias)?.policy === 'ignore') continue
        if (!(await contacts.known(alias))) await contacts.lookup(alias, life)
      } catch (err) {
        const code = codeOf(err)
        if (code === 'KEY_CHANGED') log.warn('a link named another key than the pod', { alias })
        else log.debug('whom a link introduced is not known yet', { code })
      }
  }

  /** Resolves when nobody is being asked. */
  async quiet(): Promise<void> {
    await this.#looking
  }
}
