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
import type { AliasName } from './alias.ts'
import { foldName, readAlias } from './alias.ts'
import { podTimes } from './limits.ts'
import type { Registry } from './registry.ts'
import type { AccountId, Row } from './rows.ts'
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
  /** @returns undefined unless the alias was left, and nobody has it now. */
  find(name: AliasName, nowMs: Millis): Promise<MoveRow | undefined>
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
  hostname: string
  registry: Pick<Registry, 'find' | 'release' | 'isRevoked'>
}

const refuse = (what: string): never => {
  throw new MuttrError('MOVE_INVALID', what)
}

export function createMoves({ state, crypto, person, hostname, registry }: Parts): Moves {
  const get = async (name: AliasName): Promise<MoveRow | undefined> => {
    const found = await state.get(tables.moves, name)
    return found && moveRow.decode(found)
  }
  const nameOf = ({ from }: Move): AliasName => {
    const alias = readAlias(from)
    return alias.hostname === hostname ? alias.name : refuse(`${from} is not of ${hostname}`)
  }

  const find: Moves['find'] = async (name, nowMs) => {
    const kept = await get(name)
    return kept && kept.untilMs > nowMs && !(await registry.find(name, nowMs)) ? kept : undefined
  }

  return {
    find,
    async owner(alias, nowMs) {
      const name = foldName(alias)
      const row = (await registry.find(name, nowMs)) ?? (await find(name, nowMs))
      if (!row) throw new MuttrError('ALIAS_UNKNOWN', `no ${name} at ${hostname}`)
      return row.account
    },
    async take({ account, certificate, frame, nowMs }) {
      const move = await verifyMove(frame, { key: certificate, nowMs }, crypto)
      const name = nameOf(move)
      const before = await get(name)
      const isActive = (await registry.find(name, nowMs)) !== undefined
      const isOurs = before?.account === account
      if (isOurs && !isActive && equalBytes(before.move, frame)) return before.signature
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
      const also = [{ type: 'put' as const, table: tables.moves, key: name, value }]
      if (isAgain) await state.write(also)
      else await registry.release(name, account, nowMs, { untilMs, also })
      return signature
    },
    async sweep(nowMs) {
      for await (const { key, value } of rowsOf(state, tables.moves))
        if (moveRow.decode(value).untilMs <= nowMs)
          await state.write([{ type: 'delete', table: tables.moves, key }])
    }
  }
}

/** The certificate of a key that left all its aliases here: what waits is still its own. */
export async function leftCertificate(
  state: State,
  account: AccountId
): Promise<Uint8Array | undefined> {
  for (const { key } of await state.list(tables.released, under(account))) {
    const kept = await state.get(tables.moves, key.slice(account.length + 1))
    const left = kept && moveRow.decode(kept)
    if (left?.account === account) return left.certificate
  }
  return undefined
}
