import { toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis, Random } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { Change, State } from '../store/state.ts'
import type { LookupAnswer } from '../wire/pod.ts'
import { directoryAnswer, directoryLabel } from '../wire/pod.ts'
import { openRow } from './addresses/rows.ts'
import type { AskedAlias, Hostnames } from './hostnames.ts'
import { podTimes } from './limits.ts'
import { createLocks } from './locks.ts'
import type { Moves } from './moves.ts'
import type { Registry } from './registry.ts'
import type { AliasRow } from './rows.ts'
import { answerRow, ordered, tables } from './rows.ts'

/** Signed answers: whose key an alias is, and where to announce a first letter. */
export interface Directory {
  /** @throws {MuttrError} `ALIAS_UNKNOWN`, `ALIAS_MOVED`, `ALIAS_INVALID` */
  lookup(alias: string, nowMs: Millis): Promise<LookupAnswer>
  /** Drops addresses that are accepted no more. @returns how many. */
  sweep(nowMs: Millis): Promise<number>
}

interface Parts {
  state: State
  random: Random
  crypto: Crypto
  person: Person
  names: Hostnames
  hpkeKey: Uint8Array
  registry: Registry
  moves: Pick<Moves, 'find'>
}

const sweepRows = 200
const epochOf = (nowMs: Millis): number => Math.floor(nowMs / podTimes.epochMs)
const epochEnd = (epoch: number): Millis => (epoch + 1) * podTimes.epochMs

export function createDirectory(parts: Parts): Directory {
  const { state, random, crypto, person, names, hpkeKey, registry, moves } = parts
  const locks = createLocks()
  const keyOf = ({ name, at }: AskedAlias): string =>
    at === names.hostname ? name : `${name}@${at}`

  /** The alias's address of this epoch; made once, whoever asks first. */
  const introOf = async (name: string, row: AliasRow, nowMs: Millis): Promise<Uint8Array> => {
    const epoch = epochOf(nowMs)
    const key = `${ordered(epoch)}/${name}/${row.account}`
    const known = await state.get(tables.intros, key)
    if (known) return known
    const address = random.bytes(32)
    const untilMs = epochEnd(epoch) + podTimes.introAcceptedMs
    const value = openRow(row.account, untilMs)
    const { ok } = await state.write([
      { type: 'insert', table: tables.intros, key, value: address },
      { type: 'put', table: tables.addresses, key: toHex(address), value }
    ])
    return ok ? address : ((await state.get(tables.intros, key)) ?? address)
  }

  const sign = async (
    { name, at }: AskedAlias,
    row: AliasRow,
    nowMs: Millis
  ): Promise<LookupAnswer> => {
    const validUntilMs = Math.min(nowMs + podTimes.answerLifeMs, row.untilMs)
    const answer = directoryAnswer.encode({
      alias: `${name}@${at}`,
      certificate: row.certificate,
      intro: await introOf(name, row, nowMs),
      hpkeKey,
      issuedMs: nowMs,
      validUntilMs
    })
    const signature = await crypto.signDetached(person, directoryLabel, answer, nowMs)
    const renewMs = Math.min((nowMs + validUntilMs) / 2, epochEnd(epochOf(nowMs)))
    const value = answerRow.encode({
      revision: row.revision,
      renewMs: Math.floor(renewMs),
      answer,
      signature
    })
    await state.write([{ type: 'put', table: tables.answers, key: keyOf({ name, at }), value }])
    return { answer, signature }
  }

  const answer = async (asked: AskedAlias, nowMs: Millis): Promise<LookupAnswer> => {
    const { name, at } = asked
    const full = `${name}@${at}`
    const found = await registry.shown(name, nowMs)
    const row = found && (await names.of(name)).includes(at) ? found : undefined
    if (!row && (await moves.find(full, nowMs)))
      throw new MuttrError('ALIAS_MOVED', `the owner of ${full} has moved`)
    if (!row) throw new MuttrError('ALIAS_UNKNOWN', `no ${name} at ${at}`)
    const cached = await state.get(tables.answers, keyOf(asked))
    const known = cached && answerRow.decode(cached)
    const isOfNow = known && known.revision === row.revision && known.renewMs > nowMs
    // One that was signed while the pod had another name is about that.
    if (isOfNow && directoryAnswer.decode(known.answer).alias === full)
      return { answer: known.answer, signature: known.signature }
    return await sign(asked, row, nowMs)
  }

  return {
    // One after the other per alias: of a crowd that asks at once, the first has it signed.
    lookup: async (alias, nowMs) => {
      const asked = names.read(alias)
      return await locks.run(keyOf(asked), () => answer(asked, nowMs))
    },
    async sweep(nowMs) {
      // An epoch's addresses are accepted until its end and `introAcceptedMs` more.
      const oldest = epochOf(nowMs - podTimes.introAcceptedMs)
      for (let dropped = 0; ; ) {
        const rows = await state.list(tables.intros, { lt: ordered(oldest), limit: sweepRows })
        if (rows.length === 0) return dropped
        await state.write(
          rows.flatMap(({ key, value }): Change[] => [
            { type: 'delete', table: tables.intros, key },
            { type: 'delete', table: tables.addresses, key: toHex(value) }
          ])
        )
        dropped += rows.length
      }
    }
  }
}
