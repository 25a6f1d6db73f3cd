import { equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis, Random } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import { withFormer } from '../keys/person.ts'
import type { Change, State } from '../store/state.ts'
import type { Field } from '../wire/cbor.ts'
import { bytes, literal, mapped, nullable, text, tuple, uint } from '../wire/cbor.ts'
import type { Move } from '../wire/move.ts'
import { decodeSignedMove } from '../wire/move.ts'
import type { Registration } from './client.ts'
import type { Closet } from './closet.ts'
import { openCloset, resealedCloset } from './closet.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** Who this client is: the certificate that everybody may see, and, when the vault is open, the person. */
export interface Self {
  /** Null on a seed without a person. */
  certificate(): Certificate | null
  readonly locked: boolean
  /** Whether a key, by its pin, came before the one of now; of no key while the vault is locked. */
  isFormer(pin: string): boolean
  /** @throws {MuttrError} `VAULT_LOCKED` */
  person(): Person
  /** @throws {MuttrError} `VAULT_LOCKED` */
  closet(): Closet
  /** Undefined while the vault is locked. */
  readonly openCloset: Closet | undefined
  /** Own aliases, oldest first. */
  registrations(): readonly Registration[]
  /** Aliases that were left for others. */
  left(): readonly LeftRegistration[]
  /**
   * Leaves an alias, as a signed move says; a later move takes the place of one before.
   * @param also written with it. @returns false for one that is not ours, or that a later move left
   */
  leave(move: Uint8Array, also?: readonly Change[]): Promise<boolean>
  /** Whether a move of ours leaves an alias that a later one, or the same, has left or led to. */
  isPast(move: Move): boolean
  /** The lowest sequence of a move that is later than all of ours so far. */
  nextSequence(): number
  /** The former pod agrees to a move. */
  agreed(move: Uint8Array, signature: Uint8Array): Promise<void>
  /** Nobody has to be told any more of an alias that was left. */
  forget(alias: string): Promise<void>
  unlock(person: Person): Promise<void>
  /** Forgets the person, and the key to what lies on the disk. */
  lock(): void
  /** The person with a self-signed User ID for the alias, whose certificate its pod is asked to certify. @throws {MuttrError} `VAULT_LOCKED` */
  prepare(alias: string): Promise<Person>
  /** Keeps what the pod certified of a prepared person. */
  registered(
    registration: Registration,
    certified: { certificate: Certificate; by: Certificate }
  ): Promise<void>
  /** Keeps the own certificate, revoked; also while the vault is locked, which takes it over when it is opened. */
  revoke(revoked: Certificate): Promise<void>
  /**
   * Takes other subkeys. The old ones must be able to open until this resolves, and what lies sealed here is sealed to the newest then.
   * @param change of the person as it is now. @param changes written with it. @throws {MuttrError} `VAULT_LOCKED`
   */
  rekey(
    change: (person: Person) => Promise<Person>,
    changes: (next: Person, before: Person) => Change[] | Promise<Change[]>
  ): Promise<Person>
  /**
   * Becomes another key, with the one of now as the newest that came before: on the disk before anything needs it. What lies sealed here is
   * sealed to it then. @param changes written with it, made when nothing comes between. @throws {MuttrError} `VAULT_LOCKED`
   */
  succeed(next: Person, changes: () => Change[]): Promise<void>
}

export interface SelfParts {
  state: State
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  certificate: Certificate | null
  /** Called when User IDs or certifications were added, to rewrite HOME/certificate.pgp and the vault. */
  savePerson?: (person: Person) => Promise<void>
}

const certificateRow = { table: 'self', key: 'certificate' } as const

/** An alias that was left. */
export interface LeftRegistration extends Registration {
  /** As our key signed it. */
  readonly frame: Uint8Array
  readonly move: Move
  /** The former pod's, over that; null until it has signed. */
  readonly signature: Uint8Array | null
}

interface RegistrationRow extends Registration {
  readonly sinceMs: Millis
  /** Of the last move that left it, also when we are there again; null before the first. */
  readonly sequence: number | null
  readonly left: Pick<LeftRegistration, 'frame' | 'move' | 'signature'> | null
}

const left = mapped(
  tuple(bytes(1, limits.signedMoveBytesMax), nullable(bytes(1, limits.signatureBytesMax))),
  ([frame, signature]) => ({ frame, move: decodeSignedMove(frame).move, signature })
)

const currentRow = mapped(
  tuple(
    literal(3),
    text(limits.fullAliasCharsMax, 3),
    text(limits.hostnameCharsMax, 1),
    uint(),
    uint(),
    nullable(left),
    nullable(uint())
  ),
  ([, alias, pod, certifiedUntilMs, sinceMs, left, sequence]): RegistrationRow => ({
    ...{ alias, pod, certifiedUntilMs, sinceMs, left },
    sequence: left?.move.sequence ?? sequence
  })
)
/** Version 1, of homes made before people could move, lacks the last two fields; version 2 the last. */
const registrationRow: Field<RegistrationRow> = value => {
  const [version, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  if (version === 1) return currentRow([3, ...rest, null, null])
  return currentRow(version === 2 ? [3, ...rest, null] : value)
}

const registrationTable = (state: State, log: Log): Table<RegistrationRow> =>
  createTable({
    state,
    log,
    name: 'registrations',
    field: registrationRow,
    write: r => [
      ...[3, r.alias, r.pod, r.certifiedUntilMs, r.sinceMs],
      ...[r.left && [r.left.frame, r.left.signature], r.sequence]
    ],
    maxBytes: 1_024 + limits.signedMoveBytesMax + limits.signatureBytesMax
  })

export async function createSelf(parts: SelfParts): Promise<Self> {
  const { state, clock, random, log, crypto, savePerson } = parts
  const rows = registrationTable(state, log)
  let all = (await rows.list()).map(({ value }) => value).sort((a, b) => a.sinceMs - b.sinceMs)
  let registrations = all.filter(({ left }) => left === null)
  /** Known here once it is on the disk. */
  const keepRow = (row: RegistrationRow): void => {
    const others = all.filter(({ alias }) => alias !== row.alias)
    all = [...others, row].sort((a, b) => a.sinceMs - b.sinceMs)
    registrations = all.filter(({ left }) => left === null)
  }
  let certificate = await ownCertificate(parts)
  let person: Person | undefined
  let closet: Closet | undefined

  const need = <T>(part: T | undefined): T => {
    if (part === undefined) throw new MuttrError('VAULT_LOCKED', 'the vault is locked')
    return part
  }
  /** All that was registered so far, also since this person was prepared. */
  const withAliases = async (given: Person): Promise<Person> => {
    let next = given
    for (const { alias } of registrations) next = await crypto.addAlias(next, alias, clock.now())
    const isOurs = certificate?.pin === next.certificate.pin
    return certificate && isOurs ? crypto.withCertificate(next, certificate) : next
  }
  const keep = async (next: Person, changes: Change[]) => {
    const value = next.certificate.bytes
    await state.write([{ type: 'put', ...certificateRow, value }, ...changes])
    person = next
    certificate = next.certificate
    await savePerson?.(next)
  }
  /** Our last move from an alias, or to it: by an older one we are not away from there. */
  const isPast = ({ from, sequence }: Move): boolean =>
    all.some(
      ({ alias, left, sequence: last }) =>
        (last ?? -1) >= sequence && (alias === from || left?.move.to === from)
    )
  let turn = Promise.resolve()
  /** Two changes of the person at once would each lose what the other made. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.then(
      () => undefined,
      () => undefined
    )
    return done
  }

  return {
    certificate: () => certificate,
    get locked() {
      return person === undefined
    },
    isFormer: pin => person?.former.some(one => one.certificate.pin === pin) ?? false,
    person: () => need(person),
    closet: () => need(closet),
    get openCloset() {
      return closet
    },
    registrations: () => registrations,
    async unlock(unlocked) {
      const { former } = unlocked
      const own = [unlocked, ...former].map(one => one.certificate.pin)
      // A crash may have kept the state from being told that another key is ours.
      if (certificate && !own.includes(certificate.pin))
        throw new MuttrError('HOME_DAMAGED', 'the vault holds another person than this folder')
      closet = await openCloset({ state, person: unlocked, random, crypto, nowMs: clock.now() })
      // The vault may have been sealed before the aliases were registered.
      person = await withAliases(unlocked)
      // The vault's subkeys are those that open; a crash may have kept the state from being told of them.
      certificate = person.certificate
    },
    lock() {
      person = undefined
      closet = undefined
    },
    prepare: alias => crypto.addAlias(need(person), alias, clock.now()),
    registered: (registration, certified) =>
      alone(async () => {
        const { alias } = registration
        const before = all.find(known => known.alias === alias)
        const sinceMs = before && !before.left ? before.sinceMs : clock.now()
        const row = { ...registration, sinceMs, left: null, sequence: before?.sequence ?? null }
        const named = await withAliases(await crypto.addAlias(need(person), alias, clock.now()))
        await keep(await crypto.withCertificate(named, certified.certificate, certified.by), [
          rows.put(alias, row)
        ])
        keepRow(row)
      }),
    isPast,
    nextSequence: () => Math.max(0, ...all.map(({ sequence }) => (sequence ?? -1) + 1)),
    left: () => all.flatMap(({ left, ...row }) => (left ? { ...row, ...left } : [])),
    leave: (frame, also = []) =>
      alone(async () => {
        const { move } = decodeSignedMove(frame)
        const before = all.find(({ alias }) => alias === move.from)
        const isThere = registrations.some(({ alias }) => alias === move.to)
        if (!before || isPast(move) || !isThere) return false
        const { sequence } = move
        const row = { ...before, left: { frame, move, signature: null }, sequence }
        await state.write([rows.put(move.from, row), ...also])
        keepRow(row)
        return true
      }),
    agreed: (frame, signature) =>
      alone(async () => {
        const before = all.find(one => one.left && equalBytes(one.left.frame, frame))
        if (!before?.left) return
        const row = { ...before, left: { ...before.left, signature } }
        await state.write([rows.put(row.alias, row)])
        keepRow(row)
      }),
    forget: alias =>
      alone(async () => {
        await state.write([rows.drop(alias)])
        all = all.filter(one => one.alias !== alias)
        registrations = registrations.filter(one => one.alias !== alias)
      }),
    revoke: revoked =>
      alone(async () => {
        if (person) return keep(await crypto.withCertificate(person, revoked), [])
        await state.write([{ type: 'put', ...certificateRow, value: revoked.bytes }])
        certificate = revoked
      }),
    rekey: (change, changes) =>
      alone(async () => {
        const before = need(person)
        const next = await change(before)
        if (next === before) return next
        const sealing = { state, person: before, random, crypto, nowMs: clock.now() }
        // A new secret must be on the disk before anybody can seal to it, and before the closet's key needs it.
        const hasNew = next.certificate.subkeys.some(({ fingerprint }) => !has(person, fingerprint))
        if (hasNew) await savePerson?.(next)
        const also = await changes(next, before)
        await keep(next, [await resealedCloset({ ...sealing, to: next }), ...also])
        return next
      }),
    succeed: (given, changes) =>
      alone(async () => {
        const before = need(person)
        const sealing = { state, person: before, random, crypto, nowMs: clock.now() }
        // The vault may have been written before a crash.
        const isDone = before.certificate.pin === given.certificate.pin
        const next = await withAliases(
          isDone ? before : withFormer(given, [before, ...before.former])
        )
        await savePerson?.(next)
        const resealed = await resealedCloset({ ...sealing, to: next })
        await keep(next, [resealed, ...changes()])
      })
  }
}

const has = (person: Person | undefined, fingerprint: string): boolean =>
  person?.certificate.subkeys.some(subkey => subkey.fingerprint === fingerprint) ?? false

/** What was kept in the state is the newer: it has the certifications of pods. */
async function ownCertificate({
  state,
  log,
  crypto,
  certificate
}: SelfParts): Promise<Certificate | null> {
  const kept = await state.get(certificateRow.table, certificateRow.key)
  if (!kept) return certificate
  try {
    const read = await crypto.readCertificate(bytes(1, 256 * 1_024)(kept))
    if (!certificate || read.pin === certificate.pin) return read
    log.warn('the kept certificate is of another person')
  } catch {
    log.warn('the kept certificate is damaged')
  }
  return certificate
}
