import { equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { countersign, verifyMove } from '../keys/move.ts'
import type { Person } from '../keys/person.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, tuple, uint } from '../wire/cbor.ts'
import type { Move } from '../wire/move.ts'
import { decodeSignedMove } from '../wire/move.ts'
import type { AliasName } from './alias.ts'
import { readAlias } from './alias.ts'
import type { AskedAlias, Hostnames } from './hostnames.ts'
import { podTimes } from './limits.ts'
import type { Registry } from './registry.ts'
import type { AccountId, AliasRow, Row } from './rows.ts'
import { row, tables, under } from './rows.ts'
import { rowsOf } from './scan.ts'

/** What is kept of an alias that its owner left for another. */
export interface MoveRow {
  readonly account: AccountId
  /** The last of this alias; what comes after has a higher one. */
  readonly sequence: number
  /** The key's certificate as it was then. */
  readonly certificate: Uint8Array
  /** As the key signed it. */
  readonly move: Uint8Array
  /** The pod's, over that. */
  readonly signature: Uint8Array
  /** Nobody is told of it later. */
  readonly untilMs: Millis
}

export const moveRow: Row<MoveRow> = row(
  'a move',
  tuple(
    literal(1),
    bytes(32),
    uint(),
    bytes(1, limits.certificateBytesMax),
    bytes(1, limits.signedMoveBytesMax),
    bytes(1, limits.signatureBytesMax),
    uint()
  ),
  ([, account, sequence, certificate, move, signature, untilMs]) => ({
    ...{ account: Buffer.from(account).toString('hex'), sequence, certificate },
    ...{ move, signature, untilMs }
  }),
  m => [
    ...[1, new Uint8Array(Buffer.from(m.account, 'hex')), m.sequence, m.certificate],
    ...[m.move, m.signature, m.untilMs]
  ],
  limits.certificateBytesMax + limits.signedMoveBytesMax + limits.signatureBytesMax + 128
)

/** Aliases that their owners left for others, and where to. Source: docs/protocol/moving.md#at-the-former-pod */
export interface Moves {
  /** @returns undefined unless the alias was left, and nobody has it now. @throws {MuttrError} `ALIAS_INVALID`, `ALIAS_UNKNOWN` */
  find(alias: string, nowMs: Millis): Promise<MoveRow | undefined>
  /**
   * An account leaves an alias: the pod says so from now on, in one write with the quarantine. The same again gives the same signature; a
   * later move of an alias that was left takes the place of the one before.
   * @throws {MuttrError} `MOVE_INVALID`, `ALIAS_UNKNOWN`, `CLOCK_WRONG`
   */
  take(o: {
    account: AccountId
    certificate: Certificate
    frame: Uint8Array
    nowMs: Millis
  }): Promise<Uint8Array>
  /** The account of an alias that somebody has, or left. @throws {MuttrError} `ALIAS_UNKNOWN`, `ALIAS_INVALID` */
  owner(alias: string, nowMs: Millis): Promise<AccountId>
  sweep(nowMs: Millis): Promise<void>
}

interface Parts {
  state: State
  crypto: Crypto
  /** The pod's own key. */
  person: Person
  names: Hostnames
  registry: Pick<Registry, 'find' | 'release' | 'isRevoked'>
}

const refuse = (what: string): never => {
  throw new MuttrError('MOVE_INVALID', what)
}

export function createMoves({ state, crypto, person, names, registry }: Parts): Moves {
  const { hostname } = names
  // Whole: a pod that gets another name has this alias under each.
  const keyOf = ({ name, at }: AskedAlias): string => `${name}@${at}`
  const get = async (asked: AskedAlias): Promise<MoveRow | undefined> => {
    const found = await leftUnder(state, asked.name)
    return found.find(({ left }) => fromOf(left) === keyOf(asked))?.left
  }
  const leaving = ({ from }: Move): AskedAlias =>
    names.has(readAlias(from).hostname) ? names.read(from) : refuse(`${from} is not of ${hostname}`)

  /** Who has an alias under the hostname that is asked for. */
  const active = async ({ name, at }: AskedAlias, nowMs: Millis): Promise<AliasRow | undefined> => {
    const row = await registry.find(name, nowMs)
    return row && (await names.of(name)).includes(at) ? row : undefined
  }
  const left = async (asked: AskedAlias, nowMs: Millis): Promise<MoveRow | undefined> => {
    const kept = await get(asked)
    return kept && kept.untilMs > nowMs && !(await active(asked, nowMs)) ? kept : undefined
  }

  /**
   * Takes away an alias under a former name whose owner has followed to another, and that was put back by a registration at the same moment.
   * @returns whether it was so
   */
  async function mend(alias: string, { account, untilMs }: MoveRow, nowMs: Millis) {
    const asked = names.read(alias)
    const row = await active(asked, nowMs)
    const isBack = row?.account === account && asked.at !== hostname
    if (!isBack || (await names.of(asked.name)).length === 1) return false
    await registry.release(alias, account, nowMs, { untilMs })
    return true
  }

  return {
    find: async (alias, nowMs) => left(names.read(alias), nowMs),
    async owner(alias, nowMs) {
      const asked = names.read(alias)
      const row = (await active(asked, nowMs)) ?? (await left(asked, nowMs))
      if (!row) throw new MuttrError('ALIAS_UNKNOWN', `no ${asked.name} at ${asked.at}`)
      return row.account
    },
    async take({ account, certificate, frame, nowMs }) {
      const move = await verifyMove(frame, { key: certificate, nowMs }, crypto)
      const asked = leaving(move)
      const before = await get(asked)
      const isActive = (await active(asked, nowMs)) !== undefined
      const isOurs = before?.account === account
      const isSame = isOurs && equalBytes(before.move, frame)
      if (isSame && (!isActive || (await mend(move.from, before, nowMs)))) return before.signature
      if (isOurs && before.sequence >= move.sequence) refuse('a later move of it is known')
      const signature = await countersign(person, frame, nowMs, crypto)
      // Its owner may have revoked it since the session began.
      if (await registry.isRevoked(certificate.pin)) refuse('the key is revoked')
      const isAgain = isOurs && !isActive && before.untilMs > nowMs
      const untilMs = isAgain
        ? before.untilMs
        : nowMs + podTimes.moveTransitMs + podTimes.quarantineMs
      const { sequence } = move
      const kept = { account, sequence, certificate: certificate.bytes, move: frame, signature }
      const value = moveRow.encode({ ...kept, untilMs })
      const put = { type: 'put' as const, table: tables.moves, key: keyOf(asked), value }
      if (isAgain) await state.write([put])
      else if (!isActive)
        throw new MuttrError('ALIAS_UNKNOWN', `you have no alias ${asked.name}@${asked.at} here`)
      else await registry.release(move.from, account, nowMs, { untilMs, also: [put] })
      return signature
    },
    async sweep(nowMs) {
      for await (const { key, value } of rowsOf(state, tables.moves)) {
        const row = moveRow.decode(value)
        if (row.untilMs <= nowMs) await state.write([{ type: 'delete', table: tables.moves, key }])
        else if (names.former.includes(readAlias(fromOf(row)).hostname))
          await mend(fromOf(row), row, nowMs)
      }
    }
  }
}

const leftMax = 16

const fromOf = ({ move }: MoveRow): string => decodeSignedMove(move).move.from

/** What is kept of aliases of this name that were left, under any name of the pod. */
export async function leftUnder(
  state: State,
  name: AliasName
): Promise<{ key: string; left: MoveRow }[]> {
  // '@' is followed by 'A'.
  const range = { gte: `${name}@`, lt: `${name}A`, limit: leftMax }
  const rows = await state.list(tables.moves, range)
  // As it was kept before pods could get another name.
  const bare = await state.get(tables.moves, name)
  if (bare) rows.push({ key: name, value: bare })
  return rows.map(({ key, value }) => ({ key, left: moveRow.decode(value) }))
}

/** The certificate of a key that left all its aliases here: what waits is still its own. */
export async function leftCertificate(
  state: State,
  account: AccountId
): Promise<Uint8Array | undefined> {
  for (const { key } of await state.list(tables.released, under(account))) {
    const all = await leftUnder(state, key.slice(account.length + 1))
    const own = all.find(({ left }) => left.account === account)
    if (own) return own.left.certificate
  }
  return undefined
}
