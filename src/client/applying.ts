import { codeOf, MuttrError } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Failure, Log, Millis } from '../base/ports.ts'
import { readAlias } from '../pod/alias.ts'
import type { State } from '../store/state.ts'
import { literal, mapped, nullable, text, tuple, uint } from '../wire/cbor.ts'
import type { PodStanding } from '../wire/pod-standing.ts'
import type { Registration } from './client.ts'
import type { Pods } from './pods.ts'
import type { Register, RegisterOptions } from './register.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** An alias that an operator has still to approve of, or refused. */
interface Waiting {
  readonly sinceMs: Millis
  readonly note: string
  /** In words; null while it waits. */
  readonly refused: string | null
}

/** Registrations that wait for a pod's operator: remembered, and asked for again when the pod says that it has decided. */
export interface Applying {
  /** As {@link Register}; from a refusal with `REGISTRATION_WAITS` on the rest goes by itself. */
  register: Register
  /** Keeps up the lines to pods where something waits. */
  begin(): Promise<void>
  heard(hostname: string, standing: PodStanding): void
  list(): Promise<{ alias: string; pod: string; problem: Failure }[]>
}

interface Parts {
  state: State
  clock: Clock
  log: Log
  pods: Pick<Pods, 'keep'>
  register: Register
  life: AbortSignal
}

const row = mapped(
  tuple(
    literal(1),
    uint(),
    text(limits.podNoteBytesMax),
    nullable(text(limits.podNoteBytesMax + 512))
  ),
  ([, sinceMs, note, refused]): Waiting => ({ sinceMs, note, refused })
)

/** Nobody decides about it any more, whatever was asked before. */
const final: ReadonlySet<string> = new Set([
  'ALIAS_TAKEN',
  'ALIAS_CONFUSABLE',
  'ALIAS_RESERVED',
  'REGISTRATION_CLOSED'
])

export function createApplying({ state, clock, log, pods, life, ...parts }: Parts): Applying {
  const rows: Table<Waiting> = createTable({
    ...{ state, log, name: 'applications', field: row },
    write: w => [1, w.sinceMs, w.note, w.refused],
    maxBytes: 4_096
  })
  const asking = new Set<string>()

  async function ask(alias: string, options: RegisterOptions): Promise<Registration> {
    const { full, hostname } = readAlias(alias)
    try {
      const registered = await parts.register(full, options)
      if (await rows.get(full)) await state.write([rows.drop(full)])
      return registered
    } catch (err) {
      const refusal = { sinceMs: clock.now(), note: options.note ?? '' }
      if (codeOf(err) === 'REGISTRATION_WAITS') {
        const before = await rows.get(full)
        if (!before || before.refused !== null)
          await state.write([rows.put(full, { ...refusal, refused: null })])
        pods.keep(hostname)
      } else if (codeOf(err) === 'REGISTRATION_REFUSED') {
        const refused = (err as Error).message
        await state.write([rows.put(full, { ...refusal, refused })])
      } else if (final.has(codeOf(err) ?? '') && (await rows.get(full)))
        await state.write([rows.drop(full)])
      throw err
    }
  }

  /** One question at a time, whatever the pod says meanwhile. */
  async function again(alias: string, { note }: Waiting): Promise<void> {
    if (asking.has(alias)) return
    asking.add(alias)
    try {
      await ask(alias, { signal: life, ...(note !== '' && { note }) })
    } catch (err) {
      log.debug('an alias is not ours yet', { alias, code: codeOf(err) })
    } finally {
      asking.delete(alias)
    }
  }

  const waiting = async () => (await rows.list()).filter(({ value }) => value.refused === null)
  return {
    register: ask,
    async begin() {
      for (const { key } of await waiting())
        try {
          pods.keep(readAlias(key).hostname)
        } catch (err) {
          log.warn('a pod that is to decide has no address', { alias: key, err })
        }
    },
    heard(hostname, { application }) {
      void waiting()
        .then(async all => {
          for (const { key: alias, value } of all) {
            const read = readAlias(alias)
            const stillWaits = application?.name === read.name && application.state === 'waiting'
            if (read.hostname === hostname && !stillWaits) await again(alias, value)
          }
        })
        .catch(err => log.warn('what waits for a pod is not known', { err }))
    },
    async list() {
      return (await rows.list()).map(({ key: alias, value: { refused } }) => ({
        ...{ alias, pod: readAlias(alias).hostname },
        problem: failureOf(
          refused === null
            ? new MuttrError('REGISTRATION_WAITS', `${alias} waits for the operator of the pod`)
            : new MuttrError('REGISTRATION_REFUSED', refused)
        )
      }))
    }
  }
}
