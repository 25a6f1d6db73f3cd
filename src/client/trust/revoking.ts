import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Failure, Log } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { RevocationReason } from '../../keys/revoke.ts'
import { revoke, withRevocation } from '../../keys/revoke.ts'
import { readAlias } from '../../pod/alias.ts'
import type { State } from '../../store/state.ts'
import { literal, mapped, tuple } from '../../wire/cbor.ts'
import type { Journal } from '../devices/journal.ts'
import { failureOf } from '../failure.ts'
import type { PodQuestions } from '../pod-questions.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

/** What became of taking a key back. */
export interface Revoked {
  fingerprint: string
  /** Which pods show it now; with a problem it is tried again, while the node runs. */
  pods: { alias: string; shown: boolean; problem: Failure | null }[]
}

export interface RevokingParts {
  state: State
  self: Self
  pods: Pick<Pods, 'link'>
  clock: Clock
  log: Log
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'note'>
  life: AbortSignal
}

/** Takes the own key back, and has every pod of ours show that. Source: docs/protocol/keys.md#revocation */
export class Revoking {
  readonly #parts: RevokingParts
  /** Aliases whose pod shows it. */
  readonly #shown: Table<true>

  constructor(parts: RevokingParts) {
    this.#parts = parts
    this.#shown = createTable({
      ...{ state: parts.state, log: parts.log, name: 'revocations-shown', maxBytes: 16 },
      field: mapped(tuple(literal(1)), () => true as const),
      write: () => [1]
    })
  }

  /** For good. @throws {MuttrError} `VAULT_LOCKED` */
  async revoke(reason: RevocationReason): Promise<Revoked> {
    const { self, clock } = this.#parts
    const certificate = self.certificate()
    if (!certificate?.revoked) await self.revoke(await revoke(self.person(), reason, clock.now()))
    await this.#tell()
    return this.#publish()
  }

  /**
   * With a revocation that was made beforehand, of the own key, or of the key that an alias's pod shows: whoever lost all else has it on paper.
   * @throws {MuttrError} `KEY_INVALID` when it is of another key, `HOME_MISSING` with neither key nor alias; as `Pods.link`
   */
  async revokeWith(revocation: Uint8Array, alias: string | undefined): Promise<Revoked> {
    const { self, pods, life } = this.#parts
    const own = self.certificate()
    const ours = [...self.registrations(), ...self.left()]
    if (alias === undefined || ours.some(one => one.alias === alias)) {
      if (!own)
        throw new MuttrError('HOME_MISSING', 'there is no person on this seed; name an alias')
      if (!own.revoked) await self.revoke(await withRevocation(own, revocation))
      await this.#tell()
      return this.#publish()
    }
    const link = await pods.link(readAlias(alias).hostname, life)
    const certificate = await shownBy(link, alias)
    const { fingerprint } = certificate
    await link.revoke(alias, await withRevocation(certificate, revocation))
    return { fingerprint, pods: [{ alias, shown: true, problem: null }] }
  }

  /** Tells the pods that could not be told yet. */
  async look(): Promise<void> {
    if (this.#parts.self.certificate()?.revoked) await this.#publish()
  }

  async #tell(): Promise<void> {
    const { self, state, journal } = this.#parts
    const certificate = self.certificate()!.bytes
    await state.write(journal.note([{ type: 'revoked', certificate }]))
  }

  async #publish(): Promise<Revoked> {
    const { self, pods, state, log, life } = this.#parts
    const certificate = self.certificate()!
    const told: Revoked['pods'] = []
    // A pod that was left tells where we went, and followers ask it whether the key is good.
    for (const { alias, pod } of [...self.registrations(), ...self.left()])
      try {
        if (!(await this.#shown.get(alias))) {
          const link = await pods.link(pod, life)
          await link.revoke(alias, certificate)
          await state.write([this.#shown.put(alias, true)])
        }
        told.push({ alias, shown: true, problem: null })
      } catch (err) {
        const problem = failureOf(err)
        log.warn('a pod does not show yet that the key is revoked', { pod, code: problem.code })
        told.push({ alias, shown: false, problem })
      }
    return { fingerprint: certificate.fingerprint, pods: told }
  }
}

/** The key of an alias, also of one that somebody who has the key took elsewhere. @throws {MuttrError} as `PodQuestions.lookup` */
async function shownBy(link: PodQuestions, alias: string): Promise<Certificate> {
  try {
    return (await link.lookup(alias)).certificate
  } catch (err) {
    const left = codeOf(err) === 'ALIAS_MOVED' ? await link.moved(alias) : null
    if (left) return left.certificate
    throw err
  }
}
